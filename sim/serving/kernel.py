"""The event loop of the request plane: one compiled call brings every service forward to one instant."""

from typing import Any

from sim.serving.arrival import arrive
from sim.serving.compiler import helper, kernel
from sim.serving.continuous import dispatch_continuous, end_decode, end_prefill
from sim.serving.counting import pass_time
from sim.serving.event_heap import set_arrival, set_event
from sim.serving.idle_set import become_idle
from sim.serving.layout import (
    ARRIVALS_NEEDED,
    BUDGET,
    DECODE,
    NEVER,
    NONE,
    OUTPUT_FULL,
    PASS,
    PREFILL,
    REACHED,
    REQUESTS_FULL,
)
from sim.serving.pending import mark
from sim.serving.segment import end_of, energy_of, iteration_under_way
from sim.serving.single_pass import dispatch_single_pass, end_pass
from sim.serving.timeout import time_out


@kernel
def advance(plane: Any, until: float) -> int:
    """Bring all services forward to `until` (seconds); returns why it stopped, with the instant in the clock.

    Events of one instant come in this order: ends of iterations and passes, timeouts, arrivals; what replicas do next
    is dispatched when all of them have happened. At `until` itself only the first two happen, so that whoever acts
    there acts before its arrivals.
    """
    clock = plane.clock[0]
    clock.events = 0
    while True:
        ends, arrives = plane.events[0].time, plane.coming[0].time
        upcoming, limit = min(ends, arrives), min(until, clock.stop)
        if upcoming > clock.now and clock.pending > 0 and clock.now < limit:
            dispatch(plane, clock.now)
            continue
        if upcoming > limit or (upcoming == limit and ends > limit):
            return stand_at(clock, limit)
        if clock.rows > clock.row_limit:
            return OUTPUT_FULL
        clock.events += 1
        if clock.events > clock.budget:
            return BUDGET
        clock.now = upcoming
        if ends <= arrives:
            end(plane, plane.events[0].entity, upcoming, limit)
        elif clock.free == NONE:
            return REQUESTS_FULL
        else:
            service_index = plane.coming[0].entity
            arrive(plane, service_index, upcoming)
            if not await_next_arrival(plane, service_index):
                clock.service = service_index
                return ARRIVALS_NEEDED


@helper
def stand_at(clock: Any, limit: float) -> int:
    """All services have come to the instant where they should stop; whether a decision is why."""
    clock.now = limit
    reason = clock.reason
    clock.reason = REACHED
    clock.stop = NEVER
    return int(reason)


@helper
def end(plane: Any, entity: int, now: float, limit: float) -> None:
    """The step of a replica ends, or the oldest wait of a service may be over."""
    first_timeout = plane.clock[0].first_timeout
    if entity < first_timeout:
        end_step(plane, entity, now, limit)
    else:
        time_out(plane, entity - first_timeout, now)


@helper
def await_next_arrival(plane: Any, service_index: int) -> bool:
    """Set the event of a service's next arrival; False if the next block of them is needed first."""
    service = plane.services[service_index]
    if service.next_arrival < service.last_arrival:
        set_arrival(plane, service_index, plane.arrivals[service.next_arrival].time)
        return True
    set_arrival(plane, service_index, NEVER)
    return bool(service.exhausted)


@helper
def end_step(plane: Any, replica_index: int, now: float, limit: float) -> None:
    """What a replica was doing ends. With nothing left to do it is idle at once, before this instant's arrivals.

    Where nothing else happens at this instant the replica goes on at once: the usual case, and the same in effect.
    """
    replica = plane.replicas[replica_index]
    if replica.state == DECODE:
        end_decode(plane, replica_index, now)
    elif replica.state == PREFILL:
        end_prefill(plane, replica_index, now)
    elif replica.state == PASS:
        end_pass(plane, replica_index, now)
    central = plane.replicas.shape[0] + replica.service
    if replica.members == 0 and plane.queues[replica_index].length == 0 and plane.queues[central].length == 0:
        become_idle(plane, replica_index)
    elif plane.clock[0].pending == 0 and now < limit and is_alone(plane, now):
        dispatch_replica(plane, replica_index, now)
    else:
        set_event(plane, replica_index, NEVER)
        mark(plane, replica_index)


@helper
def is_alone(plane: Any, now: float) -> bool:
    """Whether the first event of the heap is the only one at `now`; no arrival either."""
    events = plane.events
    size = events.shape[0]
    alone = (size < 2 or events[1].time > now) and (size < 3 or events[2].time > now)
    return alone and plane.coming[0].time > now


@helper
def dispatch(plane: Any, now: float) -> None:
    """Let every marked replica begin its next step, lowest number first."""
    clock = plane.clock[0]
    offset = plane.replicas.shape[0]
    while clock.pending > 0:
        due = clock.pending
        for position in range(due):
            plane.pending[offset + position] = plane.pending[position]
            plane.replicas[plane.pending[position]].marked = 0
        clock.pending = 0
        for position in range(due):
            dispatch_replica(plane, plane.pending[offset + position], now)


@helper
def dispatch_replica(plane: Any, replica_index: int, now: float) -> None:
    """Let a replica begin its next step."""
    if plane.services[plane.replicas[replica_index].service].generative:
        dispatch_continuous(plane, replica_index, now)
    else:
        dispatch_single_pass(plane, replica_index, now)


@kernel
def set_next_arrival(plane: Any, service_index: int, time: float) -> None:
    """Tell the plane when a service's next request arrives (seconds; infinity: never)."""
    set_arrival(plane, service_index, time)


@kernel
def settle(plane: Any, now: float) -> None:
    """Book what is under way up to `now` (seconds): counts of requests over time, busy seconds and joules.

    A marked replica has just ended a step, and all of it is booked.
    """
    for service_index in range(plane.services.shape[0]):
        pass_time(plane.services[service_index], now)
    for replica_index in range(plane.replicas.shape[0]):
        replica = plane.replicas[replica_index]
        if replica.marked:
            continue
        if replica.state == DECODE:
            drawn = decode_energy_until(plane, replica, now)
            replica.joules_decode += drawn - replica.accounted
            replica.busy_decode += now - replica.busy_since
        elif replica.state == PREFILL or replica.state == PASS:
            drawn = replica.energy * ((now - replica.anchor) / (replica.end - replica.anchor))
            if replica.state == PREFILL:
                replica.joules_prefill += drawn - replica.accounted
                replica.busy_prefill += now - replica.busy_since
            else:
                replica.joules_batch += drawn - replica.accounted
                replica.busy_batch += now - replica.busy_since
        else:
            continue
        replica.accounted = drawn
        replica.busy_since = now


@helper
def decode_energy_until(plane: Any, replica: Any, now: float) -> float:
    """Joules of a decode segment up to an instant; an iteration under way draws evenly."""
    piece = plane.pieces[replica.row]
    iteration, end = iteration_under_way(replica, piece, now)
    begin = end_of(replica, piece, iteration - 1)
    before, after = energy_of(replica, piece, iteration - 1), energy_of(replica, piece, iteration)
    return before + (after - before) * ((now - begin) / (end - begin))
