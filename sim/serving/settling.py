"""Settling: what is under way is booked up to the instant at which the plane stands, and services are added up.

Sums of floats are kept by replica and by queue, each of which sees its own events in the order of time. So no figure
depends on when a replica was looked at.
"""

from typing import Any

from sim.serving.by_reference import referred_to
from sim.serving.compiler import apart, entry, helper, is_full, kernel
from sim.serving.counting import pass_running, pass_waiting
from sim.serving.decode import count_iterations
from sim.serving.layout import DECODE, PASS, PREFILL, SWAP, SWITCH
from sim.serving.presence import pass_presence
from sim.serving.segment import end_of, energy_of, iteration_under_way
from sim.serving.transfer import pass_transferring


@kernel
def settle(plane: Any, now: float) -> None:
    """Book all up to `now` (seconds): counts of requests over time, busy seconds and joules; add up the services."""
    _settle(referred_to(plane), now)


@apart
def _settle(plane: Any, now: float) -> None:
    for service_index in range(plane.services.shape[0]):
        forget_sums(plane, service_index, now)
    for replica_index in range(plane.replicas.shape[0]):
        book_step(plane, replica_index, now)
        add_replica(plane, replica_index, now)
    for queue_index in range(plane.queues.shape[0]):
        add_queue(plane, queue_index, now)


@helper
def forget_sums(plane: Any, service_index: int, now: float) -> None:
    """Begin to add up a service, whose transfers and replicas are counted up to `now`."""
    service = entry(plane.services, service_index)
    service.waiting_area = 0.0
    service.waiting_sum = 0.0
    service.running_area = 0.0
    service.running_sum = 0.0
    service.kv_area = 0.0
    service.batches = 0
    service.batched = 0
    service.computed_tokens = 0
    pass_transferring(service, now)
    pass_presence(plane, service_index, now)


@helper
def add_replica(plane: Any, replica_index: int, now: float) -> None:
    """Add a replica to the sums of its service."""
    replica = entry(plane.replicas, replica_index)
    service = entry(plane.services, replica.service)
    pass_running(replica, now)
    service.running_area += replica.running_area
    service.running_sum += replica.running_sum
    service.kv_area += replica.kv_area
    service.batches += replica.batches
    service.batched += replica.batched
    service.computed_tokens += replica.computed_tokens


@helper
def add_queue(plane: Any, queue_index: int, now: float) -> None:
    """Add a queue to the sums of its service."""
    queue = entry(plane.queues, queue_index)
    replicas = plane.replicas.shape[0]
    service_index = entry(plane.replicas, queue_index).service if queue_index < replicas else queue_index - replicas
    service = entry(plane.services, service_index)
    pass_waiting(queue, now)
    service.waiting_area += queue.waiting_area
    service.waiting_sum += queue.waiting_sum


@helper
def book_step(plane: Any, replica_index: int, now: float) -> None:
    """Book the step under way up to `now`; a marked replica has just ended one, and all of it is booked."""
    replica = entry(plane.replicas, replica_index)
    if replica.marked:
        return
    if replica.state == DECODE:
        drawn = decode_until(plane, replica_index, now)
        replica.joules_decode += drawn - replica.accounted
        replica.busy_decode += now - replica.busy_since
    elif is_full(plane) and replica.state == SWITCH:
        drawn = replica.energy * ((now - replica.anchor) / (replica.due - replica.anchor))
        replica.joules_switch += drawn - replica.accounted
        replica.busy_switch += now - replica.busy_since
    elif replica.state == PREFILL or replica.state == PASS or replica.state == SWAP:
        drawn = replica.energy * ((now - replica.anchor) / (replica.due - replica.anchor))
        if replica.state == SWAP:
            replica.joules_decode += drawn - replica.accounted
            replica.busy_decode += now - replica.busy_since
        elif replica.state == PREFILL:
            replica.joules_prefill += drawn - replica.accounted
            replica.busy_prefill += now - replica.busy_since
        else:
            replica.joules_batch += drawn - replica.accounted
            replica.busy_batch += now - replica.busy_since
    else:
        return
    replica.accounted = drawn
    replica.busy_since = now


@helper
def decode_until(plane: Any, replica_index: int, now: float) -> float:
    """Count the iterations of a decode segment that have ended, and its joules; the one under way draws evenly."""
    replica = entry(plane.replicas, replica_index)
    piece = entry(plane.pieces, replica.row)
    iteration, end = iteration_under_way(replica, piece, now)
    begin = end_of(replica, piece, iteration - 1)
    before, after = energy_of(replica, piece, iteration - 1), energy_of(replica, piece, iteration)
    count_iterations(plane, replica_index, piece, iteration if end == now else iteration - 1, now)
    return before + (after - before) * ((now - begin) / (end - begin))
