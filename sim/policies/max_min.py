"""Max-min fairness over unlike pools: shares of time from a linear program, and rounds that follow them."""

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim.policies.arranging import Room, Share, arrange
from sim.policies.options import positive_time
from sim.policies.protocols import Assign, FleetView, JobView, Sees

Speeds = tuple[tuple[str, float], ...]
"""(pool, speed there) for each pool in which a gang has room."""


@dataclass(frozen=True)
class Alike:
    """Jobs that are alike to the program: of one gang, speeds and weight. One of them stands for all."""

    gang: int
    speeds: Speeds
    weight: float = 1.0


class MaxMinHeterogeneous:
    """The job that gets on worst, relative to an equal share of every pool, gets on as well as can be (Gavel).

    How well a job gets on is taken over the weight of its tenant.

    Every `round`, gangs are given to the jobs that have had least of the time due to them, what they were due before
    included; whoever stays where it is goes on undisturbed. What is due is computed anew where jobs came or went, after
    `reallocation` at the earliest.
    `heterogeneity_aware: false` takes all pools as equally fast, and spreads a job's time over them by their size.
    """

    # Narayanan et al. 2020. The time due is that of their program; rounds follow their algorithm 1: the pairs of job
    # and pool with the largest ratio of time due to time had go first, whatever the pool. They break ties by what jobs
    # are behind from earlier programs. Here that counts as time: as a mere tie-break it leaves weights unkept.
    sees: Sees = "nothing"

    def __init__(
        self,
        round: str = "240 s",  # noqa: A002  what the field calls it
        reallocation: str = "1920 s",
        *,
        heterogeneity_aware: bool = True,
    ) -> None:
        self.interval = positive_time("round", round)
        self._reallocation = positive_time("reallocation", reallocation)
        self._aware = heterogeneity_aware
        self._due: dict[tuple[int, str], float] = {}
        """The share of time due to a job, by its number, in a pool."""
        self._had: dict[tuple[int, str], float] = defaultdict(float)
        """Seconds that it had there since that was computed."""
        self._behind: dict[tuple[int, str], float] = {}
        """Seconds that it was due by then, and did not have."""
        self._given: dict[int, tuple[str, float]] = {}
        """Which pool a job was given in the last round, and what it had attained by then."""
        self._for: object = None
        """The jobs and the room for which it was computed."""
        self._computed = -np.inf

    def decide(self, fleet: FleetView) -> Iterator[Assign]:
        """Give the gangs of this round."""
        room = Room(fleet)
        jobs = room.jobs()
        self._count_time(jobs)
        size = {pool: int(free.sum()) for pool, free in room.free.items()}
        present = ([job.number for job in jobs], size)
        if present != self._for and fleet.now >= self._computed + self._reallocation:
            self._carry_over(fleet.now - self._computed, jobs)
            self._due = self._time_due(fleet, room, jobs, size)
            self._for, self._computed = present, fleet.now
        chosen = self._chosen(room, jobs)
        self._given = {share.job.number: (share.pool, share.job.attained) for share in chosen}
        yield from arrange(fleet, chosen)

    def _count_time(self, jobs: Iterable[JobView]) -> None:
        """Add what jobs had in the round that ends, those too that a failure stopped in it."""
        for job in jobs:
            if job.number in self._given:
                pool, attained = self._given[job.number]
                self._had[job.number, pool] += (job.attained - attained) / job.gang

    def _carry_over(self, elapsed: float, jobs: Iterable[JobView]) -> None:
        """Keep what jobs are behind when shares are computed anew: else the same are served again."""
        present = {job.number for job in jobs}
        behind: defaultdict[tuple[int, str], float] = defaultdict(float, self._behind)
        for key, due in self._due.items():
            behind[key] += due * elapsed
        for key, had in self._had.items():
            behind[key] -= had
        self._behind = {key: seconds for key, seconds in behind.items() if key[0] in present}
        self._had.clear()

    def _time_due(
        self, fleet: FleetView, room: Room, jobs: Sequence[JobView], size: Mapping[str, int]
    ) -> dict[tuple[int, str], float]:
        weights: dict[str | None, float] = {tenant.name: tenant.weight for tenant in fleet.tenants.values()}
        groups: dict[Alike, list[JobView]] = defaultdict(list)
        for job in jobs:
            speeds = tuple(
                (pool, speed if self._aware else 1.0)
                for pool, speed in job.speed.items()
                if room.nodes_for(job, pool, job.gang) is not None
            )
            if speeds:
                groups[Alike(job.gang, speeds, weights.get(job.tenant, 1.0))].append(job)
        counts = {alike: len(members) for alike, members in groups.items()}
        shares = max_min_shares(counts, size)
        if not self._aware:
            shares = {alike: _by_size(sum(due.values()), due, size) for alike, due in shares.items()}
        return {
            (job.number, pool): share
            for alike, members in groups.items()
            for pool, share in shares[alike].items()
            for job in members
        }

    def _chosen(self, room: Room, jobs: Sequence[JobView]) -> list[Share]:
        """Those who are given a gang: the least time had for the time due first, then whoever fits."""
        pairs = []
        for job in jobs:
            for place, (pool, speed) in enumerate(job.speed.items()):
                key = job.number, pool
                due, had = self._due.get(key, 0.0), self._had[key] - self._behind.get(key, 0.0)
                served = (self.interval / 2 + had) / due if due > 0 else math.inf
                pairs.append((served, job.number, -speed if self._aware else place, pool, job))
        pairs.sort(key=lambda pair: pair[:4])
        chosen: dict[int, Share] = {}
        full = set[tuple[str, int, str | None]]()
        for *_, pool, job in pairs:
            alike = pool, job.gang, job.tenant
            if job.number in chosen or alike in full:
                continue
            if room.take(job, pool, job.gang) is None:
                full.add(alike)
            else:
                chosen[job.number] = Share(job, pool, job.gang, job.gang)
        return list(chosen.values())


