"""Replicas that come and go, by hand: what a death leaves, what is refused, and why the plane stops."""

import numpy as np
import pytest
from oracles.setups import Listed

from sim.fleet.pool import FleetError
from sim.hardware.tables import NO_LIMIT, PIECES, GenerativeReplica, IterationTable, PrefillLaw, SinglePassReplica
from sim.serving import layout
from sim.serving.own_rule import compiled_rule
from sim.serving.request_plane import RequestPlane
from sim.serving.service_plan import NoArrivals, ServicePlan

UNIT = SinglePassReplica(1, np.arange(9.0) * 0.0 + 1.0, np.ones(9), 60.0, 0.0, 0.0)
"""Any batch takes one second and one joule."""


def token_model():
    """A prefill takes 0.5 s and an iteration 0.25 s, whatever is in them."""
    shape = (9, PIECES)
    table = IterationTable(np.full(shape, NO_LIMIT), np.full(shape, 0.25), *(np.zeros(shape) for _ in range(3)))
    return GenerativeReplica(1, table, PrefillLaw(0.5, *[0.0] * 11), 10_000, 1, 0.0, 60.0, 0.0, 0.0)


def plane_of(times, replica=UNIT, output=1, rows=None, **options):
    arrivals = Listed([(time, 1, output, 1.0) for time in times])
    defaults = {"replicas": 2, "ready": 1, "routing": "round_robin", "max_batch": 1}
    plan = ServicePlan("s", replica, arrivals=arrivals, **(defaults | options))
    return RequestPlane([plan], on_rows=None if rows is None else rows.append, row_block=1)


def finish(plane, rows):
    plane.advance(100.0)
    plane.settle()
    plane.flush_rows()
    return sorted(np.concatenate(rows), key=lambda row: row["index"])


def test_a_request_that_has_begun_to_decode_goes_on_elsewhere_from_a_prefill_of_all_it_has():
    rows = []
    plane = plane_of([0.0], token_model(), output=4, rows=rows, preemption="recompute")
    plane.advance(0.875)  # prefilled at 0.5 s, a token at 0.75 s
    plane.make_ready("s", 1)
    plane.die("s", 0)
    (row,) = finish(plane, rows)
    assert (row["replica"], row["start"], row["first_token"], row["end"]) == (1, 0.0, 0.5, 1.625)
    gaps = plane.plane.moments[0, layout.ITL]
    assert (gaps[0], gaps[3]) == (3, 0.625)  # 0.75 s to 1.375 s: the gap spans the death
    dead = plane.plane.replicas[0]
    assert (dead["busy_prefill"], dead["busy_decode"], dead["members"]) == (0.5, 0.375, 0)


def test_a_pass_that_is_broken_off_has_drawn_its_share():
    rows = []
    plane = plane_of([0.0, 0.1], rows=rows, on_death="lose")
    plane.advance(0.25)
    plane.die("s", 0)
    first, second = finish(plane, rows)
    assert [layout.OUTCOMES[row["status"]] for row in (first, second)] == ["lost", "lost"]
    assert plane.plane.replicas[0]["joules_batch"] == 0.25
    assert plane.plane.services[0]["lost"] == 2


def test_with_no_replica_ready_requests_wait_together_and_are_routed_in_order():
    rows = []
    plane = plane_of([0.0, 0.25], rows=rows, ready=0)
    plane.advance(1.0)
    plane.make_ready("s", 1)
    first, second = finish(plane, rows)
    assert [(row["replica"], row["start"]) for row in (first, second)] == [(1, 1.0), (1, 2.0)]


def test_a_limit_and_a_timeout_hold_where_no_replica_is_ready():
    rows = []
    finished = finish(plane_of([0.0, 0.25], rows=rows, ready=0, queue_limit=1, timeout=0.5), rows)
    outcomes = [(layout.OUTCOMES[row["status"]], row["end"]) for row in finished]
    assert outcomes == [("timed_out", 0.5), ("rejected", 0.25)]


def test_the_plane_stops_when_a_drained_replica_is_gone():
    gone = []
    plane = plane_of([0.0, 0.5], replicas=1)
    plane.on_drained = lambda *what: gone.append(what)
    plane.advance(0.75)
    assert not plane.drain("s", 0)
    plane.advance(5.0)
    assert (gone, plane.now, plane.life("s", 0)) == ([("s", 0, 2.0)], 2.0, layout.ABSENT)


def test_the_plane_stops_when_nothing_is_ready_and_when_something_is_idle():
    told = []
    plane = plane_of([0.5], replicas=1, ready=0)
    plane.on_none_ready = lambda name, now: told.append(("none", name, now))
    plane.on_idle = lambda name, now: told.append(("idle", name, now))
    plane.ask_where_none_is_ready("s")
    plane.ask_where_one_is_idle("s")
    plane.advance(5.0)
    plane.make_ready("s", 0)
    plane.advance(5.0)
    assert told == [("none", "s", 0.5), ("idle", "s", 1.5)]


def test_what_makes_no_sense_is_refused():
    plane = plane_of([])
    with pytest.raises(FleetError, match="replica 0 of s is ready"):
        plane.make_ready("s", 0)
    with pytest.raises(FleetError, match="replica 1 of s is absent"):
        plane.die("s", 1)
    with pytest.raises(FleetError, match="no replica 2"):
        plane.drain("s", 2)
    group = ServicePlan("d", token_model(), 1, "random", NoArrivals())
    with pytest.raises(ValueError, match="groups for prefill and decode"):
        ServicePlan("s", token_model(), 1, "random", NoArrivals(), ready=1, decode=group)


def test_a_rule_of_ones_own_that_names_a_replica_that_is_not_ready_ends_the_run():
    def last(replicas, request, key):
        return len(replicas) - 1

    rule = compiled_rule("last", last)
    with pytest.raises(FleetError, match="names replica 1, which is not ready"):
        plane_of([0.0], rule=rule).advance(1.0)
