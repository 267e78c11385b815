"""Running a fleet on the compiled plane and on the oracle, and holding that both do the same."""

from dataclasses import replace
from itertools import cycle
from unittest import mock

import numpy as np
import pytest
from hypothesis import strategies as st
from oracles.request_plane import Oracle, Request
from oracles.routing import own_rule
from oracles.setups import DEFAULTS, Listed

from sim.serving import layout, request_plane
from sim.serving.counting import BUCKETS
from sim.serving.own_rule import compiled_rule
from sim.serving.request_plane import RequestPlane
from sim.serving.service_plan import ServicePlan
from sim.serving.summary import EDGES, classes_of, counts_by_service

OWN_RULE = compiled_rule("own", own_rule)


def rule_of(plan):
    return OWN_RULE if plan["routing"] == "own" else None


def new_plane(plans, lists, start, rows, *, block_size=64, row_block=7, slots=1024, budget=1000):
    plans = [
        ServicePlan(
            **plan
            | {"name": f"s{number}", "arrivals": Listed(own, block_size), "rule": rule_of(plan)}
            | afresh(plan, block_size)
        )
        for number, (plan, own) in enumerate(zip(plans, lists, strict=True))
    ]
    with mock.patch.object(request_plane, "FIRST_SLOTS", slots):
        plane = RequestPlane(plans, start=start, on_rows=rows.append, row_block=row_block)
    plane.plane.clock["budget"] = budget
    return plane


def afresh(plan, block_size=64):
    """The clients of a service, to be run once more: the blocks of what they send are used up by a run."""

    def again(clients):
        return clients and replace(
            clients, further=clients.further and Listed(clients.further.rows, block_size, endless=True)
        )

    classes = tuple(replace(each, clients=again(each.clients)) for each in plan.get("classes", ()))
    return {"classes": classes, "clients": again(plan.get("clients"))}


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


def run_oracle(plans, lists, start, kind=Oracle, changes=()):
    plans = [ServicePlan(**{**plan, "arrivals": Listed(own)}) for plan, own in zip(plans, lists, strict=True)]
    requests = [
        [as_request(plan, s, i, row) for i, row in enumerate(own)]
        for s, (plan, own) in enumerate(zip(plans, lists, strict=True))
    ]
    oracle = kind(plans, requests, start, changes=changes)
    for s, (service, plan) in enumerate(zip(oracle.services, plans, strict=False)):
        rows = [clients.further.rows if clients and clients.further else () for clients in plan.clients_of_classes]
        service.further = [cycle([as_request(plan, s, -1, row) for row in each]) for each in rows]
    return oracle.run(), oracle


def as_request(plan, service, index, row):
    arrival, prompt, output, work, number, *of_client = (*row, *DEFAULTS[len(row) - 4 :])
    patience, retry_delay, think_time, turns = of_client
    request = Request(service, index, arrival, max(prompt, 1), max(output, 1), work, class_number=number)
    request.patience, request.retry_delay = patience, retry_delay
    request.think_time, request.turns = think_time, turns
    request.priority = plan.classes[number].priority if plan.classes else 0
    request.model = plan.classes[number].model if plan.classes else 0
    return request


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


def check(fleet, **options):
    start, plans, lists = fleet
    finished, plane = run_plane(plans, lists, start, **options)
    expected, oracle = run_oracle(plans, lists, start)
    assert_equal(finished, expected, [s for s, plan in enumerate(plans) if hasattr(plan["replica"], "iteration")])
    assert_same_gaps(plane, oracle, finished, expected)
    assert_same_caches(plane, oracle)
    return plane, oracle


def assert_same_gaps(plane, oracle, finished, expected):
    """Times between tokens fall into the same buckets, and who had one that was too long has missed the objective."""
    counts = counts_by_service(plane.plane)
    for number, service in enumerate(oracle.services[: len(plane.services)]):
        gaps = [gap for _, gap in service.gaps]
        assert_counted(gaps, counts[number, layout.ITL], plane.plane.moments[number, layout.ITL])
    assert plane.plane.services["preemptions"].sum() == oracle.preemptions
    met = {(row["service"], row["index"]): row["met"] for row in finished}
    for request in expected:
        assert met[request.service, request.index] == (request.status == "completed" and not request.late)


def assert_same_caches(plane, oracle):
    """Tokens in the caches, integrated over time; where groups send caches to each other, they are compared by none."""
    for replica, record in zip(oracle.replicas, plane.plane.replicas, strict=True):
        if replica.service.generative and not any(plan.decode for plan in plane.services):
            assert record["kv_area"] == pytest.approx(replica.kv_area, rel=1e-6, abs=1e-3)


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
    np.testing.assert_allclose(plane.plane.replicas["kv_area"], other.plane.replicas["kv_area"], rtol=1e-6, atol=1e-3)
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


def check_in_pieces(fleet, data, **further):
    """Stops anywhere and blocks of any size change nothing; gives plane, oracle, and the plane without stops."""
    start, plans, lists = fleet
    expected, _ = run_oracle(plans, lists, start)
    stops = choose(data, expected, start)
    sizes = {"block_size": st.sampled_from([1, 7, 64]), "slots": st.sampled_from([1, 2, 1024])} | further
    plane, oracle = check(fleet, stops=stops, **{name: data.draw(size) for name, size in sizes.items()})
    straight = run_plane(plans, lists, start)[1]
    assert_same_figures(plane, straight)
    assert_little(plane)
    return plane, oracle, straight
