"""Requests with a patience of their own: `Plane.patiences` holds those that wait in the order in which it ends.

The end of the first of them is an event like the timeouts of services, behind which it comes at one instant.
"""

from typing import Any

from sim.serving.compiler import entry, full_helper, helper
from sim.serving.event_heap import move
from sim.serving.layout import NEVER
from sim.serving.request_heap import put, remove


@full_helper()
def watch_patience(plane: Any, request_index: int, now: float) -> None:
    """A request begins to wait."""
    clock = plane.clock[0]
    patience = entry(plane.requests, request_index).patience
    if patience < NEVER:
        put(plane.requests, plane.patiences, clock.impatient, request_index, now + patience)
        clock.impatient += 1
        set_end_of_patience(plane)


@full_helper()
def forget_patience(plane: Any, request_index: int) -> None:
    """A request waits no longer."""
    clock = plane.clock[0]
    if entry(plane.requests, request_index).patience < NEVER:
        remove(plane.requests, plane.patiences, clock.impatient, request_index)
        clock.impatient -= 1
        set_end_of_patience(plane)


@helper
def set_end_of_patience(plane: Any) -> None:
    """Move the event to where the first patience ends."""
    clock = plane.clock[0]
    due = entry(plane.requests, entry(plane.patiences, 0)).due if clock.impatient > 0 else NEVER
    move(plane.events, plane.places, clock.first_timeout + plane.services.shape[0], due)
