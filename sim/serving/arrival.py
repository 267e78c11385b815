"""A request arrives: it is rejected, bound to a replica, or put into the central queue of its service."""

import math
from typing import Any

from sim.serving.calling import call_for_central_head, call_for_head
from sim.serving.compiler import entry, full_helper, helper, is_full
from sim.serving.counting import class_of
from sim.serving.decisions import ask_where_none_is_ready, stop_for_decision
from sim.serving.event_heap import set_timeout
from sim.serving.idle_set import take_idle
from sim.serving.kv_cache import has_room
from sim.serving.layout import CENTRAL_QUEUE, HOLDING, IDLE, MANY_WAIT, NEVER, NONE, REJECTED, TAKEN, WAITING
from sim.serving.patience import watch_patience
from sim.serving.pending import mark
from sim.serving.queues import append, level_of, watch_age
from sim.serving.requests import bind, lose, lose_for_good, take_slot
from sim.serving.routing import route
from sim.serving.single_pass import wake_for_central_queue


@helper
def next_request(plane: Any, service_index: int, now: float) -> int:
    """Take the next arrival of a service into a request slot."""
    service = entry(plane.services, service_index)
    arrival = entry(plane.arrivals, service.next_arrival)
    service.next_arrival += 1
    request_index = take_slot(plane)
    describe(plane, service_index, request_index, arrival, now)
    count_arrival(plane, entry(plane.requests, request_index), now)
    return request_index


@helper
def describe(plane: Any, service_index: int, request_index: int, arrival: Any, now: float) -> None:
    """Make a request of what was drawn for it."""
    service = entry(plane.services, service_index)
    request = entry(plane.requests, request_index)
    request.service = service_index
    describe_client(plane, request, arrival)
    request.replica = NONE
    request.index = service.index
    request.arrival = now
    request.asked = now
    request.since = now
    request.generated = 0
    request.computed = 0
    request.start = math.nan
    request.first_token = math.nan
    request.prompt = arrival.prompt
    request.output = arrival.output
    request.kv = arrival.kv
    request.work = arrival.work
    service.index += 1


@full_helper(inlined=True)
def describe_client(plane: Any, request: Any, arrival: Any) -> None:  # noqa: ARG001  `plane` tells plain from full
    """Tell a request its class, and what its client does besides waiting."""
    request.class_index = arrival.class_index
    request.moves = 0
    request.attempts = 0
    request.turns = arrival.turns
    request.patience = arrival.patience
    request.retry_delay = arrival.retry_delay
    request.think_time = arrival.think_time


@helper
def count_arrival(plane: Any, request: Any, now: float) -> None:
    """Count a request that is sent for the first time, with what it brings."""
    clock = plane.clock[0]
    if clock.window_start <= now < clock.window_end:
        own_class = entry(plane.classes, class_of(plane, request))
        own_class.arrived += 1
        own_class.offered_prompt_tokens += request.prompt
        own_class.offered_output_tokens += request.output
        own_class.offered_work += request.work


@helper
def is_too_long(plane: Any, service: Any, request_index: int) -> bool:
    """Whether a request would not fit into an empty KV cache, the smallest of the service."""
    request = entry(plane.requests, request_index)
    return request.prompt + request.output > service.longest


@helper
def starts_at_once(plane: Any, service: Any) -> bool:
    """Whether a request never waits for others where a replica is idle, nor perhaps for its model."""
    return service.max_queue_delay == 0.0 and not (is_full(plane) and service.models > 1)


@helper
def start_at_once(plane: Any, replica_index: int, request_index: int, now: float) -> None:
    """Bind a request to an idle replica that starts it at this instant, ahead of any other."""
    entry(plane.requests, request_index).status = TAKEN
    bind(plane, replica_index, request_index, now)
    append(plane, replica_index, request_index, 0, now)
    mark(plane, replica_index, now)


