"""The table of requests has one order, however the run was cut by whoever looked at it."""

import pandas as pd
import pytest

import sim

SERVICE = {
    "model": "small",
    "pools": ["p"],
    "replicas": 4,
    "requests": {"arrivals": {"process": "poisson", "rate": "6/s"}, "work": {"exponential": {"mean": 1}}},
}


def scenario(telemetry):
    return sim.load(
        {
            "fleetsim": 1,
            "name": "rows",
            "horizon": "5 min",
            "accelerators": {"gpu": {"kind": "gpu", "memory": "16 GB", "idle_power": "60 W", "busy_power": "400 W"}},
            "models": {"small": {"kind": "single_pass", "latency": {"batch": [1], "seconds": [0.5]}}},
            "pools": {"p": {"accelerator": "gpu", "nodes": 1, "accelerators_per_node": 8}},
            "services": {
                "turns": SERVICE | {"routing": "round_robin"},
                "least": SERVICE | {"routing": "least_outstanding"},
            },
            "output": {"requests": True, "telemetry": telemetry},
        }
    )


@pytest.fixture
def runs(tmp_path):
    return [
        sim.run(scenario("1 min"), seed=1),
        sim.run(scenario("7 s"), seed=1, block_size=1, batches=0),
    ]


def test_rows_are_in_order_of_service_and_arrival_whenever_telemetry_was_taken(runs, tmp_path):
    first, second = (run.save(tmp_path / str(n)) / "requests.parquet" for n, run in enumerate(runs))
    assert first.read_bytes() == second.read_bytes()
    rows = pd.read_parquet(first)
    assert len(rows) == runs[0].metric("run.requests")
    assert list(rows["service"].unique()) == ["turns", "least"]
    assert all(own["arrival_s"].is_monotonic_increasing for _, own in rows.groupby("service", observed=True))


def test_latencies_are_the_same_to_the_last_bit_whenever_telemetry_was_taken(runs):
    for name in ("turns", "least"):
        for latency in ("queueing_s", "e2e_s"):
            path = f"services.{name}.{latency}"
            assert runs[0].metric(path) == runs[1].metric(path)
