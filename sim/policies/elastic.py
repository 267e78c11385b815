"""Gangs that grow and shrink: accelerators go where they add most to the rate at which jobs get on."""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim.policies.arranging import Room, Share, arrange
from sim.policies.options import positive_time
from sim.policies.protocols import Assign, FleetView, JobView, Nodes, Sees

EVEN = 1e-9
"""Gains that differ by a smaller share are alike: the smaller step comes first."""


@dataclass
class Plan:
    """What a job is to hold. `worth` is its rate, less what a change costs, at every size that may still have room.

    The first is its smallest size.
    """

    job: JobView
    pool: str
    size: int
    nodes: Nodes
    worth: NDArray[np.float64]

    def next_step(self) -> tuple[float, int] | None:
        """The growth that adds most for an accelerator: (gain, size); None where none adds anything."""
        at = self.size - self.job.gang_min
        gains = (self.worth[at + 1 :] - self.worth[at]) / np.arange(1, len(self.worth) - at)
        if not len(gains) or gains.max() <= 0:
            return None
        step = int(np.flatnonzero(gains >= gains.max() * (1.0 - EVEN))[0]) + 1
        return float(gains[step - 1]), self.size + step


class GoodputElastic:
    """Every job has its smallest gang, in order of submission, and the rest goes where it adds most to the rates.

    The rate of a job is how much of its time to go passes in a second; step by step, the growth with the largest gain
    for an accelerator is made (as in Optimus, Peng et al. 2018; Pollux, Qiao et al. 2021, weighs rates otherwise). A
    running job changes its size only where that pays within `horizon`, by default an interval, for the time that the
    change costs. Jobs that are not elastic have one size.
    """

    sees: Sees = "nothing"
    resizes = True

    def __init__(self, interval: str = "60 s", horizon: str | None = None) -> None:
        self.interval = positive_time("interval", interval)
        self._horizon = self.interval if horizon is None else positive_time("horizon", horizon)

    def decide(self, fleet: FleetView) -> Iterator[Assign]:
        """Resize, start and preempt."""
        room = Room(fleet)
        full = set[tuple[str, int, str | None]]()
        plans = [plan for job in room.jobs() if (plan := self._smallest(room, job, full)) is not None]
        _grow(room, plans)
        yield from arrange(fleet, [Share(plan.job, plan.pool, plan.size, plan.job.gang_min) for plan in plans])

    def _smallest(self, room: Room, job: JobView, full: set[tuple[str, int, str | None]]) -> Plan | None:
        """A job with its smallest gang: in the pool in which it runs, or the first with room.

        `full` are the pools in which a size has no room for a tenant.
        """
        for pool in sorted(job.speed, key=lambda pool: pool != job.pool):
            alike = pool, job.gang_min, job.tenant
            nodes = None if alike in full else room.take_near(job, pool, job.gang_min)
            if nodes is not None:
                return Plan(job, pool, job.gang_min, nodes, self._worth(job, pool))
            full.add(alike)
        return None

    def _worth(self, job: JobView, pool: str) -> NDArray[np.float64]:
        sizes = range(job.gang_min, job.gang_max + 1)
        worth = np.array([job.rate(pool, size) for size in sizes])
        if job.held:
            stays = np.array([(pool, size) == (job.pool, job.held) for size in sizes])
            worth[~stays] *= 1.0 - job.switch_cost / self._horizon
        return worth


def _grow(room: Room, plans: list[Plan]) -> None:
    """Make the best step of all again and again, until none that has room adds anything."""
    steps: list[tuple[float, int, int]] = []
    for index, plan in enumerate(plans):
        _push_next(steps, index, plan)
    while steps:
        _, index, size = heapq.heappop(steps)
        plan = plans[index]
        nodes = room.change(plan.job, plan.pool, (plan.size, plan.nodes), size)
        if nodes is None:
            plan.worth = plan.worth[: size - plan.job.gang_min]
        else:
            plan.size, plan.nodes = size, nodes
        _push_next(steps, index, plan)


def _push_next(steps: list[tuple[float, int, int]], index: int, plan: Plan) -> None:
    step = plan.next_step()
    if step is not None:
        heapq.heappush(steps, (-step[0], index, step[1]))
