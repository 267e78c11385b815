"""A replica dies: what it was doing ends nowhere, and its requests are lost or go back to the router."""

import math
from typing import Any

from sim.serving.class_members import count_member
from sim.serving.compiler import entry, full_helper, helper
from sim.serving.counting import clipped, count_waited, pass_running
from sim.serving.kv_cache import grows
from sim.serving.layout import DECODE, LOST, NONE, PREEMPTED, WAITING
from sim.serving.patience import forget_patience, watch_patience
from sim.serving.queues import leave_waiting, pop_head
from sim.serving.request_heap import put, remove
from sim.serving.requests import lose_for_good, unbind
from sim.serving.segment import end_of, iteration_under_way
from sim.serving.sending_back import send_back, wait_again
from sim.serving.settling import book_step
from sim.serving.steps import note_step


@full_helper()
def empty(plane: Any, replica_index: int, now: float) -> int:
    """Take all requests from a replica; how many. They stand in a heap behind those of `Plane.returns`, by number."""
    pass_running(entry(plane.replicas, replica_index), now)
    last_token = break_off(plane, replica_index, now)
    number = take_batch(plane, replica_index, last_token, now)
    replica = entry(plane.replicas, replica_index)
    request_index = replica.admitted
    while request_index != NONE:
        number = take_running(plane, replica_index, request_index, number, now)
        request_index = entry(plane.requests, request_index).next
    if replica.partial != NONE:
        number = take_running(plane, replica_index, replica.partial, number, now)
    while entry(plane.queues, replica_index).length > 0:
        request_index = pop_head(plane, replica_index, now)
        count_waited(plane, replica_index, entry(plane.requests, request_index), now)
        number = take(plane, request_index, number, now)
    forget_step(replica)
    return number


@full_helper(otherwise=math.nan)
def break_off(plane: Any, replica_index: int, now: float) -> float:
    """Book the step under way up to this instant; when the batch had its last token, but for those that joined since.

    Iterations that have ended are done. The one under way has taken its time and joules, and has no tokens.
    """
    replica = entry(plane.replicas, replica_index)
    if replica.state != DECODE or replica.marked:
        book_step(plane, replica_index, now)
        if not replica.marked:
            note_step(plane, replica_index, now)
        if replica.prefills > 0:
            return replica.last_token
        return now if replica.marked else replica.anchor
    piece = entry(plane.pieces, replica.row)
    iteration, end = iteration_under_way(replica, piece, now)
    ended = iteration if end == now else iteration - 1
    book_step(plane, replica_index, now)
    replica.grown = 0.0
    replica.planned = ended
    note_step(plane, replica_index, now)
    replica.steps = ended
    return replica.last_token if replica.prefills > 0 else end_of(replica, piece, ended)


@full_helper(otherwise=0)
def take_batch(plane: Any, replica_index: int, last_token: float, now: float) -> int:
    """Take the requests that decode. Those in the list `fresh` had their last token each at an instant of its own."""
    replica = entry(plane.replicas, replica_index)
    number = 0
    for position in range(replica.batch):
        member = entry(plane.batches, replica.members_at + position)
        request = entry(plane.requests, member.request)
        request.generated = request.output - (member.finish - replica.iterations - replica.steps)
        if request.late != replica.late:
            request.late = NONE
        request.due = request.last_token
        request.last_token = last_token
    request_index = replica.fresh if replica.prefills > 0 else NONE
    while request_index != NONE:
        request = entry(plane.requests, request_index)
        request.last_token = request.due
        request_index = request.next
    for position in range(replica.batch):
        request_index = entry(plane.batches, replica.members_at + position).request
        count_member(plane, request_index, -1)
        number = take_running(plane, replica_index, request_index, number, now)
    return number


@full_helper(otherwise=0)
def take_running(plane: Any, replica_index: int, request_index: int, number: int, now: float) -> int:
    """Take a request that runs from a replica, as `take` does."""
    since = entry(plane.requests, request_index).since
    entry(plane.replicas, replica_index).running_sum += clipped(plane.clock[0], since, now)
    return take(plane, request_index, number, now)


@full_helper(otherwise=0)
def take(plane: Any, request_index: int, number: int, now: float) -> int:
    """A request has lost its replica and its cache, and joins the `number` that have before; how many they are then."""
    request = entry(plane.requests, request_index)
    if not math.isnan(request.start):
        request.status = PREEMPTED
    elif request.status == WAITING:
        forget_patience(plane, request_index)
    else:
        wait_again(plane, request.service, request_index)
    if grows(entry(plane.services, request.service)):
        request.kv = request.prompt + request.generated + 1
    request.since = now
    request.moves += 1
    unbind(plane, request_index, False)
    put(plane.requests, plane.returns[plane.clock[0].returning :], number, request_index, request.asked)
    return number + 1


@helper
def forget_step(replica: Any) -> None:
    """A replica holds nothing and has nothing under way."""
    replica.batch = 0
    replica.members = 0
    replica.tokens = 0
    replica.kv_held = 0
    replica.admitted = NONE
    replica.partial = NONE
    replica.prefills = 0
    replica.prefill_tokens = 0
    replica.prefill_read = 0
    replica.prefill_squares = 0


@full_helper()
def leave_to_their_fate(plane: Any, service_index: int, number: int, now: float) -> None:
    """Send the requests of a dead replica back to the router in the order of their arrival, or lose them."""
    requests, service = plane.requests, entry(plane.services, service_index)
    request_index = in_order_of_arrival(plane, number)
    while request_index != NONE:
        following = entry(requests, request_index).next
        if entry(requests, request_index).status == WAITING:
            watch_patience(plane, request_index, entry(requests, request_index).asked)
        if service.loses:
            leave_waiting(plane, service, request_index)
            lose_for_good(plane, request_index, LOST, now)
        else:
            send_back(plane, service_index, request_index, now)
        request_index = following


@full_helper(otherwise=NONE)
def in_order_of_arrival(plane: Any, number: int) -> int:
    """The first of those taken from a dead replica; each says who is next. Their heap makes way for whoever returns."""
    requests, heap = plane.requests, plane.returns[plane.clock[0].returning :]
    first, last = NONE, NONE
    for left in range(number, 0, -1):
        request_index = entry(heap, 0)
        remove(requests, heap, left, request_index)
        entry(requests, request_index).next = NONE
        if last == NONE:
            first = request_index
        else:
            entry(requests, last).next = request_index
        last = request_index
    return first
