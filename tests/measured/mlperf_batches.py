"""Stable Diffusion XL served as its submitters say: batch, time limit, and what a batch runs on.

Where that is known, one constant is free: what a batch takes in a Server run on top of its time in the Offline run,
as images are then converted and handed back between batches, not beside them. It is fitted to the median latency
alone; the mean and the tail are predicted. Runs are as in `mlperf_service`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median
from typing import Any

import sim
from sim.preparation import prepare
from sim.simulation import simulate
from tests.measured.data import Row, rows
from tests.measured.mlperf_service import DURATION, RUNS, one_service

STEPS = 9
"""Halvings in the search for the overhead: to 1/512 of the range."""
MOST = 0.25
"""Largest overhead that is tried: a share of a full batch's time."""
FIGURES = ("p50", "mean", "p90", "p99")
COLUMNS = {"mean": "mean_latency"}


@dataclass(frozen=True)
class Server:
    """What the submitter's own instructions and settings say.

    NVIDIA: `sdxl_batcher_time_limit` and `gpu_batch_size` in closed/NVIDIA/configs/stable-diffusion-xl/Server of
    github.com/mlcommons/inference_results_v4.1; one batcher for eight accelerators. Google: closed/Google/code/
    stable-diffusion-xl/flax/sdxl_tpu/README.md there (v5e) and in the round after it, v5.0 (v6e); one batch runs on all
    four chips, filled up to its full size.
    """

    platform: str
    replicas: int
    batch: int
    delay: float
    """Seconds that the first of a batch waits for others at most."""
    filled: bool
    """Whether a batch with fewer requests takes as long as a full one."""


SERVERS = (
    Server("tpu_v5e_x4_flax", replicas=1, batch=4, delay=8, filled=True),
    Server("tpu_v6_x4_flax", replicas=1, batch=32, delay=10, filled=True),
    Server("DGX-H100_H100-SXM-80GBx8_TRT", replicas=8, batch=8, delay=5, filled=False),
    Server("H200-SXM-141GBx8_TRT_MaxQ", replicas=8, batch=8, delay=5, filled=False),
)


def batches_table() -> Iterator[str]:
    """Predict each server's latencies; takes some seconds."""
    yield (
        "| Stable Diffusion XL, batches as published | batch, time limit | overhead fitted to p50 "
        "| p50, s: measured | mean, s: measured | predicted | p90, s: measured | predicted "
        "| p99, s: measured | predicted | error | of single runs |"
    )
    yield f"|{' --- |' * 12}"
    for server in SERVERS:
        offline, measured = (_row(server.platform, scenario) for scenario in ("offline", "server"))
        capacity, rate = float(offline["result_samples_per_s"]), float(measured["offered_qps"])
        actual = {
            name: float(measured["mean_latency_ms" if name == "mean" else f"{name}_ms"]) / 1e3 for name in FIGURES
        }
        overhead = _fitted(server, capacity, rate, actual["p50"])
        runs = _runs(server, capacity, rate, overhead)
        found = {name: median(run[name] for run in runs) for name in FIGURES}
        p99s = sorted(run["p99"] for run in runs)
        shown = " | ".join(f"{actual[name]:.2f} | {found[name]:.2f}" for name in FIGURES[1:])
        yield (
            f"| {server.platform} | {server.batch}, {server.delay:g} s | {overhead:.1%} | {actual['p50']:.2f} "
            f"| {shown} | {found['p99'] / actual['p99'] - 1:+.0%} | {p99s[0]:.1f} to {p99s[-1]:.1f} |"
        )


def _row(platform: str, scenario: str) -> Row:
    return next(
        row
        for row in rows("mlperf/mlperf_server_offline.csv")
        if (row["benchmark"], row["platform"], row["scenario"]) == ("stable-diffusion-xl", platform, scenario)
    )


def _fitted(server: Server, capacity: float, rate: float, p50: float) -> float:
    """Search the overhead with the measured median latency, which grows with it."""
    low, high = 0.0, MOST
    for _ in range(STEPS):
        overhead = (low + high) / 2
        if median(run["p50"] for run in _runs(server, capacity, rate, overhead)) < p50:
            low = overhead
        else:
            high = overhead
    return (low + high) / 2


def _runs(server: Server, capacity: float, rate: float, overhead: float) -> list[dict[str, float]]:
    """Latencies of each of some Server runs, in seconds."""
    prepared = (prepare(sim.load(_scenario(server, capacity, rate, overhead, seed))) for seed in range(1, RUNS + 1))
    results = [simulate(each, batches=0) for each in prepared]
    return [{name: float(result.metric(f"services.s.e2e_s.{name}") or 0.0) for name in FIGURES} for result in results]


def _scenario(server: Server, capacity: float, rate: float, overhead: float, seed: int) -> dict[str, Any]:
    full = server.batch * server.replicas / capacity
    one = full if server.filled else full / server.batch
    seconds = [time + overhead * full for time in (one, full)]
    model = {"kind": "single_pass", "latency": {"batch": [1, server.batch], "seconds": seconds}}
    batching = {"policy": "dynamic", "max_batch_size": server.batch, "max_queue_delay": f"{server.delay!r} s"}
    requests = {"arrivals": {"process": "poisson", "rate": f"{rate!r} /s"}}
    service = {"routing": "central_queue", "batching": batching, "requests": requests}
    return one_service(server.replicas, model, service) | {"seed": seed, "horizon": f"{DURATION!r} s", "drain": True}
