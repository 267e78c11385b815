"""A service calibrated from an Offline run, simulated as the Server run was made: Poisson arrivals, for ten minutes.

A full batch is done at the rate of the Offline run. A pass or an iteration takes a fixed overhead and a time in
proportion to its batch, so what runs in smaller batches is slower.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import mean, median
from typing import Any

import sim
from sim.hardware import GenerativeReplica
from sim.preparation import prepare
from sim.results import Result
from sim.simulation import simulate
from tests.measured.mlperf import Pair

DURATION = 600.0
"""Seconds of a Server run by MLPerf's rules, from an empty start; all requests count. (To v1.0: 270,336 requests.)"""
WHOLE = 100_000
"""Requests of the longest run that is simulated whole: of a longer one, how it starts hardly matters."""
REQUESTS = 50_000
"""Requests of all runs together, as p99 of a short run is a matter of luck; and of the part of a longer one."""
RUNS, RUNS_OF_A_RATE = 9, 3
"""The most runs by which p99 is predicted, and by which one rate is tried."""
SETTLING = 0.2
"""Share of a part of a run that is not counted, at least."""
STEPS = 7
"""Halvings in the search for the largest rate: to 1/128 of the Offline rate."""
LEVELS = (0.0, 0.5, 0.9, 0.99, 1.0)


@dataclass(frozen=True)
class Tuning:
    """What is free."""

    overhead: float
    """Share of a full batch's time that a smaller batch takes too."""
    batch: float
    """Seconds of a full batch, over the benchmark's limit."""


@dataclass(frozen=True)
class Outcome:
    """Predicted p99 of whole answers at the rate of the Server run, and the largest rate within the limits."""

    p99: float
    rate: float


def predict(pair: Pair, tuning: Tuning, others: Sequence[Pair]) -> Outcome:
    """Simulate the Server run; lengths of answers are the shape that the `others` of the benchmark show."""
    return Outcome(median(_runs(pair, tuning, others, pair.rate, RUNS)[0]), _largest_rate(pair, tuning, others))


def _largest_rate(pair: Pair, tuning: Tuning, others: Sequence[Pair]) -> float:
    """Search the rate up to which at least half of the runs keep the limits."""
    low, high = 0.0, pair.capacity
    for _ in range(STEPS):
        rate = (low + high) / 2
        if mean(_runs(pair, tuning, others, rate, RUNS_OF_A_RATE)[1]) >= 1 / 2:
            low = rate
        else:
            high = rate
    return (low + high) / 2


def _runs(pair: Pair, tuning: Tuning, others: Sequence[Pair], rate: float, most: int) -> tuple[list[float], list[bool]]:
    """Of each run: p99 of whole answers in seconds, and whether every limit is kept."""
    runs = min(most, math.ceil(REQUESTS / (rate * DURATION)))
    p99s, kept = zip(*(_run(pair, tuning, others, rate, seed) for seed in range(1, runs + 1)), strict=True)
    return list(p99s), list(kept)


def _run(pair: Pair, tuning: Tuning, others: Sequence[Pair], rate: float, seed: int) -> tuple[float, bool]:
    """One run; p99 is infinite where no answer comes in time to count."""
    result = simulated(pair, tuning, others, rate, seed)

    def p99(name: str) -> float:
        found = result.metric(f"services.s.{name}_s.p99")
        return math.inf if found is None else float(found)

    if pair.kind == "pass":
        return p99("e2e"), p99("e2e") <= pair.limit
    return p99("e2e"), p99("ttft") <= pair.first_token_limit and p99("tpot") <= pair.limit


def simulated(pair: Pair, tuning: Tuning, others: Sequence[Pair], rate: float, seed: int = 1) -> Result:
    """Run the service at a rate. Token engines compute prompts within iterations, at no overhead of their own."""
    prepared = prepare(sim.load(_scenario(pair, tuning, others, rate) | {"seed": seed}))
    placed = prepared.replicas["s"][0]
    if isinstance(placed.replica, GenerativeReplica):
        alone = replace(placed.replica, prefill=replace(placed.replica.prefill, overhead=0.0))
        prepared.replicas["s"] = [placed._replace(replica=alone)]
    return simulate(prepared, batches=0)


