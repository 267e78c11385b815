"""Replicas that come and go while requests are in flight: the compiled plane equals the oracle."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracles.comparison import (
    assert_equal,
    assert_little,
    assert_same_classes,
    assert_same_figures,
    assert_same_gaps,
    run_oracle,
    run_plane,
)
from oracles.fleets import (
    SETTINGS,
    changing,
    crowded_service,
    fleets,
    generative_service,
    single_pass_service,
    with_classes,
)

from sim.serving import layout

KINDS = [changing(each) for each in (generative_service, crowded_service, single_pass_service)]
OF_CLASSES = [changing(with_classes(each)) for each in (generative_service, crowded_service, single_pass_service)]
LAST = 20.0
"""Seconds after which all replicas are ready, so that every request comes to an end."""


def draw_changes(data, fleet):
    """What happens to which replica, anywhere and at the very instants of arrivals and ends; in the end all are ready."""
    start, plans, lists = fleet
    all_the_time = [plan | {"ready": None} for plan in plans]
    finished, _ = run_oracle(all_the_time, lists, start)
    instants = sorted({time for r in finished for time in (r.arrival, r.start, r.end) if start <= time < start + LAST})
    anywhere = st.floats(0.0, 12.0).map(lambda offset: start + offset)
    when = st.one_of(anywhere, st.sampled_from(instants)) if instants else anywhere
    replicas = [(service, number) for service, plan in enumerate(plans) for number in range(plan["replicas"])]
    what = st.sampled_from([layout.READY, layout.READY, layout.DRAINING, layout.ABSENT])
    changes = data.draw(st.lists(st.tuples(when, st.sampled_from(replicas), what), max_size=24))
    changes += [(start + LAST, replica, layout.READY) for replica in replicas]
    return sorted(changes, key=lambda change: change[0])


def change_plane(plane, service, number, life):
    before = plane.life(service, number)
    if life == layout.READY and before != layout.READY:
        plane.make_ready(service, number)
    elif life == layout.DRAINING and before == layout.READY:
        plane.drain(service, number)
    elif life == layout.ABSENT and before != layout.ABSENT:
        plane.die(service, number)


def change_oracle(oracle, service, number, life):
    before = oracle.replica_of(service, number).life
    if life == layout.READY and before != layout.READY:
        oracle.make_ready(service, number)
    elif life == layout.DRAINING and before == layout.READY:
        oracle.drain(service, number)
    elif life == layout.ABSENT and before != layout.ABSENT:
        oracle.die(service, number)


def run_both(fleet, changes, further=(), **sizes):
    """The finished requests and the plane, those that are expected and the oracle."""
    start, plans, lists = fleet
    left = list(changes)

    def act(plane):
        while left and left[0][0] <= plane.now:
            _, (service, number), life = left.pop(0)
            change_plane(plane, f"s{service}", number, life)

    def acts(replica, life):
        return lambda oracle: change_oracle(oracle, *replica, life)

    stops = [time for time, *_ in changes] + list(further)
    finished, plane = run_plane(plans, lists, start, stops, act, **sizes)
    expected, oracle = run_oracle(plans, lists, start, [(time, acts(*change)) for time, *change in changes])
    return finished, plane, expected, oracle


def assert_same(fleet, finished, plane, expected, oracle):
    _, plans, lists = fleet
    assert_equal(finished, expected, [s for s, plan in enumerate(plans) if hasattr(plan["replica"], "iteration")])
    assert_same_gaps(plane, oracle, finished, expected)
    assert_little(plane)
    assert len(finished) == sum(map(len, lists))
    assert plane.in_flight == 0
    for name in ("kv_held", "members", "outstanding", "batch", "work"):
        assert name == "work" or not plane.plane.replicas[name].any()
    for record, replica in zip(plane.plane.replicas, oracle.replicas, strict=True):
        assert record["life"] == replica.life
        busy = sum(record[f"busy_{phase}"] for phase in layout.PHASES)
        assert busy == pytest.approx(replica.busy, rel=1e-6, abs=1e-5)
        joules = sum(record[f"joules_{phase}"] for phase in layout.PHASES)
        assert joules == pytest.approx(replica.joules, rel=1e-6, abs=1e-2)


@given(fleets(KINDS), st.data())
@SETTINGS
def test_replicas_come_and_go(fleet, data):
    assert_same(fleet, *run_both(fleet, draw_changes(data, fleet)))


@given(fleets(OF_CLASSES), st.data())
@SETTINGS
def test_replicas_come_and_go_for_classes(fleet, data):
    finished, plane, expected, oracle = run_both(fleet, draw_changes(data, fleet))
    assert_same(fleet, finished, plane, expected, oracle)
    assert_same_classes(plane, oracle, fleet)


@given(fleets([*KINDS, generative_service, OF_CLASSES[0]]), st.data())
@SETTINGS
def test_stops_and_blocks_change_nothing(fleet, data):
    start, plans, _ = fleet
    changes = [change for change in draw_changes(data, fleet) if plans[change[1][0]].get("ready") is not None]
    further = data.draw(st.lists(st.floats(0.0, LAST).map(lambda offset: start + offset), max_size=6))
    sizes = {
        "block_size": data.draw(st.sampled_from([1, 7, 64])),
        "slots": data.draw(st.sampled_from([1, 2, 1024])),
        "row_block": data.draw(st.sampled_from([1, 7])),
        "budget": data.draw(st.sampled_from([1, 2, 1000])),
    }
    both = run_both(fleet, changes, further, **sizes)
    assert_same(fleet, *both)
    straight = run_both(fleet, changes)[1]
    assert_same_figures(both[1], straight)
    for name in ("presence_area", "started", "stopped", "most_present"):
        np.testing.assert_allclose(both[1].plane.services[name], straight.plane.services[name], rtol=1e-12)
