"""Chunked prefill: an iteration computes a token for every sequence that decodes, and pieces of prompts beside them.

What `max_batched_tokens` leaves beside the decoding sequences goes first to the prompt that was begun, then to the head
of the queue. Only the last prompt of an iteration can stay unfinished, so there is never more than one such `partial`.
"""

from typing import Any

from sim.serving.admission import compute, tokens_left
from sim.serving.batch_gaps import add_gaps_of_batch
from sim.serving.compiler import entry, full_helper
from sim.serving.kv_cache import grows
from sim.serving.layout import NONE
from sim.serving.token_gaps import count_first_gaps, slo_itl


@full_helper(inlined=True)
def continue_partial(plane: Any, replica_index: int) -> None:
    """Go on with the prompt that was begun, if there is one."""
    replica = entry(plane.replicas, replica_index)
    request_index = replica.partial
    if request_index != NONE:
        request = entry(plane.requests, request_index)
        left = request.prompt + request.generated - request.computed
        replica.partial = NONE
        compute(plane, replica, request_index, min(left, tokens_left(entry(plane.services, replica.service), replica)))


@full_helper(inlined=True)
def decode_beside(plane: Any, replica_index: int, now: float) -> None:
    """The sequences that decode have a token from an iteration with pieces of prompts beside them."""
    replica = entry(plane.replicas, replica_index)
    service = entry(plane.services, replica.service)
    if replica.batch > 0:
        count_gaps_beside(plane, replica_index, now)
        replica.batches += 1
        replica.batched += replica.batch
        replica.iterations += 1
        replica.tokens += replica.batch
        if grows(service):
            replica.kv_held += replica.batch
    replica.prefills = 0


@full_helper(inlined=True)
def count_gaps_beside(plane: Any, replica_index: int, now: float) -> None:
    """Count the gaps that end with such an iteration."""
    replica = entry(plane.replicas, replica_index)
    usual = now - replica.anchor
    if replica.prefills > 0:
        count_first_gaps(plane, replica_index, now, usual)
        return
    if now >= plane.clock[0].window_start and replica.busy_since < plane.clock[0].window_end:
        add_gaps_of_batch(plane, replica_index, usual)
    if usual > slo_itl(plane, replica):
        replica.late += 1
