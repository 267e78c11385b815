"""Telemetry of a service: lengths are means over the interval, exact also where nothing is there at its end."""

import numpy as np
import pandas as pd
import pytest

import sim
from sim.preparation import prepare


@pytest.fixture(scope="module")
def result():
    """One server at half load, whose requests come in pairs."""
    scenario = {
        "fleetsim": 1,
        "name": "clockwork",
        "horizon": "10 min",
        "accelerators": {"server": {"kind": "gpu", "memory": "1 GB", "idle_power": "10 W", "busy_power": "50 W"}},
        "models": {"unit": {"kind": "single_pass", "latency": {"batch": [1], "seconds": [0.25]}}},
        "pools": {"p": {"accelerator": "server", "nodes": 1}},
        "services": {
            "s": {
                "model": "unit",
                "pools": ["p"],
                "requests": {"arrivals": {"process": "batch", "rate": "2/s", "size": 2}},
            }
        },
    }
    return sim.run(sim.load(scenario))


def column(result, metric):
    table = result.telemetry
    return table[(table["kind"] == "service") & (table["metric"] == metric)]["value"].to_numpy()


def test_means_over_intervals_make_up_littles_law(result):
    block = result.summary["services"]["s"]["requests"]
    total = column(result, "queue_length").sum() * 60
    waited = result.summary["services"]["s"]["queueing_s"]
    assert block["in_flight"] < 20
    assert total == pytest.approx(waited["mean"] * waited["count"], rel=0.02)


def test_running_is_utilization_of_a_single_server(result):
    assert column(result, "running") == pytest.approx(column(result, "utilization"), rel=1e-9)
    assert len(column(result, "running")) == 10


def llm(telemetry, arrivals, output, **service):
    made = {
        "fleetsim": 1,
        "name": "cache",
        "horizon": "60 s",
        "pools": {"p": {"accelerator": "A100-SXM-80GB", "nodes": 1}},
        "services": {
            "s": {
                "model": "Llama-3.1-8B",
                "requests": {
                    "arrivals": {"process": "deterministic", "rate": arrivals},
                    "lengths": {"prompt": 10, "output": output},
                },
            }
            | (service or {"pools": ["p"], "replicas": 1})
        },
        "output": {"telemetry": telemetry, "requests": True},
    }
    return sim.run(sim.load(made), batches=0)


GROUP = {"pools": ["p"], "replicas": 1}


@pytest.mark.parametrize("groups", [{}, {"groups": {"prefill": GROUP, "decode": GROUP}}])
def test_how_often_it_is_taken_changes_no_figure_of_caches_and_batches(groups):
    """Batches of some thirty that decode for seconds on end, looked at in the midst of it."""
    often, seldom = (llm(telemetry, "1/s", 2000, **groups) for telemetry in ("1 s", "60 s"))
    for name in ("kv_utilization_mean", "batch_size_mean"):
        path = f"services.s.{name}"
        assert often.metric(path) == pytest.approx(seldom.metric(path), rel=1e-9)
    sizes = often.telemetry.query("kind == 'service' and metric == 'batch_size'")
    assert sizes[sizes["time_s"] > 3]["value"].notna().all()


def test_a_cache_grows_by_a_token_an_iteration(tmp_path):
    """One request: its prompt and first token while that is computed, then a token more after each iteration."""
    result = llm("7 s", "0.025/s", 1500)
    (row,) = pd.read_parquet(result.save(tmp_path / "out") / "requests.parquet").itertuples()
    iterations = 1499
    grown = (row.end_s - row.first_token_s) * (iterations - 1) / 2  # they grow longer by a few percent
    held = 11 * (row.end_s - row.start_s) + grown
    capacity = prepare(result.scenario).replicas["s"][0].replica.kv_capacity
    assert result.metric("services.s.kv_utilization_mean") == pytest.approx(held / (60 * capacity), rel=0.01)


@pytest.mark.parametrize("groups", [{}, {"groups": {"prefill": GROUP, "decode": GROUP}}])
def test_the_power_of_a_service_makes_up_its_energy(groups):
    result = llm("7 s", "0.2/s", 100, **groups)
    power = result.telemetry.query("kind == 'service' and metric == 'power_w'")
    seconds = np.diff([0.0, *power["time_s"]])
    assert (power["value"] > 0).all()
    assert (power["value"] * seconds).sum() == pytest.approx(result.metric("services.s.energy_kwh") * 3.6e6, rel=1e-9)
