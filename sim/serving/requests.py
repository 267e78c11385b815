"""The life of a request: it enters, starts, and leaves its slot."""

from typing import Any

from sim.serving.compiler import helper
from sim.serving.counting import clipped, count_completion, pass_time
from sim.serving.layout import FREE, LEAST_OUTSTANDING, NONE, RUNNING
from sim.serving.queues import leave_waiting
from sim.serving.routing import outstanding_changed


@helper
def take_slot(plane: Any) -> int:
    """A free request slot; there is one."""
    clock = plane.clock[0]
    slot = clock.free
    clock.free = plane.requests[slot].next
    return slot


@helper
def free_slot(plane: Any, request_index: int) -> None:
    """Give a request's slot back."""
    clock = plane.clock[0]
    request = plane.requests[request_index]
    request.status = FREE
    request.next = clock.free
    clock.free = request_index


@helper
def start(plane: Any, replica_index: int, request_index: int, now: float) -> None:
    """First work on a request begins on a replica."""
    request = plane.requests[request_index]
    service = plane.services[request.service]
    pass_time(service, now)
    leave_waiting(plane, service, request_index)
    service.waiting_sum += clipped(plane.clock[0], request.arrival, now)
    service.running += 1
    if request.replica == NONE:
        bind(plane, replica_index, request_index)
    request.status = RUNNING
    request.start = now


@helper
def bind(plane: Any, replica_index: int, request_index: int) -> None:
    """Give a request to a replica."""
    plane.requests[request_index].replica = replica_index
    plane.replicas[replica_index].outstanding += 1
    if plane.services[plane.replicas[replica_index].service].routing == LEAST_OUTSTANDING:
        outstanding_changed(plane, replica_index)


@helper
def unbind(plane: Any, request_index: int) -> None:
    """A request leaves every count of the replica it was bound to."""
    replica_index = plane.requests[request_index].replica
    if replica_index == NONE:
        return
    plane.replicas[replica_index].outstanding -= 1
    if plane.services[plane.replicas[replica_index].service].routing == LEAST_OUTSTANDING:
        outstanding_changed(plane, replica_index)


@helper
def complete(plane: Any, request_index: int, now: float) -> None:
    """The last work on a request ends."""
    request = plane.requests[request_index]
    service = plane.services[request.service]
    pass_time(service, now)
    service.running -= 1
    unbind(plane, request_index)
    count_completion(plane, request, now)
    free_slot(plane, request_index)
