"""Having a replica look at who waits for it, at the end of its iteration under way."""

from typing import Any

from sim.serving.compiler import entry, helper, is_full, rare
from sim.serving.decode import stop_after
from sim.serving.kv_cache import has_room
from sim.serving.layout import DECODE, IDLE, NEVER, NONE
from sim.serving.pending import mark
from sim.serving.queues import next_queue
from sim.serving.segment import iteration_under_way


@helper
def call_for_head(plane: Any, replica_index: int, now: float) -> None:
    """Have a decoding replica take the head of its queue at the end of its iteration under way, if it has room.

    One that computes nothing, because it has had no room, looks for itself.
    """
    replica = entry(plane.replicas, replica_index)
    if is_full(plane) and replica.state == IDLE and entry(plane.queues, replica_index).length > 0:
        mark(plane, replica_index, now)
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