@helper
def wait_in(plane: Any, queue_index: int, request_index: int, now: float) -> None:
    """Put a request into a queue and watch its age; ask for a decision where the queue has grown to the alarm."""
    request = entry(plane.requests, request_index)
    service = entry(plane.services, request.service)
    request.status = WAITING
    service.waiting += 1
    append(plane, queue_index, request_index, level_of(plane, request), now)
    if service.timeout < NEVER and watch_age(plane, service, request_index):
        set_timeout(plane, request.service, now + service.timeout)
    watch_patience(plane, request_index, now)
    if service.armed and service.waiting >= service.alarm:
        service.armed = 0
        service.asks |= MANY_WAIT
        stop_for_decision(plane, now)


@helper
def arrive(plane: Any, service_index: int, now: float) -> None:
    """The next request of a service arrives."""
    enter(plane, next_request(plane, service_index, now), now)


@helper
def enter(plane: Any, request_index: int, now: float) -> None:
    """A request is there; one that never fits is not tried again."""
    service_index = entry(plane.requests, request_index).service
    service = entry(plane.services, service_index)
    if service.generative and is_too_long(plane, service, request_index):
        lose_for_good(plane, request_index, REJECTED, now)
        return
    ask_where_none_is_ready(plane, service_index, now)
    if service.routing == CENTRAL_QUEUE:
        arrive_centrally(plane, service_index, request_index, now)
    elif is_full(plane) and service.ready == 0:
        wait_for_replica(plane, service_index, request_index, now)
    else:
        arrive_at_replica(plane, service_index, request_index, now)


@helper
def arrive_centrally(plane: Any, service_index: int, request_index: int, now: float) -> None:
    """An arrival goes to an idle replica, else waits in the one queue of its service."""
    service = entry(plane.services, service_index)
    queue_index = plane.replicas.shape[0] + service_index
    at_once = service.idle > 0 and entry(plane.queues, queue_index).length == 0
    if at_once and starts_at_once(plane, service):
        start_at_once(plane, take_idle(plane, service), request_index, now)
    elif service.waiting >= service.queue_limit:
        lose(plane, request_index, REJECTED, now)
    else:
        wait_in(plane, queue_index, request_index, now)
        if not service.generative:
            wake_for_central_queue(plane, service_index, now)
        elif entry(plane.queues, queue_index).head == request_index:
            call_for_central_head(plane, service_index, now)


@full_helper()
def wait_for_replica(plane: Any, service_index: int, request_index: int, now: float) -> None:
    """An arrival that finds no replica ready waits in the one queue of its service, whatever its rule."""
    service = entry(plane.services, service_index)
    if service.waiting >= service.queue_limit:
        lose(plane, request_index, REJECTED, now)
    else:
        wait_in(plane, plane.replicas.shape[0] + service_index, request_index, now)


@helper
def arrive_at_replica(plane: Any, service_index: int, request_index: int, now: float) -> None:
    """An arrival is bound to the replica that the routing rule names, and waits there."""
    service = entry(plane.services, service_index)
    replica_index = route(plane, service_index, request_index, now)
    replica = entry(plane.replicas, replica_index)
    idle = replica.state == IDLE and not replica.marked
    if is_full(plane) and service.stage != NONE:
        none_waits = entry(plane.queues, replica_index).length == 0
        idle = idle and none_waits and has_room(plane, replica_index, request_index, 0)
    if idle and starts_at_once(plane, service):
        start_at_once(plane, replica_index, request_index, now)
        return
    if service.waiting >= service.queue_limit:
        lose(plane, request_index, REJECTED, now)
        return
    bind(plane, replica_index, request_index, now)
    wait_in(plane, replica_index, request_index, now)
    if service.generative:
        if entry(plane.queues, replica_index).head == request_index:
            call_for_head(plane, replica_index, now)
    elif replica.state <= HOLDING and (idle or entry(plane.queues, replica_index).length >= service.max_batch):
        mark(plane, replica_index, now)
