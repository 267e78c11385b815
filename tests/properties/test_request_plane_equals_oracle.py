"""The compiled request plane equals its one-event-per-iteration twin, request by request and bit for bit."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracles.comparison import (
    assert_little,
    assert_same_classes,
    assert_same_figures,
    check,
    choose,
    run_oracle,
    run_plane,
    running_at,
    suspended,
    waiting_at,
)
from oracles.fleets import (
    SETTINGS,
    crowded_service,
    fleets,
    generative_service,
    single_pass_service,
    with_classes,
)


@given(fleets([generative_service]))
@SETTINGS
def test_continuous_batching(fleet):
    plane, oracle = check(fleet)
    for record, replica in zip(plane.plane.replicas, oracle.replicas, strict=True):
        busy = record["busy_prefill"] + record["busy_decode"]
        joules = record["joules_prefill"] + record["joules_decode"]
        assert busy == pytest.approx(replica.busy, rel=1e-6, abs=1e-6)
        assert joules == pytest.approx(replica.joules, rel=1e-9, abs=1e-9)


def plainly(plan):
    """The same service, with no more than plain kernels serve."""
    routing = "least_outstanding" if plan["routing"] in ("least_work", "weighted", "own") else plan["routing"]
    preemption = "recompute" if plan.get("preemption") == "swap" else plan.get("preemption", "none")
    return plan | {"routing": routing, "preemption": preemption, "prefix_hit_rate": 0.0, "chunked": False}


@given(fleets([generative_service, single_pass_service]))
@SETTINGS
def test_plain_planes(fleet):
    start, plans, lists = fleet
    plane, _ = check((start, list(map(plainly, plans)), lists))
    assert plane.plane.full is None


@given(fleets([crowded_service]))
@SETTINGS
def test_preemption(fleet):
    check(fleet)


@given(fleets([with_classes(generative_service), with_classes(crowded_service), generative_service]))
@SETTINGS
def test_priority_classes_in_continuous_batching(fleet):
    plane, oracle = check(fleet)
    assert_little(plane)
    assert_same_classes(plane, oracle, fleet)


@given(fleets([with_classes(single_pass_service), single_pass_service]))
@SETTINGS
def test_priority_classes_in_passes(fleet):
    plane, oracle = check(fleet)
    assert_little(plane)
    assert_same_classes(plane, oracle, fleet)


@given(fleets([single_pass_service]))
@SETTINGS
def test_dynamic_batching(fleet):
    plane, oracle = check(fleet)
    for record, replica in zip(plane.plane.replicas, oracle.replicas, strict=True):
        assert record["busy_batch"] == pytest.approx(replica.busy, rel=1e-6, abs=1e-6)
        assert record["joules_batch"] == pytest.approx(replica.joules, rel=1e-9, abs=1e-9)


BOTH = fleets([generative_service, single_pass_service])


@given(BOTH, st.data())
@SETTINGS
def test_stops_and_settling_change_nothing(fleet, data):
    start, plans, lists = fleet
    expected, _ = run_oracle(plans, lists, start)

    def look(plane):
        for service, record in enumerate(plane.plane.services):
            assert record["waiting"] == waiting_at(expected, service, plane.now)
            mine = plane.plane.replicas["service"] == service
            started = plane.plane.replicas["members"][mine].sum() + suspended(plane, service)
            assert started == running_at(expected, service, plane.now)

    plane, _ = check(fleet, stops=choose(data, expected, start), at_stop=look)
    _, straight = run_plane(plans, lists, start)
    assert_same_figures(plane, straight)
    assert_little(plane)
    assert_little(straight)


SIZES = {
    "block_size": st.sampled_from([1, 2, 7, 65_536]),
    "row_block": st.sampled_from([1, 2, 7]),
    "slots": st.sampled_from([1, 2, 1024]),
    "budget": st.sampled_from([1, 2, 3, 1000]),
}


@given(BOTH, st.fixed_dictionaries(SIZES), st.data())
@SETTINGS
def test_blocks_and_interruptions_change_nothing(fleet, sizes, data):
    start, plans, lists = fleet
    expected, _ = run_oracle(plans, lists, start)
    stops = choose(data, expected, start)
    plane, _ = check(fleet, stops=stops, **sizes)
    _, straight = run_plane(plans, lists, start, stops)
    assert_same_figures(plane, straight)
    assert plane.plane.replicas.tobytes() == straight.plane.replicas.tobytes()
    assert plane.plane.queues.tobytes() == straight.plane.queues.tobytes()


@given(BOTH, st.lists(st.tuples(st.floats(0.0, 6.0), st.integers(0, 2), st.integers(1, 4)), max_size=4))
@SETTINGS
def test_decisions_change_nothing_and_come_when_so_many_wait(fleet, alarms):
    start, plans, lists = fleet
    expected, _ = run_oracle(plans, lists, start)
    stops = dict(sorted((start + offset, (number % len(plans), waiting)) for offset, number, waiting in alarms))
    asked = []

    def arm(plane):
        service, waiting = stops[plane.now]
        plane.on_decision = lambda name, now: asked.append((name, now))
        plane.ask_for_decision(f"s{service}", waiting)

    plane, _ = check(fleet, stops=list(stops), at_stop=arm)
    assert_same_figures(plane, run_plane(plans, lists, start)[1])
    for name, now in asked:
        assert (now - start) * 2**20 == int((now - start) * 2**20)
        assert any(r.arrival <= now <= r.arrival + 2.0**-20 for r in expected if f"s{r.service}" == name)
