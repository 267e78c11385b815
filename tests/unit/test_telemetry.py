"""Telemetry of a service: lengths are means over the interval, exact also where nothing is there at its end."""

import pytest

import sim


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
