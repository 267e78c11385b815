"""Room in the KV cache of a replica, in blocks: what a request needs, and how what runs grows by a token an iteration.

Where nothing is ever preempted, room for prompt and output is reserved on admission, in whole blocks, and nothing
grows. Otherwise a sequence of c tokens needs ceil(c / block_size) blocks in its next iteration. Sums over a batch are
bounded from its tokens alone; only where the cache is all but full they are counted sequence by sequence.
"""

from typing import Any

from sim.serving.compiler import entry, helper, rare
from sim.serving.layout import NO_PREEMPTION, NONE


@helper
def grows(service: Any) -> bool:
    """Whether running requests take blocks as they go, and may have to be preempted."""
    return service.preemption != NO_PREEMPTION


@helper
def fits(plane: Any, replica: Any, service: Any, tokens: int, ahead: int) -> bool:
    """Whether `tokens` more fit, when all that decodes has gone on for `ahead` iterations."""
    capacity = entry(plane.laws, replica.law).kv_capacity
    if not grows(service):
        return replica.kv_held + tokens <= capacity
    held = replica.kv_held + replica.batch * ahead + tokens
    if held + (replica.members + 1) * (service.block_size - 1) <= capacity:
        return True
    if held > capacity:
        return False
    size = service.block_size
    blocks = blocks_held(plane.batches, plane.requests, replica, size, ahead) + (tokens + size - 1) // size
    return blocks * size <= capacity


@helper
def has_room(plane: Any, replica_index: int, request_index: int, ahead: int) -> bool:
    """Whether a replica could take a request when what decodes has gone on for `ahead` iterations."""
    replica = entry(plane.replicas, replica_index)
    service = entry(plane.services, replica.service)
    tokens = entry(plane.requests, request_index).kv
    return replica.members < service.max_batch and fits(plane, replica, service, tokens, ahead)


@rare
def blocks_held(batches: Any, requests: Any, replica: Any, size: int, ahead: int) -> int:
    """Blocks that all sequences of a replica need together, when what decodes has gone on for `ahead` iterations."""
    blocks = replica.pinned // size
    now = replica.iterations + replica.steps + ahead
    for position in range(replica.batch):
        member = entry(batches, replica.members_at + position)
        request = entry(requests, member.request)
        blocks += (request.prompt + request.output - member.finish + now + size - 1) // size
    if replica.partial != NONE:
        blocks += (entry(requests, replica.partial).kv + size - 1) // size
    request_index = replica.admitted
    while request_index != NONE:
        request = entry(requests, request_index)
        blocks += (request.kv + size - 1) // size
        request_index = request.next
    return blocks


@helper
def overflows(plane: Any, replica: Any, service: Any, ahead: int) -> bool:
    """Whether the batch needs more blocks than there are, when it has gone on for `ahead` iterations."""
    capacity = entry(plane.laws, replica.law).kv_capacity
    held = replica.kv_held + replica.batch * ahead
    size = service.block_size
    if held + replica.members * (size - 1) <= capacity:
        return False
    return blocks_held(plane.batches, plane.requests, replica, size, ahead) * size > capacity


@rare
def iterations_with_room(batches: Any, requests: Any, replica: Any, capacity: int, size: int, most: int) -> int:
    """How many further iterations of the batch, at least one and at most `most`, have the blocks that they need."""
    enough = 1
    while enough < most:
        middle = (enough + most + 1) // 2
        if blocks_held(batches, requests, replica, size, middle - 1) * size > capacity:
            most = middle - 1
        else:
            enough = middle
    return enough
