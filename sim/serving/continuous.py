"""Continuous batching of token models, prefill first: requests join and leave a batch between its iterations.

At each end of an iteration a replica admits what its queue holds while the batch, the KV cache (reserved for prompt
and output, in blocks) and the token budget of one prefill have room. What is admitted is prefilled at once, then all
decode together.
"""

from typing import Any

from sim.hardware.tables import PIECES
from sim.serving.batch_heap import join, next_finish, take_next
from sim.serving.compiler import entry, helper
from sim.serving.event_heap import keep_in_order
from sim.serving.idle_set import become_idle
from sim.serving.layout import DECODE, NEVER, NONE, PREFILL
from sim.serving.requests import complete, start_head
from sim.serving.segment import end_of, energy_of, iteration_under_way, piece_at


@helper
def has_room(plane: Any, replica_index: int, request_index: int) -> bool:
    """Whether a replica's batch and KV cache could take a request."""
    replica = entry(plane.replicas, replica_index)
    service = entry(plane.services, replica.service)
    after = replica.kv_reserved + entry(plane.requests, request_index).kv
    return replica.members < service.max_batch and after <= service.kv_capacity


@helper
def admit(plane: Any, replica_index: int, queue_index: int, now: float) -> None:
    """Take requests from the head of a queue for one prefill, while there is room; a long prompt may go alone."""
    replica = entry(plane.replicas, replica_index)
    service = entry(plane.services, replica.service)
    while entry(plane.queues, queue_index).length > 0:
        head = entry(plane.queues, queue_index).head
        request = entry(plane.requests, head)
        over_budget = replica.prefill_tokens + request.prompt > service.max_batched_tokens
        if not has_room(plane, replica_index, head) or (replica.prefill_tokens > 0 and over_budget):
            return
        start_head(plane, replica_index, queue_index, now)
        replica.kv_reserved += request.kv
        replica.members += 1
        replica.prefill_tokens += request.prompt
        replica.prefill_squares += request.prompt * request.prompt
        request.next = replica.admitted
        replica.admitted = head


@helper
def leave_batch(plane: Any, replica_index: int, request_index: int, now: float) -> None:
    """A request has its last token."""
    replica = entry(plane.replicas, replica_index)
    replica.kv_reserved -= entry(plane.requests, request_index).kv
    complete(plane, request_index, now)
    replica.members -= 1


@helper
def begin_prefill(plane: Any, replica_index: int, now: float) -> None:
    """Start the prefill of what was admitted (the laws of `sim.hardware.tables.PrefillLaw`)."""
    replica = entry(plane.replicas, replica_index)
    service = entry(plane.services, replica.service)
    tokens, squares = float(replica.prefill_tokens), float(replica.prefill_squares)
    reading = service.memory_fixed + service.memory_per_token * tokens
    computing = service.compute_per_token * tokens + service.compute_per_square * squares
    seconds = max(reading, computing) + service.overhead + service.overhead_per_token * tokens
    drawn = (
        service.power_base * seconds
        + service.energy_fixed
        + service.energy_per_token * tokens
        + service.energy_per_square * squares
        + service.energy_per_read * tokens
    )
    replica.state = PREFILL
    replica.anchor = now
    replica.due = now + seconds
    replica.energy = min(service.power_limit * seconds, drawn)
    replica.accounted = 0.0
    replica.busy_since = now


@helper
def end_prefill(plane: Any, replica_index: int, now: float) -> None:
    """Each prefilled request has its first token and joins the batch, unless that was all of it."""
    replica = entry(plane.replicas, replica_index)
    replica.joules_prefill += replica.energy - replica.accounted
    replica.busy_prefill += now - replica.busy_since
    request_index = replica.admitted
    while request_index != NONE:
        request = entry(plane.requests, request_index)
        following = request.next
        request.first_token = now
        if request.output <= 1:
            leave_batch(plane, replica_index, request_index, now)
        else:
            join(plane, replica, request_index, replica.iterations + replica.steps + request.output - 1)
            replica.tokens += request.prompt + 1
        request_index = following
    replica.admitted = NONE
    replica.prefill_tokens = 0
    replica.prefill_squares = 0
    replica.changed = 1


@helper
def begin_decode(plane: Any, replica_index: int, now: float) -> None:
    """Set a new anchor: the batch has changed, or its iterations go on under another law."""
    replica = entry(plane.replicas, replica_index)
    service = entry(plane.services, replica.service)
    replica.anchor = now
    replica.base = replica.tokens
    replica.iterations += replica.steps
    replica.steps = 0
    replica.changed = 0
    replica.accounted = 0.0
    replica.row = piece_at(plane.pieces, service.table + replica.batch * PIECES, replica.tokens)