def _by_size(share: float, pools: Iterable[str], size: Mapping[str, int]) -> dict[str, float]:
    """A share of time, spread over pools in proportion to their size."""
    total = sum(size[pool] for pool in pools)
    return {pool: share * size[pool] / total for pool in pools}


def max_min_shares(counts: Mapping[Alike, int], size: Mapping[str, int]) -> dict[Alike, dict[str, float]]:
    """The share of its time that a job is due in each pool, so that the least normalised progress is the largest.

    Progress is the gang times the speed, averaged over time, relative to the speed of a job that has of every pool a
    time in proportion to its `size` (accelerators), over its weight. `counts` says how many jobs there are of each. A
    job has no more than all of its time, and a pool gives no more than its accelerators. Solved by HiGHS.
    """
    from scipy.optimize import linprog

    pools = [pool for pool, accelerators in size.items() if accelerators > 0]
    kinds = list(counts)
    if not kinds:
        return {}
    speed, allowed = _matrix(kinds, pools)
    gang = np.array([float(kind.gang) for kind in kinds])
    number = np.array([float(counts[kind]) for kind in kinds])
    room = np.array([float(size[pool]) for pool in pools])
    equal_split = speed @ (room / room.sum())
    weight = np.array([kind.weight for kind in kinds])
    progress = gang[:, None] * speed / (equal_split * weight)[:, None]
    upper, right = _constraints(progress, gang * number, room)
    bounds = [(0.0, 1.0 if may else 0.0) for may in allowed.ravel()] + [(0.0, None)]
    cost = np.zeros(progress.size + 1)
    cost[-1] = -1.0
    found = linprog(cost, A_ub=upper, b_ub=right, bounds=bounds, method="highs")
    if found.x is None:
        raise ArithmeticError(f"no max-min shares were found: {found.message}")
    shares = found.x[:-1].reshape(progress.shape)
    return {
        kind: {pool: float(shares[row, column]) for column, pool in enumerate(pools) if allowed[row, column]}
        for row, kind in enumerate(kinds)
    }


def _matrix(kinds: Sequence[Alike], pools: Sequence[str]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """The speed of each kind (rows) in each pool, 0 where it cannot run; and where it can."""
    speed = np.zeros((len(kinds), len(pools)))
    for row, kind in enumerate(kinds):
        for pool, value in kind.speeds:
            speed[row, pools.index(pool)] = value
    return speed, speed > 0


def _constraints(
    progress: NDArray[np.float64], accelerators: NDArray[np.float64], room: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Bounds on the shares, row by row, and, last, on the least progress, which is no more than anybody's."""
    kinds, pools = progress.shape
    upper = np.zeros((2 * kinds + pools, kinds * pools + 1))
    least, all_time, capacity = upper[:kinds], upper[kinds : 2 * kinds, :-1], upper[2 * kinds :, :-1]
    for kind in range(kinds):
        its_shares = slice(kind * pools, (kind + 1) * pools)
        least[kind, its_shares] = -progress[kind]
        all_time[kind, its_shares] = 1.0
        capacity[:, its_shares] = accelerators[kind] * np.eye(pools)
    least[:, -1] = 1.0
    return upper, np.concatenate([np.zeros(kinds), np.ones(kinds), room])
