"""Preemption: where the batch has outgrown the KV cache, requests give theirs up and wait again, the last first.

Recomputing forgets the cache: prompt and generated tokens are prefilled again, which emits the next token. Swapping
moves it to the host's memory and back, while nothing else runs. The lowest priority gives way first. Requests that
were preempted stand in their replica's queue ahead of all others of their priority. They have started, so that no
limit of waiting concerns them.
"""

from typing import Any

from sim.serving.batch_heap import join, remove_member
from sim.serving.compiler import entry, full_helper, helper, rare
from sim.serving.counting import class_of, clipped
from sim.serving.kv_cache import overflows
from sim.serving.layout import NONE, PREEMPTED, SWAP, SWAP_OUT, SWAPPED
from sim.serving.queues import level_of, push_front
from sim.serving.token_gaps import note_prefill


@rare
def preempt(plane: Any, replica_index: int, now: float) -> int:
    """Take requests out of the batch until its next iteration has the blocks it needs; tokens to be moved to the host.

    All that decode have had a token at this very instant.
    """
    replica = entry(plane.replicas, replica_index)
    service = entry(plane.services, replica.service)
    moved = 0
    while overflows(plane, replica, service, 0):
        place = last_admitted(plane, replica)
        if place == NONE:
            request_index = replica.partial
            replica.partial = NONE
            suspend(plane, replica_index, request_index, PREEMPTED, now)
            continue
        request_index = take_from_batch(plane, replica, place)
        request = entry(plane.requests, request_index)
        request.last_token = now
        if service.preemption == SWAP_OUT:
            moved += request.kv
            suspend(plane, replica_index, request_index, SWAPPED, now)
        else:
            suspend(plane, replica_index, request_index, PREEMPTED, now)
            request.kv += 1
    return moved


@helper
def last_admitted(plane: Any, replica: Any) -> int:
    """The place in the batch of the request that was admitted last, of those of the lowest priority.

    NONE where that is the one whose prompt is computed in pieces.
    """
    place, latest = NONE, NONE
    if replica.partial != NONE:
        latest = entry(plane.requests, replica.partial).order
    for position in range(replica.batch):
        order = entry(plane.requests, entry(plane.batches, replica.members_at + position).request).order
        if order > latest:
            place, latest = position, order
    return place


@helper
def take_from_batch(plane: Any, replica: Any, place: int) -> int:
    """Take the request at a place out of the batch; its `kv` is then what it holds."""
    finish, request_index = remove_member(plane, replica, place)
    request = entry(plane.requests, request_index)
    request.generated = request.output - (finish - replica.iterations - replica.steps)
    request.kv = request.prompt + request.generated
    if request.late != replica.late:
        request.late = NONE
    replica.tokens -= request.kv
    replica.changed = 1
    return request_index


@helper
def suspend(plane: Any, replica_index: int, request_index: int, status: int, now: float) -> None:
    """A request runs no longer, and waits ahead of all others of its priority."""
    replica = entry(plane.replicas, replica_index)
    request = entry(plane.requests, request_index)
    replica.running_sum += clipped(plane.clock[0], request.since, now)
    replica.kv_held -= request.kv
    replica.members -= 1
    entry(plane.classes, class_of(plane, request)).preemptions += 1
    request.since = now
    request.status = status
    push_front(plane, replica_index, request_index, level_of(plane, request), now)


@full_helper()
def begin_swap(plane: Any, replica_index: int, tokens: int, now: float) -> None:
    """Move the cache of so many tokens over the link to the host, at the power of a replica that computes nothing."""
    replica = entry(plane.replicas, replica_index)
    law = entry(plane.laws, replica.law)
    seconds = law.swap_per_token * float(tokens)
    replica.state = SWAP
    replica.anchor = now
    replica.due = now + seconds
    replica.energy = law.power_base * seconds
    replica.accounted = 0.0
    replica.busy_since = now


@full_helper()
def end_swap(plane: Any, replica_index: int, now: float) -> None:
    """Those whose cache is back join the batch; others decode on when theirs has left."""
    replica = entry(plane.replicas, replica_index)
    replica.joules_decode += replica.energy - replica.accounted
    replica.busy_decode += now - replica.busy_since
    note_prefill(replica)
    if replica.admitted != NONE:
        replica.prefills += 1
    request_index = replica.admitted
    replica.admitted = NONE
    while request_index != NONE:
        request = entry(plane.requests, request_index)
        following = request.next
        join(plane, replica, request_index, replica.iterations + replica.steps + request.output - request.generated)
        replica.tokens += request.kv
        if request.late != NONE:
            request.late = replica.late
        request.next = replica.fresh
        replica.fresh = request_index
        request_index = following
    replica.changed = 1
