"""Requests with a patience of their own: `Plane.patiences` holds those that wait in the order in which it ends.

The end of the first of them is an event like the timeouts of services, behind which it comes at one instant.
"""

from typing import Any

from sim.serving.compiler import entry, full_helper, helper
from sim.serving.event_heap import move
from sim.serving.layout import NEVER
from sim.serving.request_heap import put, remove


@full_helper(inlined=True)
def watch_patience(plane: Any, request_index: int, now: float) -> None:
    """A request begins to wait, with all of its patience."""
    if entry(plane.requests, request_index).patience < NEVER:
        join_impatient(plane, request_index, now)


@full_helper()
def join_impatient(plane: Any, request_index: int, now: float) -> None:
    """Put a request that may lose its patience among its like."""
    clock = plane.clock[0]
    due = now + entry(plane.requests, request_index).patience
    put(plane.requests, plane.patiences, clock.impatient, request_index, due)
    clock.impatient += 1
    set_end_of_patience(plane)


@full_helper(inlined=True)
def forget_patience(plane: Any, request_index: int) -> None:
    """A request waits no longer."""
    if entry(plane.requests, request_index).patience < NEVER:
        leave_impatient(plane, request_index)


@full_helper()
def leave_impatient(plane: Any, request_index: int) -> None:
    """Take a request that might have lost its patience from among its like."""
    clock = plane.clock[0]
    remove(plane.requests, plane.patiences, clock.impatient, request_index)
    clock.impatient -= 1
    set_end_of_patience(plane)


@helper
def set_end_of_patience(plane: Any) -> None:
    """Move the event to where the first patience ends."""
    clock = plane.clock[0]
    due = entry(plane.requests, entry(plane.patiences, 0)).due if clock.impatient > 0 else NEVER
    move(plane.events, plane.places, clock.first_timeout + plane.services.shape[0], due)
