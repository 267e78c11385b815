"""A service asks for a decision: the plane stops for whoever decides, at the next instant that decisions fall on."""

import math
from typing import Any

from sim.serving.compiler import entry, full_helper, helper
from sim.serving.layout import DECISION, NONE_READY, ONE_IDLE

GRID = 2.0**20
"""Decisions fall on multiples of 2**-20 s, as everything on the control plane does."""


@helper
def stop_for_decision(plane: Any, now: float) -> None:
    """Have the plane stand at this instant, or less than a microsecond later."""
    clock = plane.clock[0]
    clock.reason = DECISION
    clock.stop = min(clock.stop, math.ceil(now * GRID) / GRID)


@full_helper(inlined=True)
def ask_where_none_is_ready(plane: Any, service_index: int, now: float) -> None:
    """A request comes to the router of a service: stop if no replica is ready and somebody wants to know."""
    service = entry(plane.services, service_index)
    if service.asks_when_none and service.ready == 0:
        service.asks_when_none = 0
        service.asks |= NONE_READY
        stop_for_decision(plane, now)


@full_helper(inlined=True)
def ask_where_one_is_idle(plane: Any, service_index: int, now: float) -> None:
    """A ready replica of a service has nothing left to do: stop if somebody wants to know."""
    service = entry(plane.services, service_index)
    if service.asks_when_idle:
        service.asks_when_idle = 0
        service.asks |= ONE_IDLE
        stop_for_decision(plane, now)
