"""Continuous batching of token models: requests join and leave a batch between its iterations.

At each end of an iteration a replica admits what its queue holds while the batch, the KV cache and the token budget of
an iteration have room. Prefill first: what is admitted is prefilled at once, then all decode together. Chunked: prompts
are computed in pieces beside the sequences that decode.
"""

from typing import Any

from sim.serving.admission import admit
from sim.serving.calling import call_for_central_head
from sim.serving.chunked import continue_partial
from sim.serving.compiler import entry, helper, is_full
from sim.serving.decode import decode
from sim.serving.idle_set import become_idle
from sim.serving.kv_cache import grows, overflows
from sim.serving.preemption import begin_swap, preempt
from sim.serving.prefill import begin_prefill
from sim.serving.transfer import join_received


@helper
def dispatch_continuous(plane: Any, replica_index: int, now: float) -> None:
    """Decide what a replica does from this instant on."""
    replica = entry(plane.replicas, replica_index)
    service = entry(plane.services, replica.service)
    moved = 0
    if grows(service) and overflows(plane, replica, service, 0):
        moved = preempt(plane, replica_index, now)
    if moved == 0:
        join_received(plane, replica_index, now)
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
