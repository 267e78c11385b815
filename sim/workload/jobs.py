"""The jobs of one training stream in order of submission: drawn, recorded or named."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from sim.scenario.training import TrainingStream
from sim.workload.arrivals import RandomArrivals, arrival_source
from sim.workload.computed_jobs import Physics, computed
from sim.workload.distributions import Sampler, sampler
from sim.workload.job_formats.recording import LATEST, Recording
from sim.workload.job_traces import chosen_jobs
from sim.workload.streams import stream
from sim.workload.submissions import Submission

BLOCK = 256
GRID = 2.0**20
"""Times lie on multiples of 2**-20 s, as everything on the control plane does."""
LARGEST_GANG = 2.0**53
"""Whatever a heavy tail draws, it stays a whole number."""
ROUNDING = 1e-9
"""A share of a gang that comes so near to a whole number is that number."""


class JobRequest(NamedTuple):
    """A job as it is submitted. Seconds; `accelerators` is its gang."""

    job_id: str
    submit: float
    accelerators: int
    duration: float
    """On `accelerators` of the first pool that it may use."""
    priority: int = 0
    tenant: str | None = None
    estimate: float | None = None
    """The duration that its user expects; None: that it has."""
    deadline: float | None = None
    """The instant by which it should have ended."""
    speed: Mapping[str, float] | None = None
    """By pool, relative to where `duration` holds; it cannot run where that is absent. None: 1 in all of its stream."""
    smallest: int | None = None
    """The least accelerators on which it can run; None: its gang."""
    largest: int | None = None
    """The most accelerators on which it can run; None: its gang."""
    efficiency: Callable[[int], float] | None = None
    """Work of an accelerator among so many, relative to one that is alone; None: 1 always."""


@dataclass(frozen=True)
class JobSource:
    """The jobs of one stream, in order of submission. Drawn ones can be gone through once."""

    jobs: Iterable[JobRequest]
    recording: Recording | None = None
    """Where they come from a trace, how it was read."""

    def __iter__(self) -> Iterator[JobRequest]:
        return iter(self.jobs)


def job_source(
    name: str,
    spec: TrainingStream,
    *,
    seed: int,
    folder: Path,
    start_of_day: float = 0.0,
    until: float,
    physics: Physics | None = None,
) -> JobSource:
    """Give the jobs of the stream `name` that are submitted before `until` (s).

    `start_of_day` is the local time of second 0 in seconds after Monday's midnight. A trace is read at once, its path
    relative to `folder`; `physics` says how long it takes to train a model. Raises TraceError.
    """
    request = _requests(name, spec, seed, physics)
    if spec.trace is not None:
        recording = chosen_jobs(spec.trace, folder, spec.pools)
        in_time = [job for job in recording.jobs if _grid(job.submit) < until]
        if late := len(recording.jobs) - len(in_time):
            recording.dropped["submitted after the horizon"] += late
        recording.jobs = in_time
        return JobSource([request(job) for job in in_time], recording)
    if spec.jobs is not None:
        named = sorted(_named(name, spec, physics), key=lambda job: job.submit)
        return JobSource([request(job) for job in named if _grid(job.submit) < until])
    return JobSource(map(request, _drawn(name, spec, seed, start_of_day, until, physics)))


def _drawn(
    name: str, spec: TrainingStream, seed: int, start_of_day: float, until: float, physics: Physics | None
) -> Iterator[Submission]:
    path = ("training", name)
    length = spec.tokens if spec.duration is None else spec.duration
    if not isinstance(spec.arrivals, RandomArrivals) or spec.accelerators is None or length is None:
        raise TypeError(f"{name} has no arrivals, accelerators and duration")
    source = arrival_source(spec.arrivals, seed=seed, path=(*path, "arrivals"), start_of_day=start_of_day, until=until)
    gangs = _endless(sampler(spec.accelerators, stream(seed, *path, "accelerators")))
    lengths = _endless(sampler(length, stream(seed, *path, "tokens" if spec.duration is None else "duration")))
    number = 0
    while len(times := source.next_block(BLOCK)):
        for submit in times.tolist():
            if _grid(submit) >= until:  # rounded up to the end
                return
            number += 1
            gang = round(min(max(next(gangs), 1.0), LARGEST_GANG))
            job = Submission(f"{name}-{number}", submit, gang, next(lengths))
            yield job if spec.model is None else _trained(job, spec, physics, spec.model, job.duration)


def _named(name: str, spec: TrainingStream, physics: Physics | None) -> Iterator[Submission]:
    for job_id, named in spec.named_jobs(name):
        job = Submission(
            job_id,
            named.submit,
            named.accelerators,
            named.duration or 0.0,
            tenant=named.tenant,
            priority=named.priority,
            deadline=None if named.deadline is None else named.deadline - named.submit,
        )
        if named.model is None or named.tokens is None:
            yield job
        else:
            yield _trained(job, spec, physics, named.model, named.tokens)


def _trained(job: Submission, spec: TrainingStream, physics: Physics | None, model: str, tokens: float) -> Submission:
    """The job with the length and the speeds that follow from its model."""
    if physics is None:
        raise TypeError(f"{job.job_id} trains {model}, and nothing says how long that takes")
    duration, speed, least = computed(physics, spec.pools, model, tokens, job.accelerators)
    return job._replace(duration=duration, speed=speed, least=least)


def _requests(
    name: str, spec: TrainingStream, seed: int, physics: Physics | None
) -> Callable[[Submission], JobRequest]:
    """Make what adds to a job of the stream all that its source did not say. Call it in order of submission."""
    estimates = stream(seed, "training", name, "estimate")
    factors = None if spec.estimate is None else _endless(sampler(spec.estimate.factor, estimates))
    given = spec.throughput
    throughput = given and {pool: given[pool] / given[spec.pools[0]] for pool in spec.pools if pool in given}

    def request(job: Submission) -> JobRequest:
        duration, expected = _grid(job.duration), job.estimate
        if factors is not None:
            drawn = next(factors)  # for every job, so that an estimate more or less leaves the others as they were
            expected = duration * drawn if expected is None else expected
        within = spec.deadline if job.deadline is None else job.deadline
        smallest, largest = _range(spec, job)
        return JobRequest(
            job_id=job.job_id,
            submit=_grid(job.submit),
            accelerators=job.accelerators,
            duration=duration,
            priority=spec.priority if job.priority is None else job.priority,
            tenant=spec.tenant if job.tenant is None else job.tenant,
            estimate=None if expected is None else _grid(expected),
            deadline=None if within is None else _grid(job.submit + within),
            speed=throughput if job.speed is None else job.speed,
            smallest=smallest,
            largest=largest,
            efficiency=physics.efficiency if physics and job.least else None,
        )

    return request


def _range(spec: TrainingStream, job: Submission) -> tuple[int | None, int | None]:
    """The least and the most accelerators of an elastic job: whole ones within its shares, its gang among them."""
    if spec.elastic is None:
        return None, None
    smallest = max(math.ceil(spec.elastic.min * job.accelerators - ROUNDING), job.least or 1)
    return min(smallest, job.accelerators), math.floor(spec.elastic.max * job.accelerators + ROUNDING)


def _endless(sampler: Sampler) -> Iterator[float]:
    while True:
        yield from sampler.draw(BLOCK).tolist()


def _grid(time: float) -> float:
    """The nearest control-plane instant, at most LATEST; whole seconds are on the grid."""
    return round(min(time, LATEST) * GRID) / GRID
