"""Batches of single-pass models: a free replica waits for a full batch, but no request longer than the queue delay.

With a largest batch of one and no delay this is a plain server. The work of a batch is the mean of its requests'.
"""

from typing import Any

from sim.serving.compiler import entry, helper, is_full
from sim.serving.idle_set import become_idle, take_idle
from sim.serving.layout import HOLDING, NONE, PASS
from sim.serving.pending import mark
from sim.serving.queues import oldest_of_levels
from sim.serving.ready_set import takes_no_more
from sim.serving.requests import complete, start_head


@helper
def fill_batch(plane: Any, replica_index: int, queue_index: int, now: float) -> float:
    """Start requests from the head of a queue until the batch is full; returns their work."""
    replica = entry(plane.replicas, replica_index)
    service = entry(plane.services, replica.service)
    work = 0.0
    while replica.members < service.max_batch and entry(plane.queues, queue_index).length > 0:
        request_index = start_head(plane, replica_index, queue_index, now)
        request = entry(plane.requests, request_index)
        work += request.work
        request.next = replica.admitted
        replica.admitted = request_index
        replica.members += 1
    return work


@helper
def begin_pass(plane: Any, replica_index: int, now: float) -> None:
    """Run what waits, up to a full batch."""
    work = fill_batch(plane, replica_index, replica_index, now)
    replica = entry(plane.replicas, replica_index)
    if not takes_no_more(plane, replica):
        work += fill_batch(plane, replica_index, plane.replicas.shape[0] + replica.service, now)
    run_batch(plane, replica_index, work, now)


@helper
def run_batch(plane: Any, replica_index: int, work: float, now: float) -> None:
    """Let the requests of a batch, which bring so much work together, pass."""
    replica = entry(plane.replicas, replica_index)
    per_batch = entry(plane.pieces, entry(plane.laws, replica.law).table + replica.members)
    share = work / replica.members
    replica.state = PASS
    replica.anchor = now
    replica.due = now + per_batch.time_fixed * share
    replica.energy = per_batch.energy_fixed * share
    replica.accounted = 0.0
    replica.busy_since = now
    replica.batches += 1
    replica.batched += replica.members


@helper
def end_pass(plane: Any, replica_index: int, now: float) -> None:
    """Every request of the batch is answered."""
    replica = entry(plane.replicas, replica_index)
    replica.joules_batch += replica.energy - replica.accounted
    replica.busy_batch += now - replica.busy_since
    request_index = replica.admitted
    while request_index != NONE:
        following = entry(plane.requests, request_index).next
        complete(plane, request_index, now)
        request_index = following
    replica.admitted = NONE
    replica.members = 0


@helper
def dispatch_single_pass(plane: Any, replica_index: int, now: float) -> None:
    """Decide what a free replica does from this instant on.

    Of the free replicas of a central queue one, the watcher, waits for the queue delay to pass; the others rest.
    """
    replica = entry(plane.replicas, replica_index)
    service = entry(plane.services, replica.service)
    central = plane.replicas.shape[0] + replica.service
    own = entry(plane.queues, replica_index).length > 0 or takes_no_more(plane, replica)
    queue_index = replica_index if own else central
    waiting = entry(plane.queues, queue_index).length
    if waiting == 0:
        become_idle(plane, replica_index, now)
        return
    deadline = oldest_arrival(plane, queue_index) + service.max_queue_delay
    if service.max_queue_delay == 0.0 or waiting >= service.max_batch or deadline <= now:
        if service.watcher == replica_index:
            service.watcher = NONE
        begin_pass(plane, replica_index, now)
        wake_for_central_queue(plane, replica.service, now)
    elif queue_index == central and service.watcher != NONE and service.watcher != replica_index:
        become_idle(plane, replica_index, now)
    else:
        replica.state = HOLDING
        if queue_index == central:
            service.watcher = replica_index
        replica.due = deadline


@helper
def oldest_arrival(plane: Any, queue_index: int) -> float:
    """The instant since which the first of those in a queue, which is not empty, waits."""
    if is_full(plane):
        return oldest_of_levels(plane, queue_index)
    return entry(plane.requests, entry(plane.queues, queue_index).head).asked


@helper
def wake_for_central_queue(plane: Any, service_index: int, now: float) -> None:
    """Have a free replica look at a central queue that holds somebody and that none watches, or that is full enough."""
    service = entry(plane.services, service_index)
    length = entry(plane.queues, plane.replicas.shape[0] + service_index).length
    if length == 0:
        return
    if service.watcher != NONE:
        if length >= service.max_batch:
            mark(plane, service.watcher, now)
    elif service.idle > 0:
        mark(plane, take_idle(plane, service), now)
