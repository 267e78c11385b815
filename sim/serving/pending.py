"""The replicas that decide, at the end of an instant, what to do next.

A lazy replica keeps that in its own record. Eager ones of one instant are dispatched in waves, lowest number first:
whom a dispatch of one wave calls belongs to the next.
"""

from typing import Any

from sim.serving.compiler import entry, full_helper, helper, is_full
from sim.serving.counting import pass_running


@helper
def mark(plane: Any, replica_index: int, now: float) -> None:
    """Have a replica that computes nothing dispatched when everything else of this instant has happened."""
    replica = entry(plane.replicas, replica_index)
    if replica.marked:
        return
    replica.marked = 1
    replica.due = now
    if is_full(plane):
        pass_running(replica, now)
    replica.last_change = now
    if not entry(plane.services, replica.service).lazy:
        line_up(plane, replica_index)


@helper
def line_up(plane: Any, replica_index: int) -> None:
    """Put a marked replica into the next wave."""
    clock = plane.clock[0]
    at = clock.pending
    while at > 0 and plane.pending[at - 1] > replica_index:
        plane.pending[at] = plane.pending[at - 1]
        at -= 1
    plane.pending[at] = replica_index
    clock.pending += 1


@full_helper()
def leave_line(plane: Any, replica_index: int) -> None:
    """Take a marked replica out of the next wave; none is under way."""
    clock = plane.clock[0]
    at = 0
    while plane.pending[at] != replica_index:
        at += 1
    clock.pending -= 1
    while at < clock.pending:
        plane.pending[at] = plane.pending[at + 1]
        at += 1


@helper
def first_of_wave(plane: Any) -> int:
    """The replica to be dispatched first; there is one.

    The wave under way lies in the second half of `plane.pending`, its first replica at the end.
    """
    clock = plane.clock[0]
    if clock.wave == 0:
        begin_wave(plane)
    return plane.pending[plane.replicas.shape[0] + clock.wave - 1]


@helper
def begin_wave(plane: Any) -> None:
    """Those who wait for dispatch become the wave under way."""
    clock = plane.clock[0]
    last = plane.replicas.shape[0] + clock.pending - 1
    for position in range(clock.pending):
        plane.pending[last - position] = plane.pending[position]
    clock.wave = clock.pending
    clock.pending = 0


@helper
def leave_wave(plane: Any) -> None:
    """The first of the wave under way has been dispatched."""
    clock = plane.clock[0]
    clock.wave -= 1
    if clock.wave == 0 and clock.pending > 0:
        begin_wave(plane)
