"""What became of the jobs of a stream, as the blocks of a summary."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.training.job import Job, Spell
from sim.training.progress import progress

Block = dict[str, float | None]
QUANTILES = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99, "p999": 0.999}
SHORTEST = 10.0
"""Seconds: bounded slowdown takes no duration as less."""
BLOCKS = ("queueing_s", "jct_s", "slowdown", "bounded_slowdown")
"""Of a stream: what limits may be given for."""


def submitted_within(jobs: Sequence[Job], opening: float, closing: float, ended: float) -> list[Job]:
    """Those submitted from `opening` until `closing` (s), and at the very end of a run that ends with its jobs."""
    return [job for job in jobs if opening <= job.submit < closing or job.submit == closing == ended]


def duration_block(
    values: NDArray[np.float64], censored: NDArray[np.float64], limits: Sequence[float] = ()
) -> dict[str, Any]:
    """{mean, sd, p50 ... p999, max, count} of durations in seconds, some of them censored; and the shares over limits.

    Mean, sd and max are those of the finished ones. Quantiles count the censored, which have lasted so long and go on
    (Kaplan and Meier 1958); beyond what the censoring leaves known they are null.
    """
    over = {"over": {repr(limit): _share_over(values, censored, limit) for limit in limits}} if limits else {}
    if len(values) == 0:
        return {"mean": None, "sd": None, **dict.fromkeys(QUANTILES), "max": None, "count": 0, **over}
    block: dict[str, Any] = {"mean": float(values.mean()), "sd": float(values.std(ddof=1)) if len(values) > 1 else None}
    block |= _kaplan_meier(values, censored)
    return block | {"max": float(values.max()), "count": len(values), **over}


def _share_over(values: NDArray[np.float64], censored: NDArray[np.float64], limit: float) -> float | None:
    """The share beyond a limit of those for which it is decided: the censored count once they have passed it."""
    over = int((values > limit).sum()) + int((censored > limit).sum())
    decided = len(values) + int((censored > limit).sum())
    return over / decided if decided else None


def _kaplan_meier(values: NDArray[np.float64], censored: NDArray[np.float64]) -> Block:
    """The least duration by which the share of a level has ended."""
    times, ended = np.unique(values, return_counts=True)
    everyone = np.sort(np.concatenate((values, censored)))
    at_risk = len(everyone) - np.searchsorted(everyone, times)
    surviving = np.cumprod(1.0 - ended / at_risk)
    quantiles: Block = {}
    for name, level in QUANTILES.items():
        reached = np.flatnonzero(surviving <= 1.0 - level + 1e-12)
        quantiles[name] = float(times[reached[0]]) if len(reached) else None
    return quantiles


def stream_summary(jobs: Sequence[Job], now: float, limits: Mapping[str, Sequence[float]]) -> dict[str, Any]:
    """Counts and durations of the jobs that arrived in the window, as they stand at `now` (seconds).

    `limits` are those, by block, beyond which the share of the jobs is asked for.
    """
    done = [job for job in jobs if job.status == "completed"]
    return {
        **counts_and_times(jobs, now, limits),
        "slowdown": duration_block(*_slowdowns(jobs, now, 0.0), limits.get("slowdown", ())),
        "bounded_slowdown": duration_block(*_slowdowns(jobs, now, SHORTEST), limits.get("bounded_slowdown", ())),
        "preemptions": sum(job.preemptions for job in jobs),
        "failures": sum(job.failures for job in jobs),
        "resizes": sum(job.resizes for job in jobs),
        "makespan_s": max(job.end for job in done) - min(job.submit for job in jobs) if done else None,
        **deadlines_block(jobs, now),
    }


def counts_and_times(jobs: Sequence[Job], now: float, limits: Mapping[str, Sequence[float]]) -> dict[str, Any]:
    """What became of jobs, how long they waited and how long they took (`jobs`, `queueing_s`, `jct_s`)."""
    numbers = Counter(job.status for job in jobs)
    accepted = [job for job in jobs if job.status != "rejected"]
    waits = np.array([job.start - job.submit for job in accepted if job.spells])
    still_waiting = np.array([now - job.submit for job in accepted if not job.spells])
    completion = np.array([job.end - job.submit for job in accepted if job.status == "completed"])
    open_for = np.array([now - job.submit for job in accepted if job.status != "completed"])
    return {
        "jobs": {
            "submitted": len(jobs),
            **{status: numbers[status] for status in ("completed", "rejected", "running", "queued")},
            "censored": len(open_for),
        },
        "queueing_s": duration_block(waits, still_waiting, limits.get("queueing_s", ())),
        "jct_s": duration_block(completion, open_for, limits.get("jct_s", ())),
    }


def deadlines_block(jobs: Sequence[Job], now: float) -> dict[str, dict[str, int]]:
    """`deadlines` of the jobs that have one; nothing where none has. A job that was turned away has missed its own."""
    due = [(job, job.request.deadline) for job in jobs if job.request.deadline is not None]
    met = sum(job.status == "completed" and job.end <= deadline for job, deadline in due)
    undecided = sum(job.status in ("queued", "running") and now <= deadline for job, deadline in due)
    counts = {"met": met, "missed": len(due) - met - undecided, "undecided": undecided}
    return {"deadlines": counts} if due else {}


def _slowdowns(jobs: Sequence[Job], now: float, shortest: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Completion time over duration of the completed, and of those that are not; jobs of no length have none."""
    sides: tuple[list[float], list[float]] = ([], [])
    for job in jobs:
        duration, done = max(job.duration, shortest), job.status == "completed"
        if duration > 0 and job.status != "rejected":
            slowdown = ((job.end if done else now) - job.submit) / duration
            sides[not done].append(max(slowdown, 1.0) if shortest else slowdown)
    return np.array(sides[0]), np.array(sides[1])


def held_seconds(spell: Spell, start: float, end: float) -> float:
    """Seconds of [start, end) that a spell covers."""
    return max(0.0, min(spell.end, end) - max(spell.start, start))


def busy_seconds(job: Job, start: float, end: float) -> float:
    """Accelerator-seconds of [start, end) that a job worked on, restarts and checkpoints included."""
    return sum(spell.accelerators * held_seconds(spell, start, end) for spell in job.spells)


def accelerator_hours_by(jobs: Sequence[Job], start: float, end: float) -> dict[str, float]:
    """Accelerator-hours in [start, end) by use. Work is `lost` that turned out to be by the end of the run."""
    hours = dict.fromkeys(("useful", "checkpoint", "lost", "restart", "unused"), 0.0)
    for job in jobs:
        for spell in job.spells:
            seconds = held_seconds(spell, start, end)
            if seconds == 0.0:
                continue
            first = max(start - spell.start, 0.0)
            for use, spent in _seconds_by_use(job, spell, first, first + seconds).items():
                hours[use] += spent * spell.accelerators / 3600.0
            hours["unused"] += seconds * spell.holding.unused / 3600.0
    return hours


def _seconds_by_use(job: Job, spell: Spell, first: float, last: float) -> dict[str, float]:
    """What a spell did from `first` to `last` seconds after it began. What is lost in the end, it did last."""
    before, after = (progress(seconds, spell.delay, job.checkpoints) for seconds in (first, last))
    kept = math.inf
    if spell.lost:
        kept = progress(spell.end - spell.start, spell.delay, job.checkpoints).worked - spell.lost
    lost = max(after.worked - kept, 0.0) - max(before.worked - kept, 0.0)
    return {
        "useful": after.worked - before.worked - lost,
        "checkpoint": after.checkpointing - before.checkpointing,
        "lost": lost,
        "restart": after.restarting - before.restarting,
    }
