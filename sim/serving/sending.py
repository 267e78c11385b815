"""A client sends again: the same request once more, the next turn of its session, or the next of a closed loop."""

from typing import Any

from sim.serving.arrival import count_arrival, describe, enter
from sim.serving.compiler import entry, full_helper, helper
from sim.serving.layout import NO_PREEMPTION, NONE, THINKING
from sim.serving.requests import free_slot
from sim.serving.transfer import in_blocks


@full_helper(otherwise=True)
def send(plane: Any, request_index: int, now: float) -> bool:
    """A client sends again; False if what its class's next requests bring must be drawn first."""
    clock = plane.clock[0]
    request = entry(plane.requests, request_index)
    own_class = entry(plane.classes, request.class_index)
    clock.service = request.class_index
    drawn = request.status == THINKING
    sent = not drawn or begin_next(plane, request_index, now)
    if not drawn:
        request.since = now
        request.asked = now
        own_class.retries += clock.window_start <= now < clock.window_end
    if sent:
        enter(plane, request_index, now)
    return not drawn or own_class.next_draw < own_class.last_draw


@helper
def begin_next(plane: Any, request_index: int, now: float) -> bool:
    """Make a client's next request of the one before; False if it does not fit with its history: the session ends."""
    clock = plane.clock[0]
    request = entry(plane.requests, request_index)
    service = entry(plane.services, request.service)
    own_class = entry(plane.classes, request.class_index)
    drawn = entry(plane.arrivals, own_class.next_draw)
    own_class.next_draw += 1
    history = request.prompt + request.output if own_class.history else 0
    turns = request.turns - 1
    if history > 0 and history + drawn.prompt + drawn.output > service.longest:
        own_class.cut_sessions += clock.window_start <= now < clock.window_end
        free_slot(plane, request_index)
        return False
    describe(plane, request.service, request_index, drawn, now)
    request.turns = turns
    if history > 0:
        request.prompt += history
        request.kv = tokens_to_start(service, request)
    count_arrival(plane, request, now)
    return True


@helper
def tokens_to_start(service: Any, request: Any) -> int:
    """Tokens of KV cache for which a request must find room."""
    if service.preemption != NO_PREEMPTION:
        return request.prompt + 1
    return in_blocks(request.prompt + (request.output if service.stage == NONE else 1), service.block_size)
