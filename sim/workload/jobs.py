"""The jobs of one training stream in order of submission: drawn, or recorded."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from sim.scenario.job_trace import JobTrace
from sim.scenario.training import TrainingStream
from sim.workload.arrivals import RandomArrivals, arrival_source
from sim.workload.distributions import sampler
from sim.workload.job_formats.recording import LATEST, RecordedJob, Recording
from sim.workload.job_traces import chosen_jobs
from sim.workload.streams import stream

BLOCK = 256
GRID = 2.0**20
"""Times lie on multiples of 2**-20 s, as everything on the control plane does."""
LARGEST_GANG = 2.0**53
"""Whatever a heavy tail draws, it stays a whole number."""


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
    name: str, spec: TrainingStream, *, seed: int, folder: Path, start_of_day: float = 0.0, until: float
) -> JobSource:
    """Give the jobs of the stream `name` that are submitted before `until` (s).

    `start_of_day` is the local time of second 0 in seconds after Monday's midnight. A trace is read at once, its path
    relative to `folder`. Raises TraceError.
    """
    if spec.trace is not None:
        return _recorded(spec, spec.trace, folder, until)
    return JobSource(_drawn(name, spec, seed, start_of_day, until))


def _drawn(name: str, spec: TrainingStream, seed: int, start_of_day: float, until: float) -> Iterator[JobRequest]:
    path = ("training", name)
    if not isinstance(spec.arrivals, RandomArrivals) or spec.accelerators is None or spec.duration is None:
        raise TypeError(f"{name} has neither a trace nor arrivals, accelerators and duration")
    source = arrival_source(spec.arrivals, seed=seed, path=(*path, "arrivals"), start_of_day=start_of_day, until=until)
    gangs = sampler(spec.accelerators, stream(seed, *path, "accelerators"))
    durations = sampler(spec.duration, stream(seed, *path, "duration"))
    number = 0
    while len(times := source.next_block(BLOCK)):
        drawn = zip(times.tolist(), gangs.draw(len(times)).tolist(), durations.draw(len(times)).tolist(), strict=True)
        for submit, gang, duration in drawn:
            if _grid(submit) >= until:  # rounded up to the end
                return
            number += 1
            whole = round(min(max(gang, 1.0), LARGEST_GANG))
            yield JobRequest(f"{name}-{number}", _grid(submit), whole, _grid(duration), spec.priority)


def _recorded(spec: TrainingStream, trace: JobTrace, folder: Path, until: float) -> JobSource:
    recording = chosen_jobs(trace, folder)
    in_time = [job for job in recording.jobs if _grid(job.submit) < until]
    if late := len(recording.jobs) - len(in_time):
        recording.dropped["submitted after the horizon"] += late
    recording.jobs = in_time
    return JobSource([_request(spec, job) for job in in_time], recording)


def _request(spec: TrainingStream, job: RecordedJob) -> JobRequest:
    return JobRequest(
        job_id=job.job_id,
        submit=_grid(job.submit),
        accelerators=job.accelerators,
        duration=_grid(job.duration),
        priority=spec.priority if job.priority is None else job.priority,
        tenant=job.tenant,
        estimate=None if job.estimate is None else _grid(job.estimate),
        speed=job.speed,
    )


def _grid(time: float) -> float:
    """The nearest control-plane instant, at most LATEST; whole seconds are on the grid."""
    return round(min(time, LATEST) * GRID) / GRID
