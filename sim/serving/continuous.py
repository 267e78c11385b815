"""Continuous batching of token models: requests join and leave a batch between its iterations.

At each end of an iteration a replica admits what its queue holds while the batch, the KV cache and the token budget of
an iteration have room. Prefill first: what is admitted is prefilled at once, then all decode together. Chunked: prompts
are computed in pieces beside the sequences that decode.
"""

from typing import Any

from sim.serving.admission import admit, has_room, next_queue
from sim.serving.chunked import continue_partial
from sim.serving.compiler import entry, helper, is_full, rare
from sim.serving.decode import decode, stop_after
from sim.serving.idle_set import become_idle
from sim.serving.kv_cache import grows, overflows
from sim.serving.layout import DECODE, NEVER, NONE
from sim.serving.preemption import begin_swap, preempt
from sim.serving.prefill import begin_prefill
from sim.serving.segment import iteration_under_way


@helper
def call_for_head(plane: Any, replica_index: int, now: float) -> None:
    """Have a decoding replica take the head of its queue at the end of its iteration under way, if it has room."""
    replica = entry(plane.replicas, replica_index)
    if replica.state != DECODE or replica.marked or entry(plane.queues, replica_index).length == 0:
        return
    if replica.members < entry(plane.services, replica.service).max_batch:
        iteration, end = iteration_under_way(replica, entry(plane.pieces, replica.row), now)
        head = entry(plane.queues, replica_index).head
        if has_room(plane, replica_index, head, iteration - replica.steps):
            stop_after(plane, replica_index, iteration, end)


@rare
def call_for_central_head(plane: Any, service_index: int, now: float) -> None:
    """Have that replica take the head of the central queue whose iteration ends first, of those that have room.

    Which iteration ends next must be looked up replica by replica, so a central queue suits services of tens of
    replicas.
    """
    service = entry(plane.services, service_index)
    head = entry(plane.queues, plane.replicas.shape[0] + service_index).head
    if head == NONE:
        return
    earliest, chosen, planned = NEVER, NONE, 0
    for replica_index in range(service.first_replica, service.first_replica + service.replicas):
        replica = entry(plane.replicas, replica_index)
        if replica.state != DECODE or replica.marked or next_queue(plane, replica_index) == replica_index:
            continue
        iteration, end = iteration_under_way(replica, entry(plane.pieces, replica.row), now)
        if end < earliest and has_room(plane, replica_index, head, iteration - replica.steps):
            earliest, chosen, planned = end, replica_index, iteration
    if chosen != NONE:
        stop_after(plane, chosen, planned, earliest)


@helper
def dispatch_continuous(plane: Any, replica_index: int, now: float) -> None:
    """Decide what a replica does from this instant on."""
    replica = entry(plane.replicas, replica_index)
    service = entry(plane.services, replica.service)
    moved = 0
    if grows(service) and overflows(plane, replica, service, 0):
        moved = preempt(plane, replica_index, now)
    if is_full(plane) and service.chunked and moved == 0:
        continue_partial(plane, replica_index)
    if moved == 0:
        moved = admit(plane, replica_index, now)
    if is_full(plane) and moved > 0:
        begin_swap(plane, replica_index, moved, now)
    elif replica.prefill_tokens > 0:
        begin_prefill(plane, replica_index, now)
    elif replica.batch > 0:
        decode(plane, replica_index, now)
    else:
        become_idle(plane, replica_index, now)
    central = plane.replicas.shape[0] + replica.service
    if entry(plane.queues, central).length > 0:
        call_for_central_head(plane, replica.service, now)