def _scenario(pair: Pair, tuning: Tuning, others: Sequence[Pair], rate: float) -> dict[str, Any]:
    work = pair.offline / pair.replicas  # of one replica: samples/s or tokens/s
    batch = max(1, round(tuning.batch * pair.limit * work))
    overhead = tuning.overhead * batch / work
    device, model, service = (_tokens if pair.kind == "tokens" else _passes)(work, batch, overhead)
    requests: dict[str, Any] = {"arrivals": {"process": "poisson", "rate": f"{rate!r} /s"}}
    if pair.kind == "tokens":
        requests["lengths"] = {"prompt": 1, "output": _lengths(pair, others)}
    return one_service(pair.replicas, model, service | {"requests": requests}, device) | _period(pair, rate)


def one_service(
    replicas: int, model: dict[str, Any], service: dict[str, Any], device: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Give a scenario, without its horizon, of one service on replicas of an accelerator each."""
    accelerator = {"kind": "other", "memory": "1 TB", "idle_power": "1 W", "busy_power": "1 W", **(device or {})}
    return {
        "fleetsim": 1,
        "name": "server",
        "accelerators": {"device": accelerator},
        "models": {"model": model},
        "pools": {"p": {"accelerator": "device", "nodes": replicas}},
        "services": {"s": {"model": "model", "pools": ["p"], "replicas": replicas, **service}},
        "output": {"telemetry": "3650 d"},
    }


def _period(pair: Pair, rate: float) -> dict[str, Any]:
    if rate * DURATION <= WHOLE:
        return {"horizon": f"{DURATION!r} s", "drain": True}
    longest = 5 * 1024 * pair.limit if pair.kind == "tokens" else 10 * pair.limit
    counted = max(REQUESTS / rate, longest)
    warmup = max(SETTLING * counted, longest / 5)
    return {"horizon": f"{warmup + counted!r} s", "warmup": f"{warmup!r} s"}


def _passes(work: float, batch: int, overhead: float) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    sizes = [1, batch] if batch > 1 else [1]
    rate = batch / (batch / work - overhead)
    table = {"batch": sizes, "seconds": [overhead + size / rate for size in sizes]}
    batching = {"policy": "dynamic", "max_batch_size": batch}
    return (
        {},
        {"kind": "single_pass", "latency": table},
        {"routing": "central_queue", "batching": batching},
    )


def _tokens(work: float, batch: int, overhead: float) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """Give a device on which reading takes no time."""
    parameters, rate = 1e9, batch / (batch / work - overhead)
    efficiency = {"memory": 1, "decode_compute": 1, "prefill_compute": 1, "step_overhead": f"{overhead!r} s"}
    device = {
        "peak_flops": {"bf16": f"{2 * parameters * rate!r} FLOP/s"},
        "memory_bandwidth": "1e9 TB/s",
        "efficiency": efficiency,
    }
    model = {"kind": "generative", "parameters": parameters, "layers": 1, "hidden": 1, "heads": 1, "head_dim": 1}
    return device, model, {"batching": {"policy": "continuous", "max_batch_size": batch}}


def _lengths(pair: Pair, others: Sequence[Pair]) -> dict[str, Any]:
    """Quantiles of the answers' lengths as the other systems show them, with the mean of this Offline run."""
    shape = [median(other.quantiles[i] / other.quantiles[0] for other in others) for i in (1, 2, 3)]
    values = [0.0, *shape, shape[-1]]
    mean = sum(
        (high - low) * (first + last) / 2
        for low, high, first, last in zip(LEVELS, LEVELS[1:], values, values[1:], strict=False)
    )
    return {"quantiles": {"levels": list(LEVELS), "values": [value * pair.tokens / mean for value in values]}}
