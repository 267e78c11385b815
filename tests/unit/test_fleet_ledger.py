"""Accelerator-seconds and joules by pool, owner and state."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.fleet.ledger import UNASSIGNED, Ledger, PoolPower, State

FREE = (UNASSIGNED, State.IDLE)


def ledger():
    watts = {("chat", State.RESIDENT): 90.0, ("tune", State.BUSY): 300.0}
    return Ledger({"p": PoolPower(8, 50.0, watts, host_idle=10.0, host_busy=25.0)}, ["chat", "tune"])


def cell(book, name, owner, state):
    return getattr(book, name)[book.pools["p"], book.owners[owner], state]


def test_seconds_and_joules_of_every_state():
    book = ledger()
    book.move(10.0, "p", 4, FREE, ("tune", State.BUSY))
    book.move(30.0, "p", 4, ("tune", State.BUSY), FREE)
    book.settle(100.0)
    assert cell(book, "seconds", "tune", State.BUSY) == 80.0
    assert cell(book, "joules", "tune", State.BUSY) == 80.0 * 300.0
    assert cell(book, "host_joules", "tune", State.BUSY) == 80.0 * 25.0
    assert cell(book, "seconds", UNASSIGNED, State.IDLE) == 800.0 - 80.0
    assert cell(book, "joules", UNASSIGNED, State.IDLE) == 720.0 * 50.0
    assert cell(book, "host_joules", UNASSIGNED, State.IDLE) == 720.0 * 10.0


def test_what_a_service_did_is_moved_from_resident_to_busy():
    book = ledger()
    book.move(0.0, "p", 2, FREE, ("chat", State.RESIDENT))
    book.settle(100.0)
    book.book_busy("p", "chat", 50.0, 12345.0)
    assert cell(book, "seconds", "chat", State.RESIDENT) == 150.0
    assert cell(book, "seconds", "chat", State.BUSY) == 50.0
    assert cell(book, "joules", "chat", State.RESIDENT) == 150.0 * 90.0
    assert cell(book, "joules", "chat", State.BUSY) == 12345.0
    assert book.host_joules[0, 0].sum() == 150.0 * 10.0 + 50.0 * 25.0


def test_moving_what_is_not_there_is_an_error():
    with pytest.raises(ValueError, match="tune has no 3 accelerators of p in state busy"):
        ledger().move(1.0, "p", 3, ("tune", State.BUSY), FREE)


@given(st.lists(st.tuples(st.floats(0, 1e4), st.integers(0, 8)), max_size=30))
def test_all_states_sum_to_the_accelerators_times_the_time(changes):
    book, now, busy = ledger(), 0.0, 0
    for gap, count in changes:
        now += gap
        moved = count - busy
        pair = (FREE, ("tune", State.BUSY)) if moved > 0 else (("tune", State.BUSY), FREE)
        book.move(now, "p", abs(moved), *pair)
        busy = count
    book.settle(now)
    assert book.seconds.sum() == pytest.approx(8 * now, rel=1e-12)
    assert book.counts.sum() == 8
