"""MSER-5 on series with a known beginning, and what pilots make of it."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import sim
from sim.pilot import pilot_of, warm_up
from sim.warmup import mser5


def series(start, n=2000, bias=5.0, noise=1.0, seed=1):
    return np.where(np.arange(n) < start, bias, 0.0) + noise * np.random.default_rng(seed).normal(size=n)


@pytest.mark.parametrize("start", [100, 400, 800])
def test_a_step_is_found(start):
    found = mser5(series(start))
    assert found.reliable
    assert start <= found.index <= start + 50


def test_a_decay_is_cut_where_it_is_lost_in_the_noise():
    times = np.arange(4000)
    found = mser5(20 * np.exp(-times / 200) + np.random.default_rng(2).normal(size=4000))
    assert found.reliable
    assert 400 <= found.index <= 1500


def test_nothing_is_cut_where_nothing_begins():
    assert mser5(np.ones(100)) == mser5(np.zeros(100))
    assert mser5(np.ones(100)).index == 0
    cut = [mser5(series(0, seed=seed)).index for seed in range(20)]
    assert np.median(cut) < 200


@pytest.mark.parametrize("values", [np.zeros(20), np.arange(1000.0), np.arange(1000.0) + series(0, 1000)])
def test_a_series_that_is_too_short_is_not_relied_on(values):
    assert not mser5(values).reliable


@given(st.floats(-1e3, 1e3), st.floats(0.1, 1e3))
def test_neither_level_nor_unit_matters(level, unit):
    values = series(300)
    assert mser5(level + unit * values) == mser5(values)


def telemetry(values, name="a", metric="queue_length"):
    rows = {"time_s": np.arange(1, len(values) + 1) * 2.0, "kind": "service", "name": name, "metric": metric}
    return pd.DataFrame(rows | {"value": values})


def test_the_longest_of_all_metrics_counts():
    frame = pd.concat(
        [telemetry(series(200)), telemetry(series(500), "b"), telemetry(series(900), "c", "arrivals_per_s")]
    )
    found = warm_up([frame])
    assert set(found.by_metric) == {"services.a.queue_length", "services.b.queue_length"}
    assert found.seconds == found.by_metric["services.b.queue_length"]["seconds"]
    assert 1000.0 <= found.seconds <= 1100.0
    assert found.unreliable == []


def test_pilots_are_averaged():
    runs = [telemetry(series(400, bias=1.0, noise=3.0, seed=seed)) for seed in range(30)]
    assert 780.0 <= warm_up(runs).seconds <= 1000.0


BASE = {
    "fleetsim": 1,
    "name": "jobs",
    "horizon": "1 d",
    "warmup": "auto",
    "pools": {"p": {"accelerator": "H100-SXM", "nodes": 1}},
}
ARRIVALS = {"arrivals": {"process": "poisson", "rate": "3/h"}, "accelerators": 1, "duration": "10 min"}


def test_a_pilot_counts_everything():
    scenario = sim.load(BASE | {"training": {"t": {"pools": ["p"]} | ARRIVALS}})
    pilot = pilot_of(scenario)
    assert pilot.warmup == 0.0
    assert pilot.output.telemetry == pytest.approx(86400 / 2000)
    assert sim.run(scenario, seed=1).metric("run.warmup_s") < 43200.0


def test_a_pilot_needs_an_end(tmp_path):
    path = tmp_path / "jobs.csv"
    path.write_text("job_id,submit_time,num_gpu,duration\na,0,4,100\n")
    trace = {"format": "csv", "path": str(path)}
    scenario = sim.load(BASE | {"horizon": "jobs_done", "training": {"t": {"pools": ["p"], "trace": trace}}})
    with pytest.raises(sim.ScenarioError, match="needs a horizon in time"):
        pilot_of(scenario)
