"""Admission: which waiting requests a replica takes at the end of an iteration.

The head of the queue goes first; what it has no room for keeps all others waiting. A request that was preempted stands
in its replica's own queue, ahead of all others of its priority.
"""

import math
from typing import Any

from sim.serving.compiler import entry, full_helper, helper, is_full
from sim.serving.kv_cache import has_room
from sim.serving.layout import HANDED_OVER, NONE, SWAPPED
from sim.serving.prefix_cache import kept_tokens
from sim.serving.queues import level_of, next_queue
from sim.serving.requests import start_head
from sim.serving.transfer import begin_transfer

LEVEL = 2**40
"""More admissions than a replica ever sees: who gives up the cache first is of the lowest priority, then the last."""


@helper
def admit(plane: Any, replica_index: int, now: float) -> int:
    """Take waiting requests while there is room; a replica's own come before those of its service's central queue.

    Returns the tokens whose cache must be brought back from the host before anything else.
    """
    replica = entry(plane.replicas, replica_index)
    moved = 0
    while True:
        queue_index = next_queue(plane, replica_index)
        head = entry(plane.queues, queue_index).head
        if head == NONE:
            return moved
        if is_full(plane) and entry(plane.requests, head).status == HANDED_OVER:
            if not has_room(plane, replica_index, head, 0):
                return moved
            take_head(plane, replica_index, queue_index, now)
            begin_transfer(plane, replica_index, head, now)
            continue
        tokens = tokens_to_compute(plane, replica, head, moved)
        if tokens == NONE or not has_room(plane, replica_index, head, 0):
            return moved
        count_skipped(plane, head)
        take_head(plane, replica_index, queue_index, now)
        if tokens == 0:
            moved += entry(plane.requests, head).kv
            add_admitted(plane, replica, head)
        else:
            compute(plane, replica, head, tokens)


@full_helper()
def count_skipped(plane: Any, request_index: int) -> None:
    """Count what a prompt that starts for the first time finds in a cache."""
    request = entry(plane.requests, request_index)
    if math.isnan(request.start):
        service = entry(plane.services, request.service)
        service.admitted_tokens += request.prompt
        service.skipped_tokens += request.computed


@helper
def take_head(plane: Any, replica_index: int, queue_index: int, now: float) -> None:
    """The head of a queue joins what a replica holds."""
    replica = entry(plane.replicas, replica_index)
    request = entry(plane.requests, start_head(plane, replica_index, queue_index, now))
    request.order = level_of(plane, request) * LEVEL + replica.admissions
    replica.admissions += 1
    replica.kv_held += request.kv
    replica.members += 1


@helper
def add_admitted(plane: Any, replica: Any, request_index: int) -> None:
    """A request joins the batch when the step that now begins ends."""
    entry(plane.requests, request_index).next = replica.admitted
    replica.admitted = request_index


@helper
def compute(plane: Any, replica: Any, request_index: int, tokens: int) -> None:
    """Have the iteration that now begins compute further tokens of a request: all that are left, or a piece of them."""
    request = entry(plane.requests, request_index)
    begin, end = request.computed, request.computed + tokens
    request.computed = end
    replica.prefill_tokens += tokens
    replica.prefill_read += end
    replica.prefill_squares += end * end - begin * begin
    if is_full(plane) and end < request.prompt + request.generated:
        replica.partial = request_index
    else:
        add_admitted(plane, replica, request_index)


@helper
def tokens_to_compute(plane: Any, replica: Any, request_index: int, moved: int) -> int:
    """Tokens that the next iteration would compute of a request; 0: its cache must be brought back; -1: not now.

    A prompt that exceeds the budget of an iteration may go alone, where prompts are not computed in pieces.
    """
    service = entry(plane.services, replica.service)
    request = entry(plane.requests, request_index)
    request.computed = 0
    if is_full(plane):
        if request.status == SWAPPED:
            return 0 if replica.prefill_tokens == 0 else NONE
        if moved > 0:
            return NONE
        if service.prefix_hit_rate > 0.0:
            request.computed = cached_tokens(service, request)
        elif service.prefix_size > 0:
            request.computed = kept_tokens(plane, replica, request)
    left = request.prompt + request.generated - request.computed
    if is_full(plane) and service.chunked:
        piece = min(left, tokens_left(service, replica))
        return piece if piece > 0 else NONE
    over_budget = replica.prefill_tokens + left > service.max_batched_tokens
    return NONE if over_budget and replica.prefill_tokens > 0 else left


@helper
def tokens_left(service: Any, replica: Any) -> int:
    """Tokens that an iteration may still compute beside those of the batch, where prompts are computed in pieces."""
    return service.max_batched_tokens - replica.batch - replica.prefill_tokens


@helper
def cached_tokens(service: Any, request: Any) -> int:
    """Tokens of a prompt whose cache is there already: whole blocks of it, and never all of it."""
    size = service.block_size
    hit = math.floor(service.prefix_hit_rate * request.prompt / size)
    return min(hit, (request.prompt - 1) // size) * size
