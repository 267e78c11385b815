"""Patience, attempts, sessions and closed loops: the compiled plane equals the oracle."""

from hypothesis import given
from hypothesis import strategies as st
from oracles.comparison import assert_little, check, check_in_pieces
from oracles.fleets import (
    SETTINGS,
    crowded_service,
    disaggregated_service,
    fleets,
    generative_service,
    single_pass_service,
    with_classes,
    with_clients,
)

from sim.serving.summary import request_counts

OUTCOMES = ("completed", "rejected", "timed_out", "abandoned")
PASSES = [with_clients(single_pass_service), with_clients(with_classes(single_pass_service))]
TOKENS = [with_clients(generative_service), with_clients(crowded_service), with_clients(with_classes(crowded_service))]


def assert_same_counts(plane, oracle):
    """What became of requests, and that no request is lost sight of."""
    for index, plan in enumerate(plane.services):
        counts = request_counts(plane.plane, index, plane.now)
        mine = [r for r in oracle.finished if r.service == index]
        assert counts["arrived"] == len(mine) == sum(counts[name] for name in OUTCOMES), plan
        for name in OUTCOMES:
            assert counts[name] == sum(r.status == name for r in mine)
    assert plane.plane.services["retries"].sum() == oracle.retries
    assert plane.plane.services["cut_sessions"].sum() == oracle.cut_sessions
    assert plane.in_flight == 0
    assert plane.plane.clock["returning"] == plane.plane.clock["impatient"] == 0


@given(fleets(PASSES))
@SETTINGS
def test_passes(fleet):
    plane, oracle = check(fleet)
    assert_same_counts(plane, oracle)
    assert_little(plane)


@given(fleets(TOKENS))
@SETTINGS
def test_tokens(fleet):
    plane, oracle = check(fleet)
    assert_same_counts(plane, oracle)
    assert_little(plane)


EVERY = [*PASSES, *TOKENS, with_clients(disaggregated_service), generative_service]


@given(fleets(EVERY), st.data())
@SETTINGS
def test_stops_and_blocks_change_nothing(fleet, data):
    plane, oracle, _ = check_in_pieces(fleet, data, budget=st.sampled_from([1, 3, 1000]))
    assert_same_counts(plane, oracle)
