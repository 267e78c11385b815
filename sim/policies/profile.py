"""What will be free on the nodes of a pool, from now on, as far as is planned."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable

import numpy as np

from sim.policies.protocols import IntArray, Nodes

SOON = 2.0**-20
"""Seconds after which a job is expected to end that should have ended already, or that has no length."""


class Profile:
    """A step function of time: free accelerators of each node from each instant on (s)."""

    def __init__(self, now: float, free: IntArray, releases: Iterable[tuple[float, Nodes]]) -> None:
        self._times = [now]
        self._free = [free.copy()]
        for end, nodes in releases:
            step = self._step_at(max(end, now + SOON))
            for later in range(step, len(self._times)):
                self._change(later, nodes, 1)

    def earliest(self, length: float, place: Callable[[IntArray], Nodes | None]) -> tuple[float, Nodes] | None:
        """The first instant from which on nodes found by `place` stay free for `length` seconds."""
        for step, start in enumerate(self._times):
            last = max(bisect_left(self._times, start + length), step + 1)
            nodes = place(np.minimum.reduce(self._free[step:last]))
            if nodes is not None:
                return start, nodes
        return None

    def take(self, start: float, end: float, nodes: Nodes) -> None:
        """Plan that nodes are held from `start` to `end` (s)."""
        if end <= start:
            return
        first = self._step_at(start)
        for step in range(first, self._step_at(end)):
            self._change(step, nodes, -1)

    def forget_before(self, now: float) -> None:
        """Drop what is past."""
        gone = bisect_right(self._times, now) - 1
        del self._times[:gone], self._free[:gone]
        self._times[0] = now

    def at_first(self) -> IntArray:
        """Free accelerators of each node at the beginning."""
        return self._free[0]

    def _step_at(self, time: float) -> int:
        """The step that begins at an instant, which is made where there is none."""
        step = bisect_left(self._times, time)
        if step == len(self._times) or self._times[step] != time:
            self._times.insert(step, time)
            self._free.insert(step, self._free[step - 1].copy())
        return step

    def _change(self, step: int, nodes: Nodes, sign: int) -> None:
        for node, count in nodes:
            self._free[step][node] += sign * count
