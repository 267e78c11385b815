"""A request that has not started in time leaves."""

from typing import Any

from sim.serving.calling import call_for_central_head, call_for_head
from sim.serving.compiler import entry, full_helper, helper, is_full, rare
from sim.serving.counting import count_waited
from sim.serving.event_heap import set_timeout
from sim.serving.layout import ABANDONED, HOLDING, NEVER, NONE, TIMED_OUT
from sim.serving.pending import mark
from sim.serving.presence import leave_drained
from sim.serving.queues import leave_waiting, take_out
from sim.serving.requests import lose, unbind


@helper
def end_wait(plane: Any, service_index: int, now: float) -> None:
    """The wait of the oldest of a service may be over; behind all services, somebody's patience is."""
    if is_full(plane) and service_index == plane.services.shape[0]:
        lose_patience(plane, now)
    else:
        time_out(plane, service_index, now)


@full_helper(inlined=True)
def lose_patience(plane: Any, now: float) -> None:
    """Let the request go whose patience ends first."""
    request_index = entry(plane.patiences, 0)
    give_up(plane, entry(plane.requests, request_index).service, request_index, ABANDONED, now)


@helper
def time_out(plane: Any, service_index: int, now: float) -> None:
    """Let the oldest waiting request of a service go if its time is over; look again when the next one's will be."""
    service = entry(plane.services, service_index)
    oldest = service.oldest
    if oldest != NONE and entry(plane.requests, oldest).asked + service.timeout <= now:
        give_up(plane, service_index, oldest, TIMED_OUT, now)
        oldest = service.oldest
    due = NEVER if oldest == NONE else entry(plane.requests, oldest).asked + service.timeout
    set_timeout(plane, service_index, due)


@rare
def give_up(plane: Any, service_index: int, request_index: int, outcome: int, now: float) -> None:
    """Take a request out of every queue and count at this instant."""
    service = entry(plane.services, service_index)
    request = entry(plane.requests, request_index)
    replica_index = request.replica
    queue_index = plane.replicas.shape[0] + service_index if replica_index == NONE else replica_index
    take_out(plane, queue_index, request_index, now)
    count_waited(plane, queue_index, request, now)
    leave_waiting(plane, service, request_index)
    unbind(plane, request_index, False)
    lose(plane, request_index, outcome, now)
    if replica_index == NONE:
        if service.generative:
            call_for_central_head(plane, service_index, now)
    elif service.generative:
        call_for_head(plane, replica_index, now)
    elif entry(plane.replicas, replica_index).state == HOLDING:
        mark(plane, replica_index, now)
    if replica_index != NONE:
        leave_drained(plane, replica_index, now)
