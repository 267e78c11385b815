"""The life of a request: it enters, starts, and leaves its slot."""

import math
from typing import Any

from sim.serving.clients import thinks, tries_again
from sim.serving.compiler import entry, helper
from sim.serving.counting import count_completion, count_loss, count_waited
from sim.serving.layout import FREE, NONE, RUNNING
from sim.serving.load_tree import load_changed
from sim.serving.queues import leave_waiting, pop_head
from sim.serving.work import work_bound, work_left


@helper
def take_slot(plane: Any) -> int:
    """A free request slot; there is one."""
    clock = plane.clock[0]
    slot = clock.free
    clock.free = entry(plane.requests, slot).next
    return slot


@helper
def free_slot(plane: Any, request_index: int) -> None:
    """Give a request's slot back."""
    clock = plane.clock[0]
    request = entry(plane.requests, request_index)
    request.status = FREE
    request.next = clock.free
    clock.free = request_index


@helper
def start_head(plane: Any, replica_index: int, queue_index: int, now: float) -> int:
    """First work on the head of a queue begins on a replica."""
    request_index = pop_head(plane, queue_index, now)
    start(plane, replica_index, queue_index, request_index, now)
    return request_index


@helper
def start(plane: Any, replica_index: int, queue_index: int, request_index: int, now: float) -> None:
    """First work begins on a request that has left its queue."""
    request = entry(plane.requests, request_index)
    count_waited(plane, queue_index, request, now)
    leave_waiting(plane, entry(plane.services, request.service), request_index)
    if request.replica == NONE:
        bind(plane, replica_index, request_index, now)
    if math.isnan(request.start):
        request.start = now
    request.status = RUNNING
    request.since = now


@helper
def bind(plane: Any, replica_index: int, request_index: int, now: float) -> None:
    """Give a request to a replica."""
    entry(plane.requests, request_index).replica = replica_index
    entry(plane.replicas, replica_index).outstanding += 1
    work_bound(plane, replica_index, request_index, now)
    load_changed(plane, replica_index)


@helper
def unbind(plane: Any, request_index: int, completed: bool) -> None:  # noqa: FBT001
    """A request leaves every count of the replica it was bound to."""
    replica_index = entry(plane.requests, request_index).replica
    if replica_index == NONE:
        return
    entry(plane.replicas, replica_index).outstanding -= 1
    work_left(plane, request_index, completed)
    load_changed(plane, replica_index)


@helper
def complete(plane: Any, request_index: int, now: float) -> None:
    """The last work on a request ends."""
    unbind(plane, request_index, True)
    count_completion(plane, entry(plane.requests, request_index), now)
    depart(plane, request_index, True, now)


@helper
def lose(plane: Any, request_index: int, outcome: int, now: float) -> None:
    """A request is turned away or gives up: it comes back later, or is lost for good."""
    if not tries_again(plane, request_index, now):
        lose_for_good(plane, request_index, outcome, now)


@helper
def lose_for_good(plane: Any, request_index: int, outcome: int, now: float) -> None:
    """A request leaves without having started."""
    count_loss(plane, entry(plane.requests, request_index), outcome, now)
    depart(plane, request_index, False, now)


@helper
def depart(plane: Any, request_index: int, answered: bool, now: float) -> None:  # noqa: FBT001
    """A request has left for good; its client may think of another."""
    if not thinks(plane, request_index, answered, now):
        free_slot(plane, request_index)