@helper
def decode(plane: Any, replica_index: int, now: float) -> None:
    """Run the batch to its next completion, or to the iteration from which another piece of the law holds."""
    replica = entry(plane.replicas, replica_index)
    if replica.changed or replica.state != DECODE or replica.tokens >= entry(plane.pieces, replica.row).until:
        begin_decode(plane, replica_index, now)
    replica.state = DECODE
    replica.busy_since = now
    piece = entry(plane.pieces, replica.row)
    replica.planned = next_finish(plane, replica) - replica.iterations
    if replica.base + replica.batch * replica.planned > piece.until:
        replica.planned = (piece.until - replica.base + replica.batch - 1) // replica.batch
    replica.due = end_of(replica, piece, replica.planned)


@helper
def end_decode(plane: Any, replica_index: int, now: float) -> None:
    """The planned iterations are done: those requests leave whose last token this was."""
    replica = entry(plane.replicas, replica_index)
    service = entry(plane.services, replica.service)
    drawn = energy_of(replica, entry(plane.pieces, replica.row), replica.planned)
    replica.joules_decode += drawn - replica.accounted
    replica.accounted = drawn
    replica.busy_decode += now - replica.busy_since
    replica.busy_since = now
    done = replica.planned - replica.steps
    service.batches += done
    service.batched += done * replica.batch
    replica.steps = replica.planned
    replica.tokens = replica.base + replica.batch * replica.steps
    while replica.batch > 0 and next_finish(plane, replica) <= replica.iterations + replica.steps:
        leaving = take_next(plane, replica)
        replica.tokens -= entry(plane.requests, leaving).prompt + entry(plane.requests, leaving).output
        replica.changed = 1
        leave_batch(plane, replica_index, leaving, now)


@helper
def stop_after_iteration(plane: Any, replica_index: int, now: float) -> None:
    """Come back at the end of the iteration under way: somebody waits whom the replica has room for."""
    replica = entry(plane.replicas, replica_index)
    replica.planned, replica.due = iteration_under_way(replica, entry(plane.pieces, replica.row), now)
    keep_in_order(plane, replica_index)


@helper
def call_for_head(plane: Any, replica_index: int, now: float) -> None:
    """Have a decoding replica take the head of its queue at the end of its iteration under way, if it has room."""
    replica = entry(plane.replicas, replica_index)
    if replica.state != DECODE or replica.marked or entry(plane.queues, replica_index).length == 0:
        return
    if has_room(plane, replica_index, entry(plane.queues, replica_index).head):
        stop_after_iteration(plane, replica_index, now)


@helper
def call_for_central_head(plane: Any, service_index: int, now: float) -> None:
    """Have that replica take the head of the central queue whose iteration ends first, of those that have room.

    Which iteration ends next must be looked up replica by replica, so a central queue suits services of tens of
    replicas.
    """
    service = entry(plane.services, service_index)
    head = entry(plane.queues, plane.replicas.shape[0] + service_index).head
    if head == NONE:
        return
    earliest, chosen = NEVER, NONE
    for replica_index in range(service.first_replica, service.first_replica + service.replicas):
        replica = entry(plane.replicas, replica_index)
        if replica.state != DECODE or replica.marked or not has_room(plane, replica_index, head):
            continue
        piece = entry(plane.pieces, replica.row)
        _, end = iteration_under_way(replica, piece, now)
        if end < earliest:
            earliest, chosen = end, replica_index
    if chosen != NONE:
        stop_after_iteration(plane, chosen, now)


@helper
def dispatch_continuous(plane: Any, replica_index: int, now: float) -> None:
    """Decide what a replica does from this instant on."""
    replica = entry(plane.replicas, replica_index)
    central = plane.replicas.shape[0] + replica.service
    admit(plane, replica_index, replica_index, now)
    if entry(plane.queues, replica_index).length == 0:
        admit(plane, replica_index, central, now)
    if replica.admitted != NONE:
        begin_prefill(plane, replica_index, now)
    elif replica.batch > 0:
        decode(plane, replica_index, now)
    else:
        become_idle(plane, replica_index)
    if entry(plane.queues, central).length > 0:
        call_for_central_head(plane, replica.service, now)
