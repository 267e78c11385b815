"""What happens at one instant, in which order: ends, timeouts, whoever acts from outside, arrivals, dispatch."""

import numpy as np
import pytest
from oracles.setups import Listed

from sim.fleet.environment import FleetEnvironment, Phase
from sim.hardware.tables import NO_LIMIT, PIECES, GenerativeReplica, IterationTable, PrefillLaw, SinglePassReplica
from sim.serving import layout
from sim.serving.request_plane import RequestPlane
from sim.serving.service_plan import ServicePlan

UNIT = SinglePassReplica(1, np.arange(9.0) * 0.0 + 1.0, np.ones(9), 60.0, 0.0, 0.0)
"""Any batch takes one second."""


def token_model():
    """A prefill takes 0.5 s and an iteration 0.25 s, whatever is in them."""
    shape = (9, PIECES)
    table = IterationTable(np.full(shape, NO_LIMIT), np.full(shape, 0.25), *(np.zeros(shape) for _ in range(3)))
    return GenerativeReplica(1, table, PrefillLaw(0.5, *[0.0] * 11), 10_000, 1, 0.0, 60.0, 0.0, 0.0)


def service(times, replica=UNIT, outputs=None, **options):
    outputs = outputs or [1] * len(times)
    rows = [(time, 1, output, 1.0) for time, output in zip(times, outputs, strict=True)]
    defaults = {"replicas": 1, "routing": "central_queue", "max_batch": 1}
    return ServicePlan("s", replica, arrivals=Listed(rows), **(defaults | options))


def run(*services, until=100.0):
    rows = []
    plane = RequestPlane(services, on_rows=rows.append)
    plane.advance(until)
    plane.flush_rows()
    finished = np.concatenate(rows) if rows else np.zeros(0, layout.ROW)
    return {(int(r["service"]), int(r["index"])): r for r in finished}


def outcome(rows, index, service=0):
    row = rows[service, index]
    return layout.OUTCOMES[row["status"]], float(row["start"]), float(row["end"])


def test_an_end_comes_before_an_arrival():
    rows = run(service([0.0, 1.0], queue_limit=0))
    assert outcome(rows, 1) == ("completed", 1.0, 2.0)


def test_an_end_comes_before_an_arrival_at_a_bound_replica():
    rows = run(service([0.0, 1.0], queue_limit=0, routing="round_robin"))
    assert outcome(rows, 1) == ("completed", 1.0, 2.0)


def test_a_timeout_comes_before_dispatch():
    status, _, end = outcome(run(service([0.0, 0.5], timeout=0.5)), 1)
    assert (status, end) == ("timed_out", 1.0)


def test_a_timeout_comes_before_an_arrival():
    rows = run(service([0.0, 0.25, 0.75], timeout=0.5, queue_limit=1))
    assert outcome(rows, 1)[0] == "timed_out"
    assert outcome(rows, 2) == ("completed", 1.0, 2.0)


def test_an_arrival_comes_before_dispatch():
    rows = run(service([0.0, 0.5, 1.0], max_batch=2))
    assert [outcome(rows, index)[1] for index in (1, 2)] == [1.0, 1.0]


def test_an_arrival_joins_a_batch_whose_queue_delay_ends_at_that_instant():
    rows = run(service([0.0, 0.5], max_batch=4, max_queue_delay=0.5))
    assert [outcome(rows, index)[1] for index in (0, 1)] == [0.5, 0.5]


def test_a_timeout_comes_before_the_end_of_a_queue_delay():
    assert outcome(run(service([0.0], max_batch=4, max_queue_delay=0.5, timeout=0.5)), 0)[0] == "timed_out"


def test_an_end_comes_before_the_end_of_a_queue_delay():
    """A replica is free at 1 s, when the delay of those that wait is over too: one batch begins there."""
    rows = run(service([0.0, 0.75, 0.8], max_batch=4, max_queue_delay=0.25, replicas=1))
    assert [outcome(rows, index)[1] for index in (0, 1, 2)] == [0.25, 1.25, 1.25]
    rows = run(service([0.0, 1.0, 1.1], max_batch=4, max_queue_delay=0.25, replicas=1))
    assert [outcome(rows, index)[1] for index in (0, 1, 2)] == [0.25, 1.25, 1.25]


def test_an_iteration_that_ends_when_a_request_arrives_takes_it_along():
    rows = run(service([0.0, 1.0], token_model(), outputs=[20, 1], max_batch=8))
    assert outcome(rows, 1) == ("completed", 1.0, 1.5)


def test_a_request_in_mid_iteration_waits_for_its_end():
    rows = run(service([0.0, 1.01], token_model(), outputs=[20, 1], max_batch=8))
    assert outcome(rows, 1) == ("completed", 1.25, 1.75)


