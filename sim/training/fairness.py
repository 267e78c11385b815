"""Finish-time fairness: how much longer a tenant's jobs take in the shared fleet than on its fair share of it.

Mahajan et al., "Themis: Fair and Efficient GPU Cluster Scheduling", NSDI 2020: rho = T_shared / T_independent, where
the independent time is that in a cluster of 1/N of the size that is the tenant's own. With rho <= 1 a tenant gains by
sharing.
"""

import heapq
from collections import deque
from collections.abc import Mapping, Sequence

from sim.training.job import Job
from sim.training.progress import whole_length

ROUNDING = 1e-9
"""Accelerators; shares are no whole numbers."""


def finish_time_fairness(
    jobs: Sequence[Job], share: Mapping[str, float], now: float, window: tuple[float, float]
) -> float | None:
    """Seconds that a tenant's jobs spent waiting and running over those that they would have spent on its share alone.

    `jobs` are all of the tenant's that were not turned away, in order of submission, `share` its accelerators by pool.
    Jobs that arrived in the window [start, end) count, each up to `now` in either world: one that has not ended by then
    has no finish time yet. Where all have ended this is the ratio of their mean completion times; None without jobs.
    """
    shared = alone = 0.0
    for job, end in zip(jobs, finish_times_alone(jobs, share), strict=True):
        if window[0] <= job.submit < window[1]:
            shared += (job.end if job.status == "completed" else now) - job.submit
            alone += min(end, now) - job.submit
    return shared / alone if alone else None


def finish_times_alone(jobs: Sequence[Job], share: Mapping[str, float]) -> list[float]:
    """When jobs end (s) that have so many accelerators of each pool to themselves, whatever the nodes.

    In order of submission, each that fits starts, so that what jobs are compared with does not depend on the scheduler.
    Gangs are as large as was asked for; one that is larger than a share runs on all of it, more slowly in proportion.
    """
    free = dict(share)
    queues: dict[tuple[tuple[str, ...], int], deque[int]] = {}
    running: list[tuple[float, int, str, float]] = []
    ends = [0.0] * len(jobs)
    arrived = 0
    while arrived < len(jobs) or running:
        now = min([job.submit for job in jobs[arrived : arrived + 1]] + [entry[0] for entry in running[:1]])
        while running and running[0][0] <= now:
            _, _, pool, held = heapq.heappop(running)
            free[pool] += held
        while arrived < len(jobs) and jobs[arrived].submit <= now:
            job = jobs[arrived]
            queues.setdefault((tuple(job.speed), job.gang), deque()).append(arrived)
            arrived += 1
        while (place := _first_that_fits(queues, share, free)) is not None:
            index, pool = place
            ends[index] = now + _length(jobs[index], pool, share[pool])
            held = min(jobs[index].gang, share[pool])
            free[pool] -= held
            heapq.heappush(running, (ends[index], index, pool, held))
    return ends


def _first_that_fits(
    queues: dict[tuple[tuple[str, ...], int], deque[int]], share: Mapping[str, float], free: Mapping[str, float]
) -> tuple[int, str] | None:
    """Take the first of those that wait and fit out of its queue: its place in the order, and the pool."""
    best: tuple[int, str] | None = None
    for (pools, gang), queue in queues.items():
        if queue and (best is None or queue[0] < best[0]):
            fitting = (pool for pool in pools if share[pool] and min(gang, share[pool]) <= free[pool] + ROUNDING)
            pool = next(fitting, None)
            if pool is not None:
                best = queue[0], pool
                found = queue
    if best is not None:
        found.popleft()
    return best


def _length(job: Job, pool: str, share: float) -> float:
    """Seconds that a job takes alone, its checkpoints included."""
    return whole_length(job.duration / job.speed[pool] * max(job.gang / share, 1.0), 0.0, job.checkpoints)
