"""Requests go back to the router: those of a replica that has died, and those that no replica was ready for.

A request keeps what its stamps say. If it has started it waits as one that was preempted does, beyond all limits of
waiting. In a queue it takes the place that its arrival gives it.
"""

from typing import Any

from sim.serving.arrival import start_at_once, starts_at_once
from sim.serving.calling import call_for_central_head, call_for_head
from sim.serving.compiler import entry, full_helper
from sim.serving.counting import count_waited
from sim.serving.decisions import ask_where_none_is_ready
from sim.serving.event_heap import set_timeout
from sim.serving.idle_set import take_idle
from sim.serving.layout import CENTRAL_QUEUE, HOLDING, IDLE, NEVER, NONE, TAKEN, WAITING
from sim.serving.pending import mark
from sim.serving.queues import came_later, insert, last_down_to, leave_waiting, level_of, pop_head
from sim.serving.requests import bind
from sim.serving.routing import route
from sim.serving.single_pass import wake_for_central_queue


@full_helper()
def send_back(plane: Any, service_index: int, request_index: int, now: float) -> None:
    """Have the router decide on a request that it has had before."""
    ask_where_none_is_ready(plane, service_index, now)
    service = entry(plane.services, service_index)
    entry(plane.requests, request_index).replica = NONE
    if service.routing == CENTRAL_QUEUE or service.ready == 0:
        send_to_central_queue(plane, service_index, request_index, now)
    else:
        send_to_replica(plane, service_index, request_index, now)


@full_helper()
def send_to_central_queue(plane: Any, service_index: int, request_index: int, now: float) -> None:
    """Give a request to an idle replica, or put it into the one queue of its service."""
    service = entry(plane.services, service_index)
    queue_index = plane.replicas.shape[0] + service_index
    if service.idle > 0 and entry(plane.queues, queue_index).length == 0 and starts_at_once(plane, service):
        leave_waiting(plane, service, request_index)
        start_at_once(plane, take_idle(plane, service), request_index, now)
        return
    line_up_by_arrival(plane, queue_index, request_index, now)
    if service.watcher != NONE:
        mark(plane, service.watcher, now)
    elif service.idle > 0:
        mark(plane, take_idle(plane, service), now)
    elif service.generative and entry(plane.queues, queue_index).head == request_index:
        call_for_central_head(plane, service_index, now)


@full_helper()
def send_to_replica(plane: Any, service_index: int, request_index: int, now: float) -> None:
    """Bind a request to the replica that the routing rule names."""
    service = entry(plane.services, service_index)
    replica_index = route(plane, service_index, request_index, now)
    replica = entry(plane.replicas, replica_index)
    if replica.state == IDLE and not replica.marked and starts_at_once(plane, service):
        leave_waiting(plane, service, request_index)
        start_at_once(plane, replica_index, request_index, now)
        return
    bind(plane, replica_index, request_index, now)
    line_up_by_arrival(plane, replica_index, request_index, now)
    if not service.generative:
        if replica.state <= HOLDING:
            mark(plane, replica_index, now)
    elif entry(plane.queues, replica_index).head == request_index:
        call_for_head(plane, replica_index, now)


@full_helper()
def empty_central_queue(plane: Any, service_index: int, now: float) -> None:
    """A replica has become ready, or one has gone: have somebody look at those who wait for no one in particular."""
    service = entry(plane.services, service_index)
    queue_index = plane.replicas.shape[0] + service_index
    if service.routing != CENTRAL_QUEUE:
        while service.ready > 0 and entry(plane.queues, queue_index).length > 0:
            request_index = pop_head(plane, queue_index, now)
            request = entry(plane.requests, request_index)
            count_waited(plane, queue_index, request, now)
            request.since = now
            send_to_replica(plane, service_index, request_index, now)
    elif not service.generative:
        wake_for_central_queue(plane, service_index, now)
    elif entry(plane.queues, queue_index).length > 0:
        if service.idle > 0:
            mark(plane, take_idle(plane, service), now)
        else:
            call_for_central_head(plane, service_index, now)


@full_helper()
def line_up_by_arrival(plane: Any, queue_index: int, request_index: int, now: float) -> None:
    """Put a request into a queue ahead of those of its priority that arrived later, but for one about to start."""
    request = entry(plane.requests, request_index)
    level = level_of(plane, request)
    plane.lengths[queue_index, level] += 1
    last = plane.tails[queue_index, level]
    ahead = last_down_to(plane, queue_index, level - 1)
    while last != NONE and ahead != last:
        following = entry(plane.queues, queue_index).head if ahead == NONE else entry(plane.requests, ahead).next
        other = entry(plane.requests, following)
        if other.status != TAKEN and came_later(other, request):
            break
        ahead = following
    if last == NONE or ahead == last:
        plane.tails[queue_index, level] = request_index
    insert(plane, queue_index, request_index, ahead, now)


@full_helper()
def wait_again(plane: Any, service_index: int, request_index: int) -> None:
    """A request that was about to start at this instant waits again: it takes its place by age."""
    service = entry(plane.services, service_index)
    request = entry(plane.requests, request_index)
    request.status = WAITING
    service.waiting += 1
    if service.timeout == NEVER:
        return
    later, earlier = NONE, service.youngest
    while earlier != NONE and came_later(entry(plane.requests, earlier), request):
        later, earlier = earlier, entry(plane.requests, earlier).earlier
    request.later = later
    request.earlier = earlier
    if later == NONE:
        service.youngest = request_index
    else:
        entry(plane.requests, later).earlier = request_index
    if earlier == NONE:
        service.oldest = request_index
        set_timeout(plane, service_index, request.asked + service.timeout)
    else:
        entry(plane.requests, earlier).later = request_index
