"""What a stream of jobs asks for, reckoned without running it: load by pool, gangs, jobs that can never run."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

from analysis.arriving import Arriving, drawn
from analysis.jobs_in_vain import impossible_jobs, speeds, stuck_jobs
from sim.preparation import FOREVER, Prepared
from sim.scenario.training import TrainingStream
from sim.workload.arrivals import RandomArrivals
from sim.workload.distributions import mean
from sim.workload.job_formats.recording import Recording
from sim.workload.jobs import JobRequest

SAMPLE = 4096
"""Drawn jobs that are looked at to see what jobs are like."""
MOST_SIZES = 8
"""Gangs are shown by size up to so many sizes, and in powers of two beyond."""


class Gangs(NamedTuple):
    """Jobs on `least` to `most` accelerators: their share of all jobs, and of all work."""

    least: int
    most: int
    jobs: float
    work: float


@dataclass(frozen=True)
class TrainingExpectation:
    """What a stream of jobs asks for, and the accelerators that services leave it (`room`) where its jobs can run."""

    arriving: Arriving
    work: float | None
    """Accelerator-seconds to the horizon, on the first pool; None where there is no end to it."""
    demand: float | None
    """Accelerators of the first pool on average; None where the run ends with its jobs."""
    room: int
    loads: Mapping[str, float]
    """By pool, the work of all jobs that can run there, as a share of what services leave there in that time."""
    gangs: Sequence[Gangs]
    looked_at: int
    """Jobs on which the following rest: all of a trace, a sample of drawn ones."""
    impossible: Mapping[str, list[str]]
    """Jobs that can never run, by reason."""
    stuck: Sequence[str]
    """Jobs that hardly ever end, as failures interrupt them before their state is saved."""
    overrunning: int
    """Jobs that run longer than is expected of them."""
    late: int
    """Jobs that end after their deadline even if they start at once where they are quickest."""
    recording: Recording | None
    """How the trace was read, if there is one."""

    @property
    def load(self) -> float:
        """The share of all pools together that the jobs keep busy, if each pool is used as far as the others are."""
        used = [load for load in self.loads.values() if load > 0]
        able = math.fsum(1.0 / load for load in used)
        return (1.0 / able if able else math.inf) if used else 0.0

    @property
    def needed(self) -> float:
        """Accelerators of all pools together that the jobs keep busy; 0 where the run ends with its jobs."""
        if self.demand is None or not self.room:
            return self.demand or 0.0
        return self.load * self.room


def training_expectation(prepared: Prepared, name: str) -> TrainingExpectation:
    """Reckon one stream of jobs. Uses up the source of its jobs."""
    spec, source = prepared.scenario.training[name], prepared.jobs[name]
    jobs = list(source if spec.arrivals is None else islice(source, SAMPLE))
    arriving = _arriving(prepared, spec, jobs)
    work = _work(spec, jobs)
    demand = arriving.rate * work
    usable = [pool for pool in spec.pools if any(pool in speeds(spec, job) for job in jobs)] or spec.pools
    return TrainingExpectation(
        arriving=arriving,
        work=None if arriving.number is None else work * arriving.number,
        demand=None if prepared.until == FOREVER else demand,
        room=sum(prepared.pools[pool].free_total for pool in usable),
        loads=_loads(prepared, spec, jobs, demand) if arriving.rate else {},
        gangs=_gangs(jobs),
        looked_at=len(jobs),
        impossible=impossible_jobs(prepared, spec, jobs),
        stuck=stuck_jobs(prepared, spec, jobs),
        overrunning=sum(job.estimate is not None and job.duration > job.estimate for job in jobs),
        late=sum(_is_late(spec, job) for job in jobs),
        recording=source.recording,
    )


def _arriving(prepared: Prepared, spec: TrainingStream, jobs: Sequence[JobRequest]) -> Arriving:
    """What comes; jobs that are known come at a rate until the horizon, or as long as they are submitted."""
    if isinstance(spec.arrivals, RandomArrivals):
        return drawn(prepared, spec.arrivals, spec.pools[0])
    span = jobs[-1].submit - jobs[0].submit if jobs and prepared.until == FOREVER else prepared.until
    rate = len(jobs) / span if jobs and span > 0 else 0.0
    return Arriving(rate, rate, len(jobs))


def _work(spec: TrainingStream, jobs: Sequence[JobRequest]) -> float:
    """Accelerator-seconds of a job on average, checkpoints included."""
    if spec.accelerators is not None and spec.duration is not None:
        return mean(spec.accelerators) * mean(spec.duration) * _checkpointing(spec)
    return math.fsum(map(_held, jobs)) / len(jobs) * _checkpointing(spec) if jobs else 0.0


def _checkpointing(spec: TrainingStream) -> float:
    """By how much checkpoints lengthen a job, about."""
    return 1.0 if spec.checkpoint is None else 1 + spec.checkpoint.cost / spec.checkpoint.interval


def _held(job: JobRequest) -> float:
    return job.accelerators * job.duration


def _loads(prepared: Prepared, spec: TrainingStream, jobs: Sequence[JobRequest], demand: float) -> dict[str, float]:
    held = math.fsum(map(_held, jobs))
    there = dict.fromkeys(spec.pools, 0.0)
    for job in jobs:
        for pool, speed in speeds(spec, job).items():
            there[pool] += _held(job) / speed
    loads = {}
    for pool, seconds in there.items():
        room, needed = prepared.pools[pool].free_total, demand * seconds / held if held else 0.0
        loads[pool] = needed / room if room else math.inf
    return loads


def _is_late(spec: TrainingStream, job: JobRequest) -> bool:
    quickest = max(speeds(spec, job).values(), default=0.0)
    return job.deadline is not None and quickest > 0 and job.submit + job.duration / quickest > job.deadline


def _gangs(jobs: Sequence[JobRequest]) -> list[Gangs]:
    """The jobs by size of their gangs, or by ranges of it: 1, 2, 3 to 4, 5 to 8 and so on."""
    several = len({job.accelerators for job in jobs}) > MOST_SIZES
    of_size: dict[int, list[JobRequest]] = {}
    for job in jobs:
        size = (job.accelerators - 1).bit_length() if several else job.accelerators
        of_size.setdefault(size, []).append(job)
    held = math.fsum(map(_held, jobs)) or 1.0
    return [
        Gangs(
            min(job.accelerators for job in some),
            max(job.accelerators for job in some),
            len(some) / len(jobs),
            math.fsum(map(_held, some)) / held,
        )
        for _, some in sorted(of_size.items())
    ]
