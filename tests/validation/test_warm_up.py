"""MSER-5 against transients that are known: an M/M/1 that starts empty, and one that starts with a backlog."""

import sys

import numpy as np
import pytest
from scipy.linalg import expm
from validation.single_queue import many, queue

import sim
from analysis.replications import replicate
from sim.pilot import pilot_of, warm_up

RHO, SIZE = 0.9, 300
"""Of the queue that starts empty; its chain is cut at so many requests."""
WAITING = np.maximum(np.arange(SIZE) - 1.0, 0.0)
"""Requests that wait, by how many are there."""
BACKLOG, LOAD = 300, 0.8
DRAINED = BACKLOG / (1 - LOAD)
"""Seconds after which a backlog is gone, on average: it shrinks by 1 - rho a second."""
STEP, PILOTS, HORIZON = 20.0, 100, 4000.0


def generator():
    """Kolmogorov's equations of an M/M/1: rates between numbers of requests."""
    rates = np.diag(np.full(SIZE - 1, RHO), 1) + np.diag(np.ones(SIZE - 1), -1)
    return rates - np.diag(rates.sum(axis=1))


def waiting_from_empty(steps):
    """Mean number waiting at multiples of STEP in an M/M/1 that starts empty."""
    now, passed, means = np.eye(1, SIZE)[0], expm(generator() * STEP), []
    for _ in range(steps):
        means.append(float(now @ WAITING))
        now = now @ passed
    return np.array(means)


def settled_waiting():
    """Mean number waiting once settled, and the asymptotic variance of its time average (s): Poisson's equation."""
    usual = (1 - RHO) * RHO ** np.arange(SIZE)
    usual /= usual.sum()
    mean = float(usual @ WAITING)
    system = np.vstack([generator(), usual])
    potential = np.linalg.lstsq(system, np.append(mean - WAITING, 0.0), rcond=None)[0]
    return mean, float(2 * usual @ ((WAITING - mean) * potential))


def mean_squared_errors():
    """What the mean of PILOTS runs errs by, squared, for each cut at a multiple of STEP in their first half."""
    mean, variance = settled_waiting()
    missing = mean - waiting_from_empty(int(HORIZON / STEP))
    left = np.arange(len(missing), 0, -1)
    bias = np.cumsum(missing[::-1])[::-1] / left
    return (bias**2 + variance / (PILOTS * left * STEP))[: len(missing) // 2]


def pilot(horizon, seed):
    scenario = queue(RHO, 1.0, warmup=0.0).with_({"horizon": f"{horizon} s"})
    return sim.run(pilot_of(scenario), seed=seed, batches=0).telemetry


def test_the_equations_settle_where_theory_says():
    """L_q = rho^2 / (1 - rho) = 8.1; the number in the system would have 2 rho (1 + rho) / (1 - rho)^4 (Whitt 1989)."""
    means = waiting_from_empty(1000)
    assert means[0] == 0.0
    assert means[-1] == pytest.approx(8.1, rel=1e-3)
    mean, variance = settled_waiting()
    assert mean == pytest.approx(8.1, rel=1e-3)
    assert variance == pytest.approx(2 * RHO * (1 + RHO) / (1 - RHO) ** 4, rel=0.05)


@pytest.mark.slow
def test_an_empty_start_is_found():
    """MSER-5 asks for the cut at which the mean errs least, and theory tells what each cut errs by.

    Over ten sets of pilots its cuts err hardly more than the best there is, and far less than none.
    """
    errors = mean_squared_errors()
    runs = many(pilot, [(HORIZON, 10_000 + seed) for seed in range(10 * PILOTS)])
    sets = [warm_up(runs[at : at + PILOTS]) for at in range(0, len(runs), PILOTS)]
    cuts = [each.by_metric["services.s.queue_length"]["seconds"] for each in sets]
    found = np.array([errors[round(cut / STEP)] for cut in cuts])
    sys.stdout.write(
        f"  started empty: cuts at {', '.join(f'{cut:.0f}' for cut in cuts)} s, best {STEP * errors.argmin():.0f} s; "
        f"mean squared error {found.mean():.3f}, at best {errors.min():.3f}, uncut {errors[0]:.3f}\n"
    )
    assert found.mean() < 1.5 * errors.min()
    assert np.all(found < errors[0])


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
