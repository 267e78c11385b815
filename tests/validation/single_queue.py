"""Small scenarios of which the answer is known, and many runs of them in two processes. Not tests themselves."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import sim
from analysis import long_run
from analysis.workers import draw, sample_of, worker_pool

WAIT, RESPONSE = "services.s.queueing_s", "services.s.e2e_s"
GPU = {"kind": "gpu", "memory": "1 GB", "idle_power": "60 W", "busy_power": "400 W"}
WARMUP = {0.5: 500.0, 0.8: 3000.0, 0.9: 12000.0}
"""Seconds after which an M/M/1 has forgotten that it started empty: some thirty relaxation times."""


def queue(
    rate: float, requests: float, *, warmup: float, servers: int = 1, seconds: float = 1.0, **changes: Any
) -> Any:
    """An M/M/c, empty at the start: `rate` 1/s, service times of mean `seconds`, so many requests counted."""
    service = {
        "model": "unit",
        "pools": ["p"],
        "replicas": servers,
        "routing": "central_queue",
        "requests": {
            "arrivals": {"process": "poisson", "rate": f"{rate} /s"},
            "work": {"exponential": {"mean": seconds}},
        },
    }
    return sim.load(
        {
            "fleetsim": 1,
            "name": "queue",
            "horizon": f"{warmup + requests / rate!r} s",
            "warmup": f"{warmup!r} s",
            "accelerators": {"server": GPU},
            "models": {"unit": {"kind": "single_pass", "latency": {"batch": [1], "seconds": [1.0]}}},
            "pools": {"p": {"accelerator": "server", "nodes": servers}},
            "services": {"s": service},
            "output": {"telemetry": "3650 d"},
        }
    )


def mm1(rho: float, requests: float) -> Any:
    """An M/M/1 with mean service time 1 s, settled when counting begins."""
    return queue(rho, requests, warmup=WARMUP[rho])


def mm1_figures(rho: float) -> dict[str, float]:
    """Waits beyond the share 1 - rho that does not wait, and responses, are exponential with rate 1 - rho."""
    rate = 1 - rho
    return {
        f"{WAIT}.mean": rho / rate,
        f"{WAIT}.p99": math.log(rho / 0.01) / rate,
        f"{RESPONSE}.mean": 1 / rate,
        f"{RESPONSE}.p99": math.log(100) / rate,
    }


def language_model(requests: float) -> Any:
    """Two replicas of a language model at 0.7 of what they can do in full batches (20.842/s would be 0.7)."""
    lengths = {"prompt": {"lognormal": {"median": 300, "sigma": 0.8}}, "output": {"exponential": {"mean": 100}}}
    service = {
        "model": "Llama-3.1-8B",
        "pools": ["p"],
        "precision": "bf16",
        "replicas": 2,
        "routing": "least_outstanding",
        "batching": {"policy": "continuous", "max_batch_size": 16},
        "requests": {"arrivals": {"process": "poisson", "rate": "20.842 /s"}, "lengths": lengths},
    }
    return sim.load(
        {
            "fleetsim": 1,
            "name": "language-model",
            "horizon": f"{200 + requests / 20.842!r} s",
            "warmup": "200 s",
            "pools": {"p": {"accelerator": "H100-SXM", "nodes": 1, "accelerators_per_node": 2}},
            "services": {"s": service},
            "output": {"telemetry": "3650 d"},
        }
    )


def interval_of_one_run(scenario: Any, seed: int, figures: Sequence[str]) -> list[tuple[float, float, float, bool]]:
    """Estimate, low, high and flag of each figure, from the batches of one run."""
    found = long_run.sample(sim.run(scenario, seed=seed))
    return [_plain(found.estimate(path)) for path in figures]


def interval_of_replications(
    scenario: Any, seeds: Sequence[int], figures: Sequence[str]
) -> list[tuple[float, float, float, bool]]:
    """The same from replications with these seeds."""
    sample = sample_of([draw(scenario, seed) for seed in seeds])
    return [_plain(sample.estimate(path)) for path in figures]


def figures_of_one_run(scenario: Any, seed: int, figures: Sequence[str]) -> list[float]:
    """Figures of a run."""
    result = sim.run(scenario, seed=seed, batches=0)
    return [float(result.metric(path)) for path in figures]


def _plain(interval: Any) -> tuple[float, float, float, bool]:
    ends = (math.nan if end is None else end for end in (interval.low, interval.high))
    return (interval.mean, *ends, interval.flagged)


def many(task: Callable[..., Any], arguments: Sequence[tuple[Any, ...]]) -> list[Any]:
    """The results of a task for each tuple of arguments, in their order, by two processes."""
    with worker_pool(2) as workers:
        chunk = max(1, min(20, len(arguments) // 8))
        return list(workers.map(_call, [task] * len(arguments), arguments, chunksize=chunk))


def _call(task: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    return task(*arguments)
