"""Accelerators that are kept free for the jobs of a stream for a time.

While it lasts, the stream's jobs start on them before any scheduling pass; what they leave is held for the stream, so
that nobody else gets it. Nothing is worked there meanwhile: in the ledger it stays free.
"""

from typing import TYPE_CHECKING

import numpy as np

from sim.fleet.environment import Phase
from sim.fleet.pool import Holding
from sim.policies.protocols import Nodes
from sim.training.job import Job

if TYPE_CHECKING:
    from sim.training.job_plane import JobPlane, Stream


class Reservation:
    """So many accelerators of a stream's first pool, from `start` to `end` (s).

    At the start, jobs of other streams give way, the last to start first. Those that must not be preempted are waited
    for, and so are jobs within a reservation of their own: nobody preempts these while it lasts.
    """

    def __init__(self, plane: "JobPlane", stream: "Stream", accelerators: int, start: float, end: float) -> None:
        self.accelerators = accelerators
        self.end = end
        self.holding: Holding | None = None
        """What is held and idle."""
        self._within: list[Job] = []
        """Running jobs of the stream that it covers."""
        self._plane = plane
        self._stream = stream
        self._pool = plane.pools[stream.pools[0]]
        self._lasts = False
        plane.environment.at(start, Phase.ARRIVAL).callbacks.append(lambda _: self._begin())
        plane.environment.at(end, Phase.ARRIVAL).callbacks.append(lambda _: self._end())

    def serve(self) -> None:
        """Start the stream's jobs in order of submission while anything is left of it, and hold the rest.

        A gang that is larger than what is left takes what it needs besides where that is free.
        """
        if not self._lasts:
            return
        self.release()
        self._protect()
        self._make_room(self._left())
        for job in self._stream.jobs if self._stream.waiting else ():
            if job.status == "queued" and self._left() > 0:
                self._make_room(min(job.gang, self._left()))
                self._plane.try_start(job, self._pool.name, job.gang)
        self._protect()
        if (left := self._left()) > 0:
            self.holding = self._pool.hold_where(f"the reservation of {self._stream.name}", self._nodes_for(left))

    def release(self) -> None:
        """Hold nothing for now."""
        if self.holding is not None:
            self._pool.release(self.holding)
            self.holding = None

    def _begin(self) -> None:
        self._lasts = True
        self._plane.call_pass()

    def _end(self) -> None:
        self._lasts = False
        self.release()
        self._protect()
        self._plane.call_pass()

    def _running(self) -> list[Job]:
        """The stream's jobs that run in the pool, in the order in which they started."""
        running = self._plane.running.values() if self._stream.running else ()
        mine = [job for job in running if job.stream == self._stream.name]
        return [job for job in mine if job.spells[-1].holding.pool == self._pool.name]

    def _left(self) -> int:
        """What the stream's running jobs do not use of it."""
        return self.accelerators - sum(job.spells[-1].holding.accelerators for job in self._running())

    def _protect(self) -> None:
        """Let nobody preempt the jobs that began while some of it was left, and whom it covered before as usual."""
        for job in self._within:
            job.preemptible = self._stream.preemptible
        self._within, left = [], self.accelerators if self._lasts else 0
        for job in self._running():
            if left > 0:
                self._within.append(job)
                left -= job.spells[-1].holding.accelerators
        for job in self._within:
            job.preemptible = False

    def _nodes_for(self, accelerators: int) -> Nodes:
        """Where so many are free as for one gang; where there is no such place, whatever is free, node by node."""
        nodes = self._pool.find(accelerators)
        if nodes is not None:
            return nodes
        found = list[tuple[int, int]]()
        for node in np.flatnonzero(self._pool.free).tolist():
            found.append((node, min(int(self._pool.free[node]), accelerators)))
            accelerators -= found[-1][1]
            if not accelerators:
                break
        return found

    def _make_room(self, accelerators: int) -> None:
        others = [
            job
            for job in self._plane.running.values()
            if job.preemptible and job.stream != self._stream.name and job.spells[-1].holding.pool == self._pool.name
        ]
        free, victims = self._pool.free.copy(), list[Job]()
        while accelerators > 0 and self._pool.find(accelerators, free) is None:
            if not others:
                return  # who gave way would do so in vain
            victims.append(others.pop())
            for node, count in victims[-1].spells[-1].holding.nodes:
                free[node] += count
        for job in victims:
            self._plane.stop(job)
