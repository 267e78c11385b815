"""The one clock of both planes: SimPy steps from decision to decision, and the request plane is advanced in between.

Control-plane times are multiples of `TICK`, so that sums of them are exact and equal instants are equal. Events of one
instant run in the order of their `Phase`. A request never costs an event here.
"""

import math
from collections.abc import Generator
from enum import IntEnum
from typing import Any, Protocol

import simpy
from simpy.events import EventPriority

TICK = 2.0**-20
"""Seconds; sums of multiples stay exact up to 2**33 s, some 270 years."""


class Phase(IntEnum):
    """The order of control-plane events at one instant (0 and 1 are SimPy's own URGENT and NORMAL)."""

    COMPLETION = 2
    REPAIR = 3
    BOUNDARY = 4
    """The end of the warm-up, and the horizon: what ends there is counted, what arrives there is not."""
    ARRIVAL = 5
    PASS = 6
    SAMPLE = 7


class Plane(Protocol):
    """A compiled plane that can be brought forward to an instant."""

    @property
    def now(self) -> float:
        """The instant at which it stands (seconds)."""
        ...

    def advance(self, until: float) -> None:
        """Bring every service to `until`, or to an earlier instant for which it has scheduled a decision.

        At the instant reached, completions and timeouts have happened; arrivals and dispatch have not.
        """
        ...


def on_grid(time: float) -> float:
    """The first control-plane instant at or after `time` (seconds)."""
    return math.ceil(time / TICK) * TICK


class FleetEnvironment(simpy.Environment):
    """A SimPy environment that brings the request plane to each instant before anything is decided there."""

    def __init__(self, plane: Plane | None = None) -> None:
        super().__init__()
        self.plane = plane
        self.decisions = 0
        """Control-plane events so far."""

    def at(self, time: float, phase: Phase) -> simpy.Event:
        """An event at `time` (seconds; moved up to the grid) in the order of `phase`."""
        event = simpy.Event(self)
        event._ok = True  # noqa: SLF001  SimPy has no public way to schedule a plain event with a priority
        event._value = None  # noqa: SLF001
        self.schedule(event, EventPriority(int(phase)), delay=on_grid(time) - self.now)
        return event

    def step(self) -> None:
        """Bring the request plane to the next event (it may ask for an earlier decision on the way), and process it."""
        while self.plane is not None and self.plane.now < self.peek() < math.inf:
            self.plane.advance(self.peek())
        self.decisions += 1
        super().step()


Process = Generator[simpy.Event, Any, Any]
"""What a SimPy process function returns."""
