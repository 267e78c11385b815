"""The loop of the request plane: one compiled call brings every service forward to one instant.

A replica is brought forward when somebody looks at it. Eager replicas are looked at whenever they have something to
end, in the order of time; lazy ones only by an arrival that may be bound to them, and where the plane stands still.
"""

from typing import Any

from sim.serving.arrival import arrive
from sim.serving.by_reference import referred_to
from sim.serving.compiler import apart, entry, full_helper, helper, is_full, kernel
from sim.serving.event_heap import keep_in_order, set_arrival
from sim.serving.layout import (
    ARRIVALS_NEEDED,
    BATCHES_FULL,
    BUDGET,
    DRAWS_NEEDED,
    NEVER,
    NONE,
    OUTPUT_FULL,
    REACHED,
    REQUESTS_FULL,
    TRANSFERRING,
)
from sim.serving.pending import first_of_wave, leave_wave, line_up
from sim.serving.returning import next_return, take_return
from sim.serving.routing import replicas_looked_at
from sim.serving.sending import send
from sim.serving.stepping import bring_forward, interrupted
from sim.serving.timeout import end_wait
from sim.serving.transfer import end_transfer

# What comes next.
DISPATCH = 0
END = 1
TIMEOUT = 2
RETURN = 3
ARRIVAL = 4
STAND = 5


@kernel
def advance(plane: Any, until: float) -> int:
    """Bring all services forward to `until` (seconds); returns why it stopped, with the instant in the clock.

    Events of one instant come in this order: ends of iterations and passes, timeouts, returns, arrivals; what replicas
    do next is dispatched when all of them have happened. At `until` itself only the first two happen, so that whoever
    acts there acts before its arrivals.
    """
    return _advance(referred_to(plane), until)


@apart
def _advance(plane: Any, until: float) -> int:
    clock = plane.clock[0]
    clock.events = 0
    while True:
        if interrupted(clock):
            return why_interrupted(clock)
        event, now = next_event(plane, min(until, clock.stop))
        if event == ARRIVAL and clock.free == NONE:
            return REQUESTS_FULL
        clock.now = now
        first, number, stride = whom_it_concerns(plane, event)
        dispatched = event == DISPATCH or (event == END and is_alone(plane, now, min(until, clock.stop)))
        for position in range(number):
            if not bring_forward(plane, first + position * stride, now, dispatched):
                return why_interrupted(clock)
        if event == STAND:
            return stand(clock)
        if event == ARRIVAL:
            clock.events += 1
            service_index = plane.coming[0].entity
            arrive(plane, service_index, now)
            if not await_next_arrival(plane, service_index):
                clock.service = service_index
                return ARRIVALS_NEEDED
        elif event == TIMEOUT:
            clock.events += 1
            end_wait(plane, plane.events[0].entity - clock.first_timeout, now)
        elif event == RETURN:
            clock.events += 1
            if not come_back(plane, take_return(plane), now):
                return DRAWS_NEEDED
        else:
            see_again(plane, event, first)


@helper
def why_interrupted(clock: Any) -> int:
    """What the caller must do before it can go on."""
    if clock.batches_end > clock.batches_limit:
        return BATCHES_FULL
    return OUTPUT_FULL if clock.rows > clock.row_limit else BUDGET


@helper
def next_event(plane: Any, limit: float) -> tuple[int, float]:
    """What comes next among what must be kept in order, and when."""
    clock = plane.clock[0]
    ends, arrives, returns = plane.events[0].time, plane.coming[0].time, next_return(plane)
    upcoming = min(ends, arrives, returns)
    if clock.wave > 0 or (clock.pending > 0 and upcoming > clock.now and clock.now < limit):
        return DISPATCH, clock.now
    if upcoming > limit or (upcoming == limit and ends > limit):
        return STAND, limit
    if returns < ends and returns <= arrives:
        return RETURN, returns
    if arrives < ends:
        return ARRIVAL, arrives
    return END if plane.events[0].entity < clock.first_timeout else TIMEOUT, ends


@helper
def whom_it_concerns(plane: Any, event: int) -> tuple[int, int, int]:
    """The replicas that must be brought forward to an event: the first of them, how many, and how far apart."""
    if event == ARRIVAL:
        service = entry(plane.services, plane.coming[0].entity)
        return replicas_looked_at(service) if service.lazy else (0, 0, 0)
    if event == STAND:
        return 0, plane.replicas.shape[0], 1
    if event in (TIMEOUT, RETURN):
        return 0, 0, 0
    return first_of_wave(plane) if event == DISPATCH else plane.events[0].entity, 1, 0


@full_helper(otherwise=True, inlined=True)
def come_back(plane: Any, request_index: int, now: float) -> bool:
    """A request is where it was on its way to; False if what further ones bring must be drawn first."""
    if entry(plane.requests, request_index).status != TRANSFERRING:
        return send(plane, request_index, now)
    end_transfer(plane, request_index, now)
    return True


@helper
def is_alone(plane: Any, now: float, limit: float) -> bool:
    """Whether the first event of the heap is the only one at `now`: its replica may go on at once, the usual case."""
    events = plane.events
    if is_full(plane) and entry(plane.services, entry(plane.replicas, events[0].entity).service).asks_again:
        return False
    size = events.shape[0]
    alone = (size < 2 or entry(events, 1).time > now) and (size < 3 or entry(events, 2).time > now)
    alone = alone and plane.coming[0].time > now and next_return(plane) > now
    return alone and plane.clock[0].pending == 0 and now < limit


@helper
def see_again(plane: Any, event: int, replica_index: int) -> None:
    """Have an eager replica that has been brought forward dispatched at the end of this instant, or looked at later."""
    if event == DISPATCH:
        leave_wave(plane)
    elif entry(plane.replicas, replica_index).marked:
        line_up(plane, replica_index)
    keep_in_order(plane, replica_index)


@helper
def stand(clock: Any) -> int:
    """All services have come to the instant where they should stop; whether a decision is why."""
    reason = clock.reason
    clock.reason = REACHED
    clock.stop = NEVER
    return int(reason)


@helper
def await_next_arrival(plane: Any, service_index: int) -> bool:
    """Set the event of a service's next arrival; False if the next block of them is needed first."""
    service = entry(plane.services, service_index)
    if service.next_arrival < service.last_arrival:
        set_arrival(plane, service_index, entry(plane.arrivals, service.next_arrival).time)
        return True
    set_arrival(plane, service_index, NEVER)
    return bool(service.exhausted)


@kernel
def set_next_arrival(plane: Any, service_index: int, time: float) -> None:
    """Tell the plane when a service's next request arrives (seconds; infinity: never)."""
    _set_next_arrival(referred_to(plane), service_index, time)


@apart
def _set_next_arrival(plane: Any, service_index: int, time: float) -> None:
    set_arrival(plane, service_index, time)


@kernel
def make_eager(plane: Any, service_index: int) -> None:
    """Keep the replicas of a lazy service in the order of their ends from now on, where all services stand."""
    _make_eager(referred_to(plane), service_index)


@apart
def _make_eager(plane: Any, service_index: int) -> None:
    service = entry(plane.services, service_index)
    if not service.lazy:
        return
    service.lazy = 0
    for replica_index in range(service.first_replica, service.first_replica + service.replicas):
        if entry(plane.replicas, replica_index).marked:
            line_up(plane, replica_index)
        keep_in_order(plane, replica_index)
