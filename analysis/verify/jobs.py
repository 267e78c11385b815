"""Training jobs: queues of one accelerator each, checkpoints, gangs that block each other, gangs that are lost."""

from collections.abc import Iterator, Mapping
from typing import Any

from analysis import queueing
from analysis.verify.model import Figure, Model
from analysis.verify.textbook import BUSY, IDLE, SERVERS, busy, wait, wait_over, watts

STREAM = "training.t"
EXPONENTIAL = {"exponential": {"mean": "1 s"}}
JOBS = 2000
"""Arrivals in the window of one replication: jobs are decisions, and cost two hundred times what requests do."""
WARMUP = 200.0
"""Seconds."""


def models() -> Iterator[Model]:
    """All of them."""
    yield _many_accelerators()
    yield _checkpoints()
    yield _blocked_gangs()
    yield _lost_gangs()


def _many_accelerators() -> Model:
    rate, accelerators = 1.2, 2
    waiting, waits = queueing.mmc_wait(rate, 1.0, accelerators), f"{STREAM}.queueing_s"
    return streams(
        "jobs: M/M/2, load 0.6",
        {"t": stream(rate, 1, EXPONENTIAL)},
        wait(waiting, waits),
        wait_over(0.0, queueing.erlang_c(rate, accelerators), waits),
        Figure("completion, s", waiting + 1.0, f"{STREAM}.jct_s.mean"),
        watts(queueing.mean_power(accelerators, rate, IDLE, BUSY)),
        accelerators=accelerators,
        window=2 * JOBS / rate,
    )


def _checkpoints() -> Model:
    """Ten seconds of work with a checkpoint after 3, 6 and 9 of them."""
    work, cost = 10.0, 0.5
    whole = work + 3 * cost
    rate = 0.6 / whole
    saved = stream(rate, 1, f"{work} s") | {"checkpoint": {"interval": "3 s", "cost": f"{cost} s"}}
    waiting = queueing.pollaczek_khinchine(rate, whole, 0.0)
    return streams(
        "jobs, checkpoints: M/D/1, load 0.6",
        {"t": saved},
        wait(waiting, f"{STREAM}.queueing_s"),
        Figure("completion, s", waiting + whole, f"{STREAM}.jct_s.mean"),
        Figure("useful share", work / whole, f"{STREAM}.ettr"),
        accelerators=1,
        window=JOBS / rate,
        warmup=20 * WARMUP,
    )


def _blocked_gangs() -> Model:
    """More come than two accelerators can take, so that somebody always waits once the first have arrived."""
    theory = queueing.two_servers_saturated(0.5, 1.0)
    rate = 2.0
    return streams(
        "gangs of 1 or 2 on 2, saturated",
        {"t": stream(rate, {"choice": {1: 0.5, 2: 0.5}}, EXPONENTIAL)},
        busy(theory.utilization),
        watts(queueing.mean_power(2, 2.0 * theory.utilization, IDLE, BUSY)),
        accelerators=2,
        window=JOBS / 2 / rate,
    )


def _lost_gangs() -> Model:
    classes = ((4.0, 1), (2.0, 2), (1.0, 4))
    lost, held = queueing.kaufman_roberts(16, classes)
    shares = (
        Figure(f"lost, gangs of {gang}", share, f"training.of{gang}.jobs.rejected", f"training.of{gang}.jobs.submitted")
        for (_, gang), share in zip(classes, lost, strict=True)
    )
    return streams(
        "gangs of 1, 2, 4 on 16, none waits",
        {f"of{gang}": stream(load, gang, EXPONENTIAL) | {"queue_limit": 0} for load, gang in classes},
        *shares,
        busy(held / 16),
        accelerators=16,
        window=2 * JOBS / 7.0,
        scheduling="fifo_first_fit",
    )


def stream(rate: float, gang: Any, duration: Any, **options: Any) -> dict[str, Any]:
    """Jobs of a Poisson stream (1/s); `options` are further keys."""
    return {
        "pools": ["p"],
        "arrivals": {"process": "poisson", "rate": f"{rate!r}/s"},
        "accelerators": gang,
        "duration": duration,
        **options,
    }


def streams(
    name: str,
    streams: Mapping[str, Any],
    *figures: Figure,
    accelerators: int,
    window: float,
    warmup: float = WARMUP,
    scheduling: Any = "fifo",
    **pool: Any,
) -> Model:
    """Streams of jobs on one node; `pool` are further keys of its pool."""
    parts = {
        "accelerators": SERVERS,
        "pools": {"p": {"accelerator": "server", "nodes": 1, "accelerators_per_node": accelerators} | pool},
        "training": dict(streams),
        "policies": {"scheduling": scheduling},
    }
    return Model(name, figures, parts, window, warmup)
