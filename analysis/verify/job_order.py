"""Training jobs that overtake and interrupt each other, and jobs that fail: the order of jobs, and what is saved."""

import math
from collections.abc import Iterator, Sequence
from typing import Any

from analysis import queueing
from analysis.queueing.sizes import Sizes
from analysis.verify.jobs import EXPONENTIAL, STREAM, WARMUP, stream, streams
from analysis.verify.model import Figure, Model

HOUR = 3600.0
THRESHOLDS = (1.0, 4.0)
"""Seconds of work after which a job goes down a queue."""


def models() -> Iterator[Model]:
    """All of them."""
    yield priorities(preempts=False)
    yield priorities(preempts=True)
    yield shortest_remaining("exponential", 0.8, EXPONENTIAL, queueing.hyperexponential_sizes([1.0], [1.0]))
    yield least_attained()
    yield failures_and_checkpoints()


def priorities(*, preempts: bool, scvs: Sequence[float] = (1.0, 1.0)) -> Model:
    """Two classes on one accelerator; a law of work with scv 0 is fixed, one with scv 1 exponential."""
    rates, services = (0.3, 0.4), (1.0, 1.25)
    waits = queueing.priority_waits(rates, services, scvs)
    responses = queueing.preemptive_responses(rates, services, scvs)
    if not preempts:
        responses = [wait + service for wait, service in zip(waits, services, strict=True)]
    classes = {
        name: stream(rate, 1, {"exponential": {"mean": f"{mean} s"}} if scv else f"{mean} s", priority=priority)
        for name, priority, rate, mean, scv in zip(("high", "low"), (1, 0), rates, services, scvs, strict=True)
    }
    figures = (
        Figure(f"completion, {name}, s", response, f"training.{name}.jct_s.mean")
        for name, response in zip(classes, responses, strict=True)
    )
    return streams(
        f"jobs: M/{'M' if all(scvs) else 'D'}/1, {'preemption' if preempts else 'priorities'}",
        classes,
        *figures,
        accelerators=1,
        window=3000.0,
        scheduling={"policy": "priority", "preempts": preempts},
    )


def many_preemptive(accelerators: int = 10, rates: Sequence[float] = (3.0, 6.0)) -> Model:
    """Two classes on many accelerators, all jobs of one law."""
    responses = queueing.mmc_preemptive_responses(rates, 1.0, accelerators)
    classes = {
        name: stream(rate, 1, EXPONENTIAL, priority=priority)
        for name, priority, rate in zip(("high", "low"), (1, 0), rates, strict=True)
    }
    figures = (
        Figure(f"completion, {name}, s", response, f"training.{name}.jct_s.mean")
        for name, response in zip(classes, responses, strict=True)
    )
    return streams(
        f"jobs: M/M/{accelerators}, preemption",
        classes,
        *figures,
        accelerators=accelerators,
        window=700.0,
        scheduling={"policy": "priority", "preempts": True},
    )


def shortest_remaining(law: str, rate: float, duration: Any, sizes: Sizes) -> Model:
    """The job with the least left runs."""
    return streams(
        f"jobs, SRPT: M/G/1, {law}",
        {"t": stream(rate, 1, duration)},
        Figure("completion, s", queueing.shortest_remaining_response(rate, sizes), f"{STREAM}.jct_s.mean"),
        accelerators=1,
        window=2000.0 / rate,
        scheduling="srtf",
    )


def least_attained() -> Model:
    """With exponential work the answer would be that of every order that is blind to it."""
    rate, weights, means = 0.7, [0.9, 0.1], [0.5, 5.5]
    theory = queueing.least_attained_response(rate, queueing.hyperexponential_sizes(weights, means), THRESHOLDS)
    return streams(
        "jobs, least attained: M/H/1",
        {"t": stream(rate, 1, {"hyperexponential": {"p": weights, "means": [f"{mean} s" for mean in means]}})},
        Figure("completion, s", theory, f"{STREAM}.jct_s.mean"),
        accelerators=1,
        window=3000.0,
        warmup=4 * WARMUP,
        scheduling={"policy": "las", "thresholds": [f"{level} s" for level in THRESHOLDS]},
    )


def failures_and_checkpoints() -> Model:
    """A hundred hours of work, and one second more so that fifty checkpoints are made (Daly 2006)."""
    interval, cost, restart, mtbf = 2.0, 0.1, 0.25, 24.0
    theory = checkpointed_hours(100.0, interval, cost, restart, mtbf) + mtbf * math.exp(restart / mtbf) * math.expm1(
        1.0 / HOUR / mtbf
    )
    saved = {"interval": f"{interval} h", "cost": f"{cost} h", "restart": f"{restart} h"}
    return streams(
        "jobs: checkpoints and failures",
        {"t": stream(1.0 / HOUR, 1, f"{100.0 * HOUR + 1.0} s", checkpoint=saved)},
        Figure("completion, s", theory * HOUR, f"{STREAM}.jct_s.mean"),
        accelerators=200,
        window=100.0 * HOUR,
        failures={"per": "accelerator", "mtbf": f"{mtbf} h"},
    )


def checkpointed_hours(work: float, interval: float, cost: float, restart: float, mtbf: float) -> float:
    """Hours that `work` takes with a checkpoint after each `interval`, the last included (Daly 2006, complete model).

    Failures come at all times, in checkpoints and restarts as well.
    """
    return mtbf * math.exp(restart / mtbf) * math.expm1((interval + cost) / mtbf) * work / interval
