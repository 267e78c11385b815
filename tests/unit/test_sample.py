"""Looks at a system: figures, histograms, and their intervals, from replications and from the batches of a run."""

import time

import numpy as np
import pytest

import sim
from analysis import long_run
from analysis.histograms import Histograms
from analysis.sample import FigureError, Sample, figures_of, stacked
from analysis.workers import draw, sample_of

GPU = {"kind": "gpu", "memory": "1 GB", "idle_power": "60 W", "busy_power": "400 W"}


def scenario(rate="4/s", horizon="3000 s", services=("a", "b.c"), **changes):
    service = {
        "model": "unit",
        "pools": ["p"],
        "replicas": 8,
        "slo": {"e2e": "3 s", "attainment": 0.9},
        "requests": {"arrivals": {"process": "poisson", "rate": rate}, "work": {"exponential": {"mean": 1}}},
    }
    return sim.load(
        {
            "fleetsim": 1,
            "name": "sample",
            "horizon": horizon,
            "warmup": "100 s",
            "accelerators": {"server": GPU},
            "models": {"unit": {"kind": "single_pass", "latency": {"batch": [1], "seconds": [1.0]}}},
            "pools": {"p": {"accelerator": "server", "nodes": 8 * len(services)}},
            "services": dict.fromkeys(services, service | changes),
            "output": {"telemetry": "1 d"},
        }
    )


@pytest.fixture(scope="module")
def result():
    return sim.run(scenario(), seed=1)


@pytest.fixture(scope="module")
def replications():
    return sample_of([draw(scenario(horizon="600 s"), seed) for seed in range(6)])


@pytest.fixture(scope="module")
def batches(result):
    return long_run.sample(result)


def test_the_estimates_of_a_run_are_its_figures(result, batches):
    paths = """services.a.queueing_s.mean services.a.e2e_s.p99 services.'b.c'.queueing_s.p90 services.a.utilization
    services.a.energy_kwh fleet.energy_kwh services.a.energy_j_per_request services.a.slo.attainment
    services.a.throughput.requests_per_s pools.p.power_w.mean services.a.slo.goodput_per_s"""
    for path in paths.split():
        found = batches.estimate(path)
        assert found.mean == pytest.approx(result.metric(path), rel=0.01, abs=1e-9), path
        assert found.low <= found.mean <= found.high
        assert found.method == "batch means"


def test_all_intervals_of_a_run(result):
    found = long_run.intervals(result)
    assert found["services.'b.c'.e2e_s.p99"].keys() == {"mean", "low", "high", "level", "method", "n", "flagged"}
    assert found["pools.p.accelerators"]["low"] == found["pools.p.accelerators"]["high"] == 16
    assert not found["pools.p.accelerators"]["flagged"]
    assert not any(path.endswith((".peak", ".max", ".sd")) for path in found if "replicas" not in path)
    assert "services.a.cost_usd" not in found
    assert long_run.intervals(sim.run(scenario(horizon="200 s"), seed=1, batches=0)) == {}
    with pytest.raises(ValueError, match="not cut into batches"):
        long_run.sample(sim.run(scenario(horizon="200 s"), seed=1, batches=0))


def test_intervals_all_at_once_are_as_one_by_one(batches, replications):
    for sample in (batches, replications):
        every = sample.intervals()
        for path in ("services.a.e2e_s.mean", "services.a.e2e_s.p95", "services.a.slo.attainment", "fleet.energy_kwh"):
            one = sample.estimate(path).as_dict()
            assert every[path]["flagged"] == one["flagged"]
            assert every[path]["low"] == pytest.approx(one["low"])


def test_few_requests_leave_batches_empty():
    found = long_run.intervals(sim.run(scenario(rate="0.01/s", services=("a",)), seed=3))
    assert found["services.a.e2e_s.mean"]["flagged"]
    assert found["services.a.e2e_s.p99"]["flagged"]
    assert found["services.a.utilization"]["mean"] > 0


