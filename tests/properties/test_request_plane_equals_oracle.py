"""The compiled request plane equals its one-event-per-iteration twin, request by request and bit for bit."""

import os
from unittest import mock

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from oracles.request_plane import Oracle, Request
from oracles.routing import own_rule
from oracles.setups import Listed, generative, single_pass

from sim.serving import layout, request_plane
from sim.serving.counting import BUCKETS
from sim.serving.own_rule import compiled_rule
from sim.serving.request_plane import RequestPlane
from sim.serving.service_plan import ClassPlan, ServicePlan
from sim.serving.summary import EDGES, classes_of, counts_by_service

STARTS = (0.0, 1e5, 1e7)
ROUTING = (*layout.ROUTING, "own")
OWN_RULE = compiled_rule("own", own_rule)
FIELDS = ("service", "index", "status", "replica", "start", "first_token", "end")


def rule_of(plan):
    return OWN_RULE if plan["routing"] == "own" else None


def new_plane(plans, lists, start, rows, *, block_size=64, row_block=7, slots=1024, budget=1000):
    plans = [
        ServicePlan(**plan | {"name": f"s{number}", "arrivals": Listed(own, block_size), "rule": rule_of(plan)})
        for number, (plan, own) in enumerate(zip(plans, lists, strict=True))
    ]
    with mock.patch.object(request_plane, "FIRST_SLOTS", slots):
        plane = RequestPlane(plans, start=start, on_rows=rows.append, row_block=row_block)
    plane.plane.clock["budget"] = budget
    return plane


def run_plane(plans, lists, start, stops=(), at_stop=None, **sizes):
    """All finished requests by (service, index), and the plane. `at_stop` is called at every stop."""
    rows = []
    plane = new_plane(plans, lists, start, rows, **sizes)
    for stop in sorted(stops):
        while plane.now < stop:
            plane.advance(stop)
        plane.settle()
        if at_stop:
            at_stop(plane)
    while plane.now < start + 1e6:
        plane.advance(start + 1e6)
    plane.settle()
    plane.flush_rows()
    finished = np.concatenate(rows) if rows else np.zeros(0, layout.ROW)
    return finished, plane


def run_oracle(plans, lists, start, kind=Oracle):
    plans = [ServicePlan(**{**plan, "arrivals": Listed(own)}) for plan, own in zip(plans, lists, strict=True)]
    requests = [
        [Request(s, i, a, max(p, 1), max(o, 1), w) for i, (a, p, o, w, *_) in enumerate(own)]
        for s, own in enumerate(lists)
    ]
    for plan, own, rows in zip(plans, requests, lists, strict=True):
        for request, row in zip(own, rows, strict=True):
            request.priority = plan.classes[row[4]].priority if plan.classes else 0
    oracle = kind(plans, requests, start)
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
def limits(draw, timeouts):
    """Half of the services have none, so that many are lazy."""
    if draw(st.booleans()):
        return {}
    return {
        "queue_limit": draw(st.sampled_from([None, 0, 1, 5])),
        "timeout": draw(st.sampled_from([None, *timeouts])),
    }


@st.composite
def batching(draw, max_batch):
    """A third reserves room for whole outputs and prefills whole prompts first, which the plain kernels serve."""
    preemption = draw(st.sampled_from(["none", "recompute", "swap"]))
    plan = {"preemption": preemption, "slo_itl": draw(st.sampled_from([None, 0.0124, 0.05]))}
    if preemption == "none" and draw(st.booleans()):
        return plan
    plan["prefix_hit_rate"] = draw(st.sampled_from([0.0, 0.0, 0.3, 1.0]))
    if draw(st.booleans()):
        plan["chunked"] = True
        plan["max_batched_tokens"] = max_batch + draw(st.sampled_from([0, 1, 30, 400, 8192]))
    return plan


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
        **draw(limits([0.25, 0.05, 1.0])),
    }
    plan["max_batch"] = len(plan["replica"].iteration.until) - 1
    if draw(st.booleans()):
        other = generative(
            plan["max_batch"], draw(st.sampled_from([512, 4096])), slower=draw(st.sampled_from([0.5, 3.0]))
        )
        plan["others"] = ((other, draw(st.integers(1, plan["replicas"]))),)
    plan |= draw(batching(plan["max_batch"]))
    outputs = st.one_of(st.integers(0, 3), st.integers(1, 80))
    return plan, arrivals(draw, start, 30, st.integers(0, 300), outputs)


@st.composite
def single_pass_service(draw, start):
    max_batch = draw(st.integers(1, 6))
    plan = {
        "name": "s",
        "replica": single_pass(max_batch),
        "others": ((single_pass(max_batch, slower=3.0), 1),) if draw(st.booleans()) else (),
        "replicas": draw(st.integers(1, 4)),
        "routing": draw(st.sampled_from(ROUTING)),
        "routing_key": draw(st.integers(0, 2**64 - 1)),
        "max_batch": max_batch,
        "max_queue_delay": draw(st.sampled_from([0.0, 0.0, 0.25, 0.1])),
        **draw(limits([0.25, 1.0])),
    }
    return plan, arrivals(draw, start, 30, st.just(1), st.just(1))


@st.composite
def fleets(draw, kinds):
    start = draw(st.sampled_from(STARTS))
    services = [draw(kind(start)) for kind in draw(st.lists(st.sampled_from(kinds), min_size=1, max_size=3))]
    return start, [plan for plan, _ in services], [own for _, own in services]


def check(fleet, **options):
    start, plans, lists = fleet
    finished, plane = run_plane(plans, lists, start, **options)
    expected, oracle = run_oracle(plans, lists, start)
    assert_equal(finished, expected, [s for s, plan in enumerate(plans) if hasattr(plan["replica"], "iteration")])
    assert_same_gaps(plane, oracle, finished, expected)
    return plane, oracle


