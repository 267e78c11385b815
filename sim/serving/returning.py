"""Requests that come back at an instant that is known: `Plane.returns` holds them in the order of time.

At one instant they come ahead of those that arrive for the first time. Services with such requests are eager.
"""

from typing import Any

from sim.serving.compiler import entry, full_helper
from sim.serving.layout import NEVER, NONE
from sim.serving.request_heap import put, remove


@full_helper(otherwise=NEVER, inlined=True)
def next_return(plane: Any) -> float:
    """The instant at which the first of them comes back (seconds)."""
    if plane.clock[0].returning == 0:
        return NEVER
    return entry(plane.requests, entry(plane.returns, 0)).due


@full_helper(inlined=True)
def come_back_at(plane: Any, request_index: int, due: float) -> None:
    """Have a request come back at an instant."""
    clock = plane.clock[0]
    put(plane.requests, plane.returns, clock.returning, request_index, due)
    clock.returning += 1


@full_helper(otherwise=NONE, inlined=True)
def take_return(plane: Any) -> int:
    """Take the first of those who are on their way; there is one."""
    clock = plane.clock[0]
    request_index = entry(plane.returns, 0)
    remove(plane.requests, plane.returns, clock.returning, request_index)
    clock.returning -= 1
    return request_index