def test_no_request_at_all():
    found = long_run.intervals(sim.run(scenario(rate="0.0000001/s", services=("a",)), seed=3))
    assert "services.a.e2e_s.mean" not in found
    assert found["services.a.utilization"]["mean"] == 0.0


def test_a_run_without_services():
    stream = {
        "pools": ["p"],
        "arrivals": {"process": "poisson", "rate": "3/h"},
        "accelerators": 1,
        "duration": "10 min",
    }
    pools = {"p": {"accelerator": "H100-SXM", "nodes": 1}}
    base = {"fleetsim": 1, "name": "jobs", "horizon": "10 d", "pools": pools, "training": {"t": stream}}
    found = long_run.intervals(sim.run(sim.load(base), seed=3))
    assert found["training.t.energy_kwh"]["low"] < found["training.t.energy_kwh"]["high"]
    assert not any(path.startswith("services") for path in found)


def test_what_never_fails_has_the_interval_of_what_was_not_seen():
    path = "services.a.slo.attainment"
    found = long_run.sample(sim.run(scenario(slo={"e2e": "100 s", "attainment": 0.9}), seed=3)).estimate(path)
    assert found.mean == found.high == 1.0
    assert 0.99 < found.low < 1.0
    assert not found.flagged


def test_paths_may_leave_out_quotes_and_are_corrected(batches):
    assert batches.resolve("services.b.c.utilization") == "services.'b.c'.utilization"
    with pytest.raises(FigureError, match=r"did you mean `services\.a\.utilization`"):
        batches.resolve("services.a.utilisation")


def test_a_part_of_the_replications(replications):
    half = replications.of_seeds([4, 1])
    assert half.seeds == (4, 1)
    path = "services.a.e2e_s.p95"
    alone = [replications.of_seeds([seed]).latencies.of("services.a.e2e_s")[0].sum() for seed in (4, 1)]
    assert half.latencies.of("services.a.e2e_s")[0].sum(axis=1).tolist() == alone
    assert replications.first(3).seeds == (0, 1, 2)
    assert replications.first(6).estimate(path) == replications.estimate(path)
    with pytest.raises(ValueError, match="not in"):
        replications.of_seeds([99])


def test_pseudo_values_estimate_the_figure(replications):
    for path in ("services.a.e2e_s.mean", "services.a.e2e_s.p95", "services.a.utilization"):
        values = replications.pseudo_values(path)
        assert len(values) == 6
        assert values.mean() == pytest.approx(replications.estimate(path).mean, rel=0.02)


def test_histograms_are_those_of_each_look():
    frames = [draw(scenario(horizon="300 s"), seed).latency for seed in (1, 2)]
    found = Histograms.of_each(frames)
    assert found.looks == 2
    for block, service in (("services.a.e2e_s", "a"), ("services.'b.c'.queueing_s", "b.c")):
        counts, edges = found.of(block)
        assert np.all(np.diff(edges[:, 0]) > 0)
        for frame, row in zip(frames, counts, strict=True):
            own = frame[(frame["service"] == service) & (frame["metric"] == block.rpartition(".")[2])]
            assert row[row > 0].tolist() == own.sort_values("low_s")["count"].tolist()
    assert Histograms.of_each([frames[0].iloc[:0]] * 2).blocks == {}


def test_figures_of_a_summary():
    summary = {
        "services": {"a.b": {"x": 1, "y": None, "on": True, "name": "z"}},
        "fleet": {"e": {"f": 2.5}},
        "run": {"g": 3},
    }
    assert figures_of(summary) == {"services.'a.b'.x": 1.0, "services.'a.b'.y": None, "fleet.e.f": 2.5}
    assert np.isnan(stacked([{"x": 1.0}, {"x": None}, {}])["x"]).tolist() == [False, True, True]


def test_intervals_of_five_services_take_a_blink():
    run = sim.run(scenario(services=tuple("abcde")), seed=1)
    long_run.intervals(run)
    took = []
    for _ in range(5):
        begin = time.process_time()
        Sample.of_batches(run).intervals()
        took.append(time.process_time() - begin)
    assert min(took) < 0.3
