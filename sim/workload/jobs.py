"""The jobs of one training stream, one by one in order of submission: drawn, or recorded."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from sim.scenario.training import JobTrace, TrainingStream
from sim.workload.arrivals import RandomArrivals, arrival_source
from sim.workload.distributions import sampler
from sim.workload.job_traces import LATEST, read_job_trace
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
    """The duration that its user expects."""
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


def job_source(
    name: str, spec: TrainingStream, *, seed: int, folder: Path, start_of_day: float = 0.0, until: float
) -> Iterator[JobRequest]:
    """Give the jobs of the stream `name` that are submitted before `until` (s).

    `start_of_day` is the local time of second 0 in seconds after Monday's midnight. A trace is read at once, its path
    relative to `folder`. Raises TraceError.
    """
    if spec.trace is not None:
        return iter(_recorded(spec, spec.trace, folder, until))
    return _drawn(name, spec, seed, start_of_day, until)


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


def _recorded(spec: TrainingStream, trace: JobTrace, folder: Path, until: float) -> list[JobRequest]:
    found = read_job_trace(trace.format, folder / trace.path, trace.columns)
    columns, jobs = found.columns, []
    for row in range(min(len(found), trace.limit or len(found))):
        submit = _grid(columns["submit_time"][row] * trace.time_scale)
        if submit >= until:
            break
        jobs.append(
            JobRequest(
                job_id=columns["job_id"][row],
                submit=submit,
                accelerators=columns["num_gpu"][row],
                duration=_grid(columns["duration"][row]),
                priority=columns["priority"][row] if "priority" in columns else spec.priority,
                tenant=columns["tenant"][row] if "tenant" in columns else None,
                estimate=_grid(columns["estimate"][row]) if "estimate" in columns else None,
            )
        )
    return jobs


def _grid(time: float) -> float:
    """The nearest control-plane instant, at most LATEST; whole seconds are on the grid."""
    return round(min(time, LATEST) * GRID) / GRID
