"""Prefill: an iteration that computes prompts, and ends with the first token of those that it completes."""

from typing import Any

from sim.serving.batch_heap import join
from sim.serving.chunked import decode_beside
from sim.serving.compiler import entry, helper, is_full
from sim.serving.hand_over import leave_prefill, turned_round
from sim.serving.layout import NONE, PREFILL
from sim.serving.prefix_cache import keep_prompt
from sim.serving.token_gaps import count_gap_before_prefill, note_prefill


@helper
def begin_prefill(plane: Any, replica_index: int, now: float) -> None:
    """Start an iteration with prompts, chunked ones beside the batch (`sim.hardware.tables.PrefillLaw`)."""
    replica = entry(plane.replicas, replica_index)
    law = entry(plane.laws, replica.law)
    decoding, context = 0, 0
    if is_full(plane) and entry(plane.services, replica.service).chunked:
        decoding, context = replica.batch, replica.tokens
    tokens = float(decoding + replica.prefill_tokens)
    read = float(context + replica.prefill_read)
    squares = float(2 * context + replica.prefill_squares)
    reading = law.memory_fixed + law.memory_per_token * read
    computing = law.compute_per_token * tokens + law.compute_per_square * squares
    seconds = max(reading, computing) + law.overhead + law.overhead_per_token * tokens
    drawn = (
        law.power_base * seconds
        + law.energy_fixed
        + law.energy_per_token * tokens
        + law.energy_per_square * squares
        + law.energy_per_read * read
    )
    replica.state = PREFILL
    replica.anchor = now
    replica.due = now + seconds
    replica.energy = min(law.power_limit * seconds, drawn)
    replica.accounted = 0.0
    replica.busy_since = now


@helper
def end_prefill(plane: Any, replica_index: int, now: float) -> None:
    """Each prefilled request has its next token and joins the batch."""
    replica = entry(plane.replicas, replica_index)
    replica.joules_prefill += replica.energy - replica.accounted
    replica.busy_prefill += now - replica.busy_since
    replica.computed_tokens += replica.prefill_tokens
    if is_full(plane) and entry(plane.services, replica.service).chunked:
        decode_beside(plane, replica_index, now)
    else:
        note_prefill(replica)
    request_index = first_admitted(plane, replica)
    replica.admitted = NONE
    while request_index != NONE:
        following = entry(plane.requests, request_index).next
        emit_prefilled(plane, replica_index, request_index, now)
        request_index = following
    replica.prefill_tokens = 0
    replica.prefill_read = 0
    replica.prefill_squares = 0
    replica.changed = 1


@helper
def first_admitted(plane: Any, replica: Any) -> int:
    """The list of those that were admitted: the last first, or the first first where they are handed over."""
    if is_full(plane) and entry(plane.services, replica.service).stage != NONE:
        return turned_round(plane.requests, replica.admitted)
    return replica.admitted


@helper
def emit_prefilled(plane: Any, replica_index: int, request_index: int, now: float) -> None:
    """A request has a token from its prefill, its first in most cases, and joins the batch."""
    replica = entry(plane.replicas, replica_index)
    request = entry(plane.requests, request_index)
    if is_full(plane) and entry(plane.services, replica.service).prefix_size > 0:
        keep_prompt(plane, replica, request)
    if request.generated == 0:
        request.first_token = now
        request.late = replica.late
    else:
        count_gap_before_prefill(plane, replica, request, now)
    request.last_token = now
    if is_full(plane) and entry(plane.services, replica.service).stage != NONE:
        leave_prefill(plane, replica_index, request_index, now)
        return
    left = request.output - request.generated - 1
    join(plane, replica, request_index, replica.iterations + replica.steps + left)
    replica.tokens += request.prompt + request.generated + 1
    if left > 0:
        request.next = replica.fresh
        replica.fresh = request_index
