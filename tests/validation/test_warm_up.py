"""MSER-5 against transients that are known: an M/M/1 that starts empty, and one that starts with a backlog."""

import sys

import numpy as np
import pytest
from scipy.linalg import expm
from validation.single_queue import many, queue

import sim
from analysis.replications import replicate
from sim.pilot import pilot_of, warm_up

RHO, USUAL = 0.9, 9.0
"""Of the queue that starts empty: requests in the system on average, once settled."""
RELAXATION = (1 - RHO**0.5) ** -2
"""Seconds in which what is left of a start shrinks by e, in the end."""
BACKLOG, LOAD = 300, 0.8
DRAINED = BACKLOG / (1 - LOAD)
"""Seconds after which a backlog is gone, on average: it shrinks by 1 - rho a second."""
STEP = 20.0


def in_system(steps, size=300):
    """Mean number in an M/M/1 that starts empty, at multiples of STEP: Kolmogorov's equations, cut at `size`."""
    generator = np.diag(np.full(size - 1, RHO), 1) + np.diag(np.ones(size - 1), -1)
    passed = expm((generator - np.diag(generator.sum(axis=1))) * STEP)
    now, means = np.eye(1, size)[0], []
    for _ in range(steps):
        means.append(float(now @ np.arange(size)))
        now = now @ passed
    return np.array(means)


def pilot(horizon, seed):
    scenario = queue(RHO, 1.0, warmup=0.0).with_({"horizon": f"{horizon} s"})
    return sim.run(pilot_of(scenario), seed=seed, batches=0).telemetry


def empty_start(groups, pilots, horizon):
    """Of groups of pilots: the warm-up they ask for, in seconds, and the share of the transient that lies beyond it."""
    runs = many(pilot, [(horizon, seed) for seed in range(groups * pilots)])
    found = [warm_up(runs[at * pilots : (at + 1) * pilots]) for at in range(groups)]
    seconds = np.array([each.by_metric["services.s.queue_length"]["seconds"] for each in found])
    missing = USUAL - in_system(int(horizon / STEP) + 1)
    left = np.array([missing[round(warmup / STEP) :].sum() / missing.sum() for warmup in seconds])
    for warmup, share in zip(seconds, left, strict=True):
        sys.stdout.write(f"  started empty: MSER-5 over {pilots} pilots {warmup:5.0f} s, transient left {share:5.1%}\n")
    return seconds, left


def test_the_equations_settle_where_theory_says():
    means = in_system(1000)
    assert means[0] == 0.0
    assert means[-1] == pytest.approx(USUAL, rel=1e-3)


@pytest.mark.slow
def test_an_empty_start_is_found():
    """Most of what an empty start takes from the mean is left out, within a few relaxation times (380 s).

    The noise of 100 averaged pilots is a tenth of the mean: what is smaller than that cannot be seen.
    """
    seconds, left = empty_start(groups=4, pilots=100, horizon=4000.0)
    assert np.all(left < 0.5)
    assert np.all(seconds < 4 * RELAXATION)


@pytest.fixture
def backlogged(tmp_path):
    """An M/M/1 that 300 requests meet in its first instant; the warm-up is to be found."""
    arrivals = np.cumsum(np.random.default_rng(3).exponential(1 / LOAD, 40_000))
    path = tmp_path / "burst.csv"
    path.write_text("arrival_s\n" + "".join(f"{time!r}\n" for time in [0.0] * BACKLOG + arrivals.tolist()))
    trace = {"process": "trace", "format": "csv", "path": str(path)}
    changes = {"horizon": "40000 s", "warmup": "auto", "services.s.requests.arrivals": trace}
    return queue(LOAD, 1.0, warmup=0.0).with_(changes)


@pytest.mark.parametrize("seed", range(1, 5))
def test_a_backlog_is_left_out_of_a_run(backlogged, seed):
    result = sim.run(backlogged, seed=seed)
    found = result.summary["run"]["warmup_by_metric"]
    assert result.metric("run.warmup_s") == max(each["seconds"] for each in found.values())
    assert all(each["reliable"] for each in found.values())
    assert 0.7 * DRAINED <= found["services.s.queue_length"]["seconds"] <= 2.2 * DRAINED
    biased = sim.run(backlogged.with_({"warmup": 0}), seed=seed)
    assert result.metric("services.s.queueing_s.mean") < 0.7 * biased.metric("services.s.queueing_s.mean")


def test_a_backlog_is_left_out_of_replications(backlogged):
    found = replicate(backlogged, 2, seed=5, jobs=2)
    assert found.warm_up is not None
    assert not found.warm_up.unreliable
    assert 0.7 * DRAINED <= found.summary["run"]["warmup_s"] <= 2.2 * DRAINED


def test_a_run_that_never_settles_says_so():
    """More arrives than is served: the queue grows to the end."""
    result = sim.run(queue(1.2, 1.0, warmup=0.0).with_({"horizon": "4000 s", "warmup": "auto"}), seed=2)
    assert not result.summary["run"]["warmup_by_metric"]["services.s.queue_length"]["reliable"]
