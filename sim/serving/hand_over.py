"""A prefilled request is handed over to a replica that decodes, where a service has groups of replicas for each.

It waits in that replica's queue until there is room; its cache stays where it was prefilled.
"""

from typing import Any

from sim.serving.calling import call_for_head
from sim.serving.compiler import entry, full_helper, rare
from sim.serving.counting import clipped
from sim.serving.kv_cache import grows
from sim.serving.layout import HANDED_OVER, IDLE, NONE
from sim.serving.pending import mark
from sim.serving.queues import append, level_of
from sim.serving.requests import bind, complete, unbind
from sim.serving.routing import route
from sim.serving.transfer import in_blocks, pin


@rare
def turned_round(requests: Any, first: int) -> int:
    """The same list of requests in the other order."""
    before = NONE
    while first != NONE:
        following = entry(requests, first).next
        entry(requests, first).next = before
        before, first = first, following
    return before


@full_helper(inlined=True)
def leave_prefill(plane: Any, replica_index: int, request_index: int, now: float) -> None:
    """A request has its first token, and leaves the replica that computed it: to be decoded elsewhere, or for good."""
    replica = entry(plane.replicas, replica_index)
    request = entry(plane.requests, request_index)
    replica.members -= 1
    if request.output == 1:
        replica.kv_held -= request.kv
        complete(plane, request_index, now)
        return
    replica.running_sum += clipped(plane.clock[0], request.since, now)
    replica.kv_held += request.prompt + 1 - request.kv
    pin(replica, request.prompt + 1, entry(plane.services, replica.service).block_size)
    unbind(plane, request_index, False)
    request.sender = replica_index
    request.generated = 1
    hand_over(plane, replica.service, request_index, now)


@full_helper(inlined=True)
def hand_over(plane: Any, service_index: int, request_index: int, now: float) -> None:
    """Put a prefilled request into the queue of the replica that its rule names."""
    request = entry(plane.requests, request_index)
    stage_index = entry(plane.services, service_index).stage
    stage = entry(plane.services, stage_index)
    replica_index = route(plane, stage_index, request_index, now)
    if not grows(stage):
        request.kv = in_blocks(request.prompt + request.output, stage.block_size)
    request.status = HANDED_OVER
    request.since = now
    bind(plane, replica_index, request_index, now)
    append(plane, replica_index, request_index, level_of(plane, request), now)
    if entry(plane.replicas, replica_index).state == IDLE:
        mark(plane, replica_index, now)
    elif entry(plane.queues, replica_index).head == request_index:
        call_for_head(plane, replica_index, now)
