"""Arrival processes against theory: mean rates, variation of gaps, dispersion of counts over windows."""

import itertools
import math
from typing import Any

import numpy as np
import pytest
from pydantic import TypeAdapter
from scipy.integrate import quad

from sim.scenario.arrivals import Arrivals
from sim.workload.arrivals import arrival_source
from sim.workload.distributions import FloatArray

SEEDS = range(40)
PROCESSES: dict[str, dict[str, Any]] = {
    "poisson": {"process": "poisson"},
    "gamma": {"process": "gamma", "burstiness": 0.3},
    "weibull": {"process": "weibull", "burstiness": 0.5},
    "on_off": {"process": "on_off", "on_mean": "23 s", "off_mean": "52.8 s"},
    "cox": {"process": "cox", "rate_cv": 1.0, "correlation_time": "5 min"},
    "batch": {"process": "batch", "size": {"uniform": {"low": 1, "high": 6}}},
    "hourly": {"process": "poisson", "shape": {"hourly": [1, 3] * 12}},
    "batches in bursts of the day": {
        "process": "batch",
        "size": {"choice": {"1": 0.5, "9": 0.5}},
        "shape": {"daily": {"peak_to_trough": 4, "peak_at": "03:00"}},
    },
}


def times(rate: str, until: float, seed: int, keys: dict[str, Any]) -> FloatArray:
    arrivals: Any = TypeAdapter(Arrivals).validate_python({"rate": rate, **keys})
    source = arrival_source(arrivals, seed=seed, path=("validation",), until=until)
    blocks = itertools.takewhile(len, (source.next_block(4096) for _ in itertools.count()))
    return np.concatenate(list(blocks))


def z_score(values: list[float], expected: float) -> float:
    return (float(np.mean(values)) - expected) / (float(np.std(values, ddof=1)) / math.sqrt(len(values)))


@pytest.mark.parametrize("name", PROCESSES)
def test_mean_rate(name: str) -> None:
    day = 86400.0
    counts = [float(np.sum(times("0.5/s", 2 * day, seed, PROCESSES[name]) >= day)) for seed in SEEDS]
    assert abs(z_score(counts, 0.5 * day)) <= 4


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({"process": "poisson"}, 1.0),
        ({"process": "gamma", "burstiness": 0.25}, 2.0),
        ({"process": "gamma", "burstiness": 4}, 0.5),
        ({"process": "weibull", "burstiness": 0.5}, math.sqrt(5)),
        ({"process": "weibull", "burstiness": 2}, math.sqrt(4 / math.pi - 1)),
    ],
)
def test_second_moment_of_gaps(keys: dict[str, Any], expected: float) -> None:
    squares = [float(np.mean(np.diff(times("1/s", 10000.0, seed, keys)) ** 2)) for seed in SEEDS]
    assert abs(z_score(squares, 1 + expected**2)) <= 4


def dispersion(rate: float, window: float, all_times: FloatArray, until: float) -> float:
    """Variance of the counts in windows over their mean, around the known mean."""
    counts = np.histogram(all_times, np.arange(0.0, until + window / 2, window))[0]
    return float(np.mean((counts - rate * window) ** 2)) / (rate * window)


@pytest.fixture(scope="module")
def conversations() -> list[FloatArray]:
    keys = {"process": "cox", "rate_cv": 0.227, "correlation_time": "296 s"}
    return [times("5.53/s", 18000.0, seed, keys) for seed in SEEDS]


@pytest.mark.parametrize("window", [1.0, 10.0, 60.0, 600.0])
def test_dispersion_of_a_cox_process(conversations: list[FloatArray], window: float) -> None:
    rate, correlation_time, variance = 5.53, 296.0, math.log1p(0.227**2)
    covariance, _ = quad(
        lambda lag: (window - lag) * math.expm1(variance * math.exp(-lag / correlation_time)), 0, window
    )
    found = [dispersion(rate, window, run, 18000.0) for run in conversations]
    assert abs(z_score(found, 1 + 2 * rate / window * covariance)) <= 4


@pytest.mark.parametrize(("window", "expected"), [(1.0, 1.4), (10.0, 3.9), (60.0, 16.4), (600.0, 100.4)])
def test_a_cox_process_disperses_like_the_azure_conversation_trace(
    conversations: list[FloatArray], window: float, expected: float
) -> None:
    # Measured over the 3,501 s of the trace of 2023; single runs of that length scatter widely.
    found = [dispersion(5.53, window, run[run < 3501], 3501.0 - 3501.0 % window) for run in conversations]
    assert np.quantile(found, 0.02) <= expected <= np.quantile(found, 0.98)


def test_dispersion_of_a_renewal_process_does_not_grow() -> None:
    runs = [times("5/s", 18000.0, seed, {"process": "gamma", "burstiness": 0.5}) for seed in SEEDS]
    for window in (60.0, 600.0):
        assert abs(z_score([dispersion(5.0, window, run, 18000.0) for run in runs], 2.0)) <= 4


def test_dispersion_of_batches() -> None:
    runs = [
        times("5/s", 6000.0, seed, {"process": "batch", "size": {"choice": {"1": 0.5, "9": 0.5}}}) for seed in SEEDS
    ]
    assert abs(z_score([dispersion(5.0, 10.0, run, 6000.0) for run in runs], (0.5 + 0.5 * 81) / 5)) <= 4


def test_dispersion_of_on_off_arrivals() -> None:
    # The counts of an interrupted Poisson process: covariance of its rate = m^2 * off/on * exp(-(1/on + 1/off) * lag).
    rate, on, off, window = 5.0, 2.0, 3.0, 10.0
    decay = 1 / on + 1 / off
    covariance = off / on * (window / decay - -math.expm1(-decay * window) / decay**2)
    keys = {"process": "on_off", "on_mean": "2 s", "off_mean": "3 s"}
    found = [dispersion(rate, window, times("5/s", 6000.0, seed, keys), 6000.0) for seed in SEEDS]
    assert abs(z_score(found, 1 + 2 * rate / window * covariance)) <= 4
