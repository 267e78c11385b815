"""Exact means of inputs: against long draws, and against runs."""

import math

import numpy as np
import pytest

import sim
from analysis.known_means import known_means
from analysis.whole_tokens import mean_tokens, survival
from sim.scenario.distributions import (
    BoundedPareto,
    Choice,
    Erlang,
    Exponential,
    Fixed,
    Gamma,
    Hyperexponential,
    Lognormal,
    Quantiles,
    Uniform,
)
from sim.workload.distributions import sampler
from sim.workload.lengths import whole_tokens

DISTRIBUTIONS = [
    7.4,
    Fixed[float](value=0.2),
    Exponential[float](mean=3.0),
    Erlang[float](k=3, mean=5.0),
    Gamma[float](mean=4.0, scv=2.5),
    Hyperexponential[float](p=(0.3, 0.7), means=(10.0, 1.0)),
    Lognormal[float](median=20.0, sigma=1.0),
    BoundedPareto[float](alpha=1.2, low=0.7, high=300.0),
    Uniform[float](low=0.0, high=6.3),
    Choice[float](weights={1.0: 0.25, 2.5: 0.5, 9.0: 0.25}),
    Quantiles[float](levels=(0.0, 0.4, 0.6, 1.0), values=(0.0, 2.0, 2.0, 30.5)),
]


@pytest.mark.parametrize("distribution", DISTRIBUTIONS, ids=lambda each: type(each).__name__)
def test_mean_tokens_are_those_of_long_draws(distribution):
    drawn = whole_tokens(sampler(distribution, np.random.default_rng(1)).draw(400_000))
    error = drawn.std() / math.sqrt(len(drawn))
    assert abs(mean_tokens(distribution) - drawn.mean()) <= 4 * error + 1e-12


@pytest.mark.parametrize("distribution", DISTRIBUTIONS, ids=lambda each: type(each).__name__)
def test_survival_falls_from_one(distribution):
    found = survival(distribution, np.linspace(1e-9, 400, 1000))
    assert np.all(np.diff(found) <= 1e-15)
    assert 0 <= found[-1] <= found[0] <= 1


def test_a_tail_that_is_too_heavy_is_not_known():
    assert mean_tokens(Lognormal[float](median=1e5, sigma=3.0)) is None


def scenario(arrivals, **changes):
    service = {
        "model": "unit",
        "pools": ["p"],
        "replicas": 10,
        "requests": {"arrivals": {"rate": "2/s"} | arrivals, "work": {"exponential": {"mean": 0.5}}},
    }
    gpu = {"kind": "gpu", "memory": "1 GB", "idle_power": "60 W", "busy_power": "400 W"}
    base = {
        "fleetsim": 1,
        "name": "known",
        "start": "2027-01-04T08:00",
        "horizon": "3000 s",
        "warmup": "1000 s",
        "accelerators": {"server": gpu},
        "models": {"unit": {"kind": "single_pass", "latency": {"batch": [1], "seconds": [1.0]}}},
        "pools": {"p": {"accelerator": "server", "nodes": 10}},
        "services": {"a.b": service},
        "output": {"telemetry": "1 d"},
    }
    return sim.load(base | changes)


RATE, WORK = "services.'a.b'.offered.requests_per_s", "services.'a.b'.offered.work_per_s"


@pytest.mark.parametrize(
    "arrivals",
    [
        {"process": "poisson"},
        {"process": "poisson", "shape": {"daily": {"peak_to_trough": 9, "peak_at": "12:00"}}, "growth": "400%/month"},
        {"process": "cox", "rate_cv": 0.4, "correlation_time": "100 s"},
        {"process": "on_off", "on_mean": "30 s", "off_mean": "10 s"},
        {"process": "batch", "size": {"choice": {1: 0.5, 4: 0.5}}},
    ],
    ids=lambda each: each["process"],
)
def test_runs_offer_what_is_known_on_average(arrivals):
    spec = scenario(arrivals)
    known = known_means(spec)
    runs = [sim.run(spec, seed=seed, batches=0) for seed in range(60)]
    for path in (RATE, WORK):
        values = np.array([each.metric(path) for each in runs])
        assert abs(values.mean() - known[path]) <= 4 * values.std(ddof=1) / math.sqrt(len(values))
    assert known[WORK] == pytest.approx(0.5 * known[RATE])


def test_a_steady_stream_is_known_by_its_rate():
    assert known_means(scenario({"process": "poisson"})) == pytest.approx({RATE: 2.0, WORK: 1.0})


@pytest.mark.parametrize("process", [{"process": "gamma", "burstiness": 0.5}, {"process": "deterministic"}])
def test_renewals_that_begin_at_zero_are_not_known(process):
    assert known_means(scenario(process)) == {}


def test_an_open_window_is_not_known():
    assert known_means(scenario({"process": "poisson"}, warmup="auto")) == {}


def test_tokens_of_a_generative_service():
    lengths = {"prompt": 100, "output": {"exponential": {"mean": 50}}}
    spec = sim.load(
        {
            "fleetsim": 1,
            "name": "chat",
            "horizon": "600 s",
            "pools": {"p": {"accelerator": "H100-SXM", "nodes": 1, "accelerators_per_node": 1}},
            "services": {
                "chat": {
                    "model": "Llama-3.1-8B",
                    "pools": ["p"],
                    "replicas": 1,
                    "requests": {"arrivals": {"process": "poisson", "rate": "3/s"}, "lengths": lengths},
                }
            },
        }
    )
    found = known_means(spec)
    assert found["services.chat.offered.prompt_tokens_per_s"] == pytest.approx(300.0)
    beyond = math.exp(-1.5 / 50) / (1 - math.exp(-1 / 50))  # the geometric sum over 3/2, 5/2, ...
    assert found["services.chat.offered.output_tokens_per_s"] == pytest.approx(3 * (1 + beyond), rel=1e-9)
    assert "services.chat.offered.work_per_s" not in found
