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
    assert rows[["prompt_tokens", "output_tokens", "slo_met"]].isna().all(axis=None)
    assert list(rows["service"].unique()) == ["turns", "least"]
    assert all(own["arrival_s"].is_monotonic_increasing for _, own in rows.groupby("service", observed=True))


def test_latencies_are_the_same_to_the_last_bit_whenever_telemetry_was_taken(runs):
    for name in ("turns", "least"):
        for latency in ("queueing_s", "e2e_s"):
            path = f"services.{name}.{latency}"
            assert runs[0].metric(path) == runs[1].metric(path)


def test_rows_name_classes_where_some_services_decode_on_replicas_of_their_own(tmp_path):
    parts = {"short": 5, "long": 40, "none": 9}
    rates = {"short": "2/s", "long": "1/s", "none": "0.000001/s"}
    requests = {
        name: {"arrivals": {"process": "poisson", "rate": rates[name]}, "lengths": {"prompt": 100, "output": output}}
        for name, output in parts.items()
    }
    group = {"pools": ["p"], "replicas": 1}
    apart = {"model": "Llama-3.1-8B", "groups": {"prefill": group, "decode": group}}
    alone = {"arrivals": {"process": "poisson", "rate": "1/s"}, "lengths": {"prompt": 100, "output": 7}}
    made = {
        "fleetsim": 1,
        "name": "rows",
        "horizon": "1 min",
        "pools": {"p": {"accelerator": "H100-SXM", "nodes": 1}},
        "services": {"one": apart | {"requests": alone}, "several": apart | {"requests": requests}},
        "output": {"requests": True},
    }
    run = sim.run(sim.load(made))
    rows = pd.read_parquet(run.save(tmp_path / "run") / "requests.parquet")
    one = rows[rows["service"] == "one"]
    assert one["class"].isna().all()
    assert one["slo_met"].isna().all()
    assert (one["output_tokens"] == 7).all()
    several = rows[rows["service"] == "several"]
    assert set(several["class"]) == {"short", "long"}
    assert (several["output_tokens"] == several["class"].map(parts)).all()
    for name in ("short", "long"):
        counted = run.metric(f"services.several.classes.{name}.requests.arrived")
        assert (several["class"] == name).sum() == counted
