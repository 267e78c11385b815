"""The compiled request plane equals its one-event-per-iteration twin, request by request and bit for bit."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from oracles.request_plane import Oracle, Request
from oracles.setups import Listed, generative, single_pass

from sim.serving import layout
from sim.serving.request_plane import RequestPlane, ServicePlan

STARTS = (0.0, 1e5, 1e7)
ROUTING = tuple(layout.ROUTING)
FIELDS = ("service", "index", "status", "replica", "start", "first_token", "end")


def run_plane(plans, lists, start, stops=(), block_size=64):
    """All finished requests by (service, index), and the plane."""
    rows = []
    plans = [
        ServicePlan(**{**plan, "arrivals": Listed(own, block_size)}) for plan, own in zip(plans, lists, strict=True)
    ]
    plane = RequestPlane(plans, start=start, on_rows=rows.append, row_block=7)
    for stop in sorted(stops):
        plane.advance(stop)
        plane.settle()
    plane.advance(start + 1e6)
    plane.flush_rows()
    finished = np.concatenate(rows) if rows else np.zeros(0, layout.ROW)
    return finished, plane


def run_oracle(plans, lists, start):
    plans = [ServicePlan(**{**plan, "arrivals": Listed(own)}) for plan, own in zip(plans, lists, strict=True)]
    requests = [
        [Request(s, i, a, max(p, 1), max(o, 1), w) for i, (a, p, o, w) in enumerate(own)] for s, own in enumerate(lists)
    ]
    oracle = Oracle(plans, requests, start)
    return oracle.run(), oracle


def as_rows(finished):
    return {
        (row["service"], row["index"]): (
            layout.OUTCOMES[row["status"]],
            row["replica"],
            row["start"],
            row["first_token"],
            row["end"],
        )
        for row in finished
    }


def assert_equal(finished, expected, generative_services):
    ours = as_rows(finished)
    assert len(ours) == len(finished) == len(expected)
    for request in expected:
        status, replica, start, first_token, end = ours[request.service, request.index]
        assert status == request.status, request
        assert end == request.end, (request, end)
        if status == "completed":
            assert (replica, start) == (request.replica, request.start), request
            if request.service in generative_services:
                assert first_token == request.first_token, request


def arrivals(draw, start, count, prompts, outputs):
    """Arrival lists with bursts and equal times: gaps are drawn from a few values as well as from a continuum."""
    gap = st.one_of(st.sampled_from([0.0, 0.0, 0.25, 0.5, 0.012]), st.floats(0.0, 0.6))
    gaps = draw(st.lists(gap, min_size=1, max_size=count))
    times = start + np.cumsum(gaps)
    return [(float(t), draw(prompts), draw(outputs), draw(st.sampled_from([1.0, 0.5, 2.0]))) for t in times]


@st.composite
def generative_service(draw, start):
    plan = {
        "name": "s",
        "replica": generative(
            max_batch=draw(st.integers(1, 8)),
            kv_capacity=draw(st.sampled_from([256, 1024, 65536])),
            knots=draw(st.sampled_from([(), (300,), (64, 200, 700)])),
        ),
        "replicas": draw(st.integers(1, 5)),
        "routing": draw(st.sampled_from(ROUTING)),
        "routing_key": draw(st.integers(0, 2**64 - 1)),
        "max_batched_tokens": draw(st.sampled_from([1, 100, 400, 8192])),
        "queue_limit": draw(st.sampled_from([None, None, 0, 1, 5])),
        "timeout": draw(st.sampled_from([None, None, 0.25, 0.05, 1.0])),
    }
    plan["max_batch"] = len(plan["replica"].iteration.until) - 1
    outputs = st.one_of(st.integers(0, 3), st.integers(1, 80))
    return plan, arrivals(draw, start, 30, st.integers(0, 300), outputs)


@st.composite
def single_pass_service(draw, start):
    max_batch = draw(st.integers(1, 6))
    plan = {
        "name": "s",
        "replica": single_pass(max_batch),
        "replicas": draw(st.integers(1, 4)),
        "routing": draw(st.sampled_from(ROUTING)),
        "routing_key": draw(st.integers(0, 2**64 - 1)),
        "max_batch": max_batch,
        "max_queue_delay": draw(st.sampled_from([0.0, 0.0, 0.25, 0.1])),
        "queue_limit": draw(st.sampled_from([None, None, 0, 1, 5])),
        "timeout": draw(st.sampled_from([None, None, 0.25, 1.0])),
    }
    return plan, arrivals(draw, start, 30, st.just(1), st.just(1))


@st.composite
def fleets(draw, kinds):
    start = draw(st.sampled_from(STARTS))
    services = [draw(kind(start)) for kind in draw(st.lists(st.sampled_from(kinds), min_size=1, max_size=3))]
    return start, [plan for plan, _ in services], [own for _, own in services]


def check(fleet, stops=(), block_size=64):
    start, plans, lists = fleet
    finished, plane = run_plane(plans, lists, start, stops=[start + stop for stop in stops], block_size=block_size)
    expected, oracle = run_oracle(plans, lists, start)
    assert_equal(finished, expected, [s for s, plan in enumerate(plans) if hasattr(plan["replica"], "iteration")])
    return plane, oracle


SETTINGS = settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))


@given(fleets([generative_service]))
@SETTINGS
def test_continuous_batching(fleet):
    plane, oracle = check(fleet)
    for record, replica in zip(plane.plane.replicas, oracle.replicas, strict=True):
        busy = record["busy_prefill"] + record["busy_decode"]
        joules = record["joules_prefill"] + record["joules_decode"]
        assert busy == pytest.approx(replica.busy, rel=1e-6, abs=1e-6)
        assert joules == pytest.approx(replica.joules, rel=1e-9, abs=1e-9)


@given(fleets([single_pass_service]))
@SETTINGS
def test_dynamic_batching(fleet):
    plane, oracle = check(fleet)
    for record, replica in zip(plane.plane.replicas, oracle.replicas, strict=True):
        assert record["busy_batch"] == pytest.approx(replica.busy, rel=1e-6, abs=1e-6)
        assert record["joules_batch"] == pytest.approx(replica.joules, rel=1e-9, abs=1e-9)


@given(fleets([generative_service, single_pass_service]), st.lists(st.floats(0.0, 12.0), max_size=8))
@SETTINGS
def test_stops_and_settling_change_nothing(fleet, stops):
    check(fleet, stops)


@given(fleets([generative_service, single_pass_service]), st.sampled_from([1, 2, 7]))
@SETTINGS
def test_block_size_changes_nothing(fleet, block_size):
    check(fleet, block_size=block_size)
