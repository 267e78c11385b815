"""The KV cache of a prefilled request is sent to the replica that decodes.

A replica that decodes takes a request when it has room, and its room is kept while the cache is on its way. A transfer
occupies the links of both replicas, each of which carries one at a time. The replica that prefilled holds the cache to
the end of the transfer. Neither stops computing meanwhile.
"""

from typing import Any

from sim.serving.batch_heap import join
from sim.serving.calling import call_for_head
from sim.serving.compiler import entry, full_helper, helper
from sim.serving.counting import clipped, pass_running
from sim.serving.decode import stop_after
from sim.serving.layout import DECODE, IDLE, NONE, RUNNING, TRANSFERRING
from sim.serving.pending import mark
from sim.serving.returning import come_back_at
from sim.serving.segment import end_of, iteration_under_way
from sim.serving.token_gaps import note_joining


@helper
def in_blocks(tokens: int, size: int) -> int:
    """The tokens of as many whole blocks as so many tokens need."""
    return (tokens + size - 1) // size * size


@helper
def pin(replica: Any, tokens: int, size: int) -> None:
    """Of what a replica holds, so many tokens belong to a cache that is being sent or received."""
    replica.pinned += in_blocks(tokens, size)
    replica.kv_held += in_blocks(tokens, size) - tokens


@helper
def pass_transferring(stage: Any, now: float) -> None:
    """Integrate how many caches have been on their way since that last changed."""
    stage.transferring_area += stage.transferring * (now - stage.last_transfer)
    stage.last_transfer = now


@full_helper(inlined=True)
def begin_transfer(plane: Any, replica_index: int, request_index: int, now: float) -> None:
    """Send the cache of a request that a replica has taken, when the links are free."""
    replica = entry(plane.replicas, replica_index)
    request = entry(plane.requests, request_index)
    stage = entry(plane.services, replica.service)
    sender = entry(plane.replicas, request.sender)
    begins = max(now, replica.link_free, sender.link_free)
    ends = begins + (stage.transfer_fixed + stage.transfer_per_token * float(request.prompt))
    replica.link_free = ends
    sender.link_free = ends
    pin(replica, request.kv, stage.block_size)
    request.status = TRANSFERRING
    pass_transferring(stage, now)
    stage.transferring += 1
    come_back_at(plane, request_index, ends)


@full_helper(inlined=True)
def end_transfer(plane: Any, request_index: int, now: float) -> None:
    """A cache has come: it is given up where it was, and its request joins the batch after the iteration under way."""
    request = entry(plane.requests, request_index)
    replica = entry(plane.replicas, request.replica)
    stage = entry(plane.services, replica.service)
    pass_transferring(stage, now)
    stage.transferring -= 1
    stage.transfers += 1
    stage.transferring_sum += clipped(plane.clock[0], request.since, now)
    request.status = RUNNING
    release(plane, request_index, now)
    request.next = replica.received
    replica.received = request_index
    if replica.state == DECODE and not replica.marked:
        piece = entry(plane.pieces, replica.row)
        iteration, end = iteration_under_way(replica, piece, now)
        if iteration == replica.steps:  # the next one has begun at this very instant
            iteration, end = iteration + 1, end_of(replica, piece, iteration + 1)
        stop_after(plane, request.replica, iteration, end)
    elif replica.state == IDLE:
        mark(plane, request.replica, now)


@helper
def release(plane: Any, request_index: int, now: float) -> None:
    """The replica that prefilled a request gives its cache up, and has room for others."""
    request = entry(plane.requests, request_index)
    sender = entry(plane.replicas, request.sender)
    tokens = in_blocks(request.prompt + 1, entry(plane.services, sender.service).block_size)
    pass_running(sender, now)
    sender.pinned -= tokens
    sender.kv_held -= tokens
    call_for_head(plane, request.sender, now)


@full_helper(inlined=True)
def join_received(plane: Any, replica_index: int, now: float) -> None:
    """Those whose cache has come join the batch."""
    replica = entry(plane.replicas, replica_index)
    if replica.received == NONE:
        return
    note_joining(replica, now)
    request_index = replica.received
    replica.received = NONE
    while request_index != NONE:
        request = entry(plane.requests, request_index)
        following = request.next
        tokens = in_blocks(request.kv, entry(plane.services, replica.service).block_size)
        replica.pinned -= tokens
        replica.kv_held -= tokens - request.kv
        join(plane, replica, request_index, replica.iterations + replica.steps + request.output - request.generated)
        replica.tokens += request.prompt + request.generated
        request.late = replica.late
        request.next = replica.fresh
        replica.fresh = request_index
        request_index = following
    replica.changed = 1