def test_a_completion_at_that_instant_makes_room_in_the_batch():
    rows = run(service([0.0, 0.75], token_model(), outputs=[2, 1], max_batch=1))
    assert outcome(rows, 0)[2] == 0.75
    assert outcome(rows, 1)[1] == 0.75


def test_a_timeout_comes_before_the_admission_to_a_batch():
    rows = run(service([0.0, 0.5], token_model(), outputs=[2, 1], max_batch=1, timeout=0.25))
    assert outcome(rows, 1)[0] == "timed_out"


def test_equal_arrivals_keep_their_order_and_the_lowest_replica_comes_first():
    rows = run(service([0.0, 0.0, 0.0], replicas=2))
    starts = [(int(rows[0, i]["replica"]), float(rows[0, i]["start"])) for i in range(3)]
    assert starts == [(0, 0.0), (1, 0.0), (0, 1.0)]


def test_equal_ends_free_the_lowest_replica_for_the_oldest_request():
    rows = run(service([0.0, 0.0, 0.5, 0.6], replicas=2))
    assert [int(rows[0, i]["replica"]) for i in (2, 3)] == [0, 1]


def test_services_do_not_disturb_each_other_at_one_instant():
    alone = run(service([0.0, 1.0], queue_limit=0))
    both = run(service([0.0, 1.0], queue_limit=0), service([0.0, 1.0, 2.0], queue_limit=0))
    assert [outcome(both, i) for i in range(2)] == [outcome(alone, i) for i in range(2)]


@pytest.mark.parametrize(("until", "finished", "arrived"), [(1.0, 1, 1), (1.0 + 2.0**-20, 1, 2)])
def test_whoever_acts_at_an_instant_sees_its_ends_but_not_its_arrivals(until, finished, arrived):
    plane = RequestPlane([service([0.0, 1.0])])
    plane.advance(until)
    assert (plane.plane.classes[0]["finished"], plane.plane.services[0]["index"]) == (finished, arrived)


def test_the_window_is_half_open():
    plane = RequestPlane([service([0.0, 1.0, 2.0])], window_start=1.0)
    plane.advance(2.0)
    plane.end_window()
    plane.advance(10.0)
    counts = plane.plane.services[0]
    assert (counts["arrived"], counts["completed"], counts["index"]) == (1, 1, 3)


def test_a_decision_stops_all_services_at_one_instant_once():
    asked = []
    environment = FleetEnvironment()
    plane = RequestPlane([service([0.0, 0.3, 0.4, 0.45]), service([0.35, 0.5])])
    plane.on_decision = lambda name, now: asked.append((name, now, int(plane.plane.services[0]["waiting"])))
    plane.ask_for_decision("s", 2)
    environment.plane = plane
    environment.at(5.0, Phase.BOUNDARY)
    environment.run(until=5.0)
    assert asked == [("s", pytest.approx(0.4, abs=2.0**-20), 2)]
    assert asked[0][1] * 2**20 == int(asked[0][1] * 2**20)
    assert plane.plane.classes[0]["finished"] == 4


def test_a_decision_can_act_before_time_goes_on():
    environment, seen = FleetEnvironment(), []
    plane = RequestPlane([service([0.0, 0.25, 4.0])])

    def decide(name, now):
        environment.at(now, Phase.BOUNDARY).callbacks.append(lambda _: seen.append((environment.now, plane.now)))

    plane.on_decision = decide
    plane.ask_for_decision("s", 1)
    environment.plane = plane
    environment.at(9.0, Phase.BOUNDARY)
    environment.run(until=9.0)
    assert seen == [(0.25, 0.25)]


@pytest.mark.parametrize("routing", ["round_robin", "random", "power_of_two", "least_outstanding", "central_queue"])
def test_whoever_acts_at_an_instant_sees_every_replica_there(routing):
    """Nothing arrives between 1 s and 3 s, and all that ends until then has ended where the plane stands."""
    plane = RequestPlane([service([0.0, 0.0, 0.25, 0.25, 3.0], routing=routing, replicas=4)])
    plane.advance(2.0)
    busy = plane.plane.replicas["members"].sum()
    assert plane.plane.classes[0]["finished"] + busy + plane.plane.services[0]["waiting"] == 4
    plane.advance(2.25)
    still = plane.plane.services[0]["waiting"] + plane.plane.replicas["members"].sum()
    assert plane.in_flight == 4 - plane.plane.classes[0]["finished"] == still
    assert all(plane.plane.replicas["due"] >= 2.25)


def test_an_arrival_finds_a_lazy_replica_as_it_is_at_that_instant():
    """Two seconds of work have ended unseen when the last request comes, at the very instant of an end."""
    rows = run(service([0.0, 0.25, 2.0], routing="random"), service([0.5], routing="round_robin"))
    assert [outcome(rows, index)[1:] for index in range(3)] == [(0.0, 1.0), (1.0, 2.0), (2.0, 3.0)]