def assert_same_gaps(plane, oracle, finished, expected):
    """Times between tokens fall into the same buckets, and who had one that was too long has missed the objective."""
    for number, service in enumerate(oracle.services):
        counts = counts_by_service(plane.plane)[number, layout.ITL]
        assert_counted([gap for _, gap in service.gaps], counts, plane.plane.moments[number, layout.ITL])
    assert plane.plane.services["preemptions"].sum() == oracle.preemptions
    met = {(row["service"], row["index"]): row["met"] for row in finished}
    for request in expected:
        assert met[request.service, request.index] == (request.status == "completed" and not request.late)


def assert_counted(gaps, counts, moment):
    """Gaps lie in their buckets, and add up to their moments."""
    gaps = np.array(gaps)
    buckets = np.searchsorted(EDGES[:, 0], gaps, side="right") - 1
    np.testing.assert_array_equal(counts, np.bincount(buckets, minlength=BUCKETS))
    assert moment[:3] == pytest.approx([len(gaps), gaps.sum(), (gaps**2).sum()], rel=1e-9)
    assert moment[3] == max(gaps, default=0.0)


def assert_same_classes(plane, oracle, fleet):
    """Ends, waits and times between tokens are counted at the class of each request."""
    _, plans, lists = fleet
    for number, (plan, rows) in enumerate(zip(plans, lists, strict=True)):
        for place, row in enumerate(classes_of(plane.plane, number)):
            mine = [r for r in oracle.finished if r.service == number and (*rows[r.index], 0)[4] == place]
            for status in ("completed", "rejected", "timed_out"):
                assert plane.plane.classes[row][status] == sum(r.status == status for r in mine), (plan, status)
            waits = [r.start - r.arrival for r in mine if r.status == "completed"]
            moment = plane.plane.moments[row, layout.QUEUEING]
            assert moment[:2] == pytest.approx([len(waits), sum(waits)], abs=1e-9)
            assert moment[3] == max(waits, default=0.0)
            gaps = [gap for index, gap in oracle.services[number].gaps if (*rows[index], 0)[4] == place]
            assert_counted(gaps, plane.plane.counts[row, layout.ITL], plane.plane.moments[row, layout.ITL])


def assert_same_figures(plane, other):
    """All that is counted of requests is the same to the last bit; so are its sums, for the order of addition is.

    Only times between tokens are added up by ranges of iterations, which end where the plane is settled.
    """
    np.testing.assert_array_equal(plane.plane.counts, other.plane.counts)
    mine, others = plane.plane.moments, other.plane.moments
    np.testing.assert_array_equal(mine[:, : layout.ITL], others[:, : layout.ITL])
    np.testing.assert_allclose(mine[:, layout.ITL], others[:, layout.ITL], rtol=1e-12)
    for name in ("finished", "batches", "batched", "met", "waiting_sum", "running_sum"):
        np.testing.assert_array_equal(plane.plane.services[name], other.plane.services[name])


def assert_little(plane):
    """With everything done, integrals of counts are sums of times."""
    for service in plane.plane.services:
        for state in ("waiting", "running"):
            assert service[f"{state}_area"] == pytest.approx(service[f"{state}_sum"], rel=1e-6, abs=1e-5)


def choose(data, finished, start):
    """Stops anywhere, and at the very instants at which requests arrive, start and end."""
    instants = sorted({time for r in finished for time in (r.arrival, r.start, r.end) if time >= start})
    anywhere = st.floats(0.0, 12.0).map(lambda stop: start + stop)
    return data.draw(st.lists(st.one_of(anywhere, st.sampled_from(instants)), max_size=8))


def waiting_at(finished, service, instant):
    """Requests that wait where the plane stands, before the arrivals and the dispatch of that instant."""
    left = {"completed": lambda r: r.start >= instant, "timed_out": lambda r: r.end > instant}
    mine = [r for r in finished if r.service == service and r.arrival < instant and r.status in left]
    return sum(left[r.status](r) for r in mine)


def suspended(plane, service):
    """Requests that had started and wait again."""
    requests = plane.plane.requests[plane.plane.requests["service"] == service]
    return np.isin(requests["status"], (layout.PREEMPTED, layout.SWAPPED)).sum()


def running_at(finished, service, instant):
    return sum(r.service == service and r.start < instant < r.end for r in finished)


EXAMPLES = int(os.environ.get("FLEETSIM_EXAMPLES", "120"))
SETTINGS = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))


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


@st.composite
def crowded_service(draw, start):
    """Memory for a few sequences, which are preempted again and again, while others give up behind them."""
    plan, own = draw(generative_service(start))
    plan["preemption"] = draw(st.sampled_from(["recompute", "swap"]))
    plan["timeout"] = draw(st.sampled_from([None, 0.25, 0.5, 1.0]))
    plan["replica"] = generative(max_batch=plan["max_batch"], kv_capacity=256)
    plan["replicas"], plan["others"] = draw(st.integers(1, 2)), ()
    return plan, own


@given(fleets([crowded_service]))
@SETTINGS
def test_preemption(fleet):
    check(fleet)


@st.composite
def requests_of_classes(draw, start, service):
    """A service with two or three classes of requests, of few or different priorities."""
    plan, own = draw(service(start))
    priorities = draw(st.lists(st.sampled_from([0, 1, 1, 7]), min_size=2, max_size=3))
    plan["classes"] = tuple(ClassPlan(f"c{number}", priority) for number, priority in enumerate(priorities))
    return plan, [(*row, draw(st.integers(0, len(priorities) - 1))) for row in own]


def with_classes(service):
    return lambda start: requests_of_classes(start, service)


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
