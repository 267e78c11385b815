"""Availability, numbers of failures and work lost against renewal theory, through whole runs."""

import math

import numpy as np
import pytest

import sim

SEEDS = range(12)
DAY, HOUR = 86400.0, 3600.0


def scenario(failures, pool=None, **training):
    """Jobs of one accelerator on nodes of four, with failures."""
    jobs = {
        "pools": ["p"],
        "arrivals": {"process": "poisson", "rate": "1/h"},
        "accelerators": 1,
        "duration": "10 min",
        **training,
    }
    return sim.load(
        {
            "fleetsim": 1,
            "name": "failing",
            "horizon": "30 d",
            "accelerators": {"server": {"kind": "gpu", "memory": "1 GB", "idle_power": "60 W", "busy_power": "400 W"}},
            "pools": {
                "p": {"accelerator": "server", "nodes": 20, "accelerators_per_node": 4, "racks": 5, **(pool or {})}
                | {"failures": failures}
            },
            "training": {"t": jobs},
            "policies": {"scheduling": "fifo_first_fit"},
            "output": {"telemetry": "1 d"},
        }
    )


def over_seeds(spec, *paths):
    """The figures at some paths, by seed."""
    runs = [sim.run(spec, seed=seed, batches=0) for seed in SEEDS]
    return np.array([[run.metric(path) for path in paths] for run in runs], float).T


def hold_against(values, expected):
    """A mean must be within four standard errors of what theory says."""
    mean, error = np.mean(values), np.std(values, ddof=1) / math.sqrt(len(values))
    assert abs(mean - expected) < 4 * error, f"theory {expected:.5f}, measured {mean:.5f} +- {error:.5f}"


@pytest.mark.parametrize("shape", [0.7, 1.0, 2.0])
def test_availability_is_time_up_over_time_between_repairs(shape):
    """Whatever the laws of lifetimes and repairs: mtbf / (mtbf + repair), once the start is forgotten."""
    repair = {"gamma": {"mean": "5 h", "scv": 2}}
    spec = scenario({"per": "node", "mtbf": "45 h", "shape": shape, "repair": repair}).with_({"warmup": "10 d"})
    availability, failures = over_seeds(spec, "pools.p.availability", "pools.p.failures")
    hold_against(availability, 0.9)
    hold_against(failures, 20 * 20 * DAY / (50 * HOUR))


def test_an_accelerator_is_up_when_nothing_of_it_is_down():
    """Three causes that know nothing of each other: the product of their availabilities."""
    causes = (("accelerator", 90, 10), ("node", 95, 5), ("rack", 48, 2))
    failures = [
        {"per": per, "mtbf": f"{mtbf} h", "repair": {"exponential": {"mean": f"{repair} h"}}}
        for per, mtbf, repair in causes
    ]
    (availability,) = over_seeds(scenario(failures).with_({"warmup": "5 d"}), "pools.p.availability")
    hold_against(availability, 0.9 * 0.95 * 0.96)


def test_numbers_of_failures_are_poisson_where_lifetimes_are_exponential():
    """Repairs of no length: mean and variance over parts of a run are the same (dispersion test, chi-squared)."""
    from scipy.stats import chi2

    spec = scenario({"per": "accelerator", "mtbf": "200 h"})
    result = sim.run(spec.with_({"horizon": "64 d"}), seed=3)
    counts = np.array([batch["pools"]["p"]["failures"] for batch in result.batches]) / len(result.batches)
    expected = 80 * DAY / (200 * HOUR)  # a day
    assert counts.sum() == pytest.approx(result.metric("pools.p.failures"))
    assert abs(counts.mean() - expected) < 4 * math.sqrt(expected / len(counts))
    dispersion = ((counts - counts.mean()) ** 2).sum() / counts.mean()
    assert 1e-4 < chi2(len(counts) - 1).sf(dispersion) < 1 - 1e-4


def test_a_job_without_checkpoints_begins_again_until_it_is_spared():
    """Work w at a rate f of failures takes (exp(f w) - 1) / f on average, repairs aside."""
    failures = {"per": "accelerator", "mtbf": "2 h"}
    spec = scenario(failures, duration="2 h", arrivals={"process": "poisson", "rate": "4/h"})
    spec = spec.with_({"drain": True, "horizon": "10 d"})
    jct, waited = over_seeds(spec, "training.t.jct_s.mean", "training.t.queueing_s.max")
    assert waited.max() == 0.0  # there was always room
    hold_against(jct, (math.e - 1) * 2 * HOUR)


def test_two_policies_meet_the_same_failures():
    failures = [{"per": "accelerator", "mtbf": "100 h", "repair": "3 h"}, {"per": "node", "mtbf": "200 h"}]
    figures = []
    for placement, scheduling in (("first_fit", "fifo"), ("spread", "fifo_first_fit"), ("best_fit", "srtf")):
        spec = scenario(
            failures, arrivals={"process": "poisson", "rate": "30/h"}, accelerators={"choice": {1: 0.5, 12: 0.5}}
        )
        run = sim.run(
            spec.with_({"horizon": "10 d", "policies.placement": placement, "policies.scheduling": scheduling}), seed=1
        )
        assert all(law["holds"] for law in run.summary["audit"])
        assert run.metric("training.t.failures") > 0
        figures.append((run.metric("pools.p.failures"), run.metric("pools.p.availability")))
    assert len(set(figures)) == 1


@pytest.mark.parametrize(("nodes", "spare"), [(20, 1), (19, 0)])
def test_spare_nodes_keep_a_pool_whole(nodes, spare):
    """A gang of 19 nodes starts at once where so many are up, by the binomial law: in 74 % of the time, not in 38 %."""
    failures = {"per": "node", "mtbf": "95 h", "repair": {"exponential": {"mean": "5 h"}}}
    jobs = {"accelerators": 76, "duration": "1 s", "arrivals": {"process": "deterministic", "rate": "1/h"}}
    spec = scenario(failures, {"spare_nodes": spare, "nodes": nodes}, **jobs)
    shares = []
    for seed in SEEDS:
        frame = sim.run(spec, seed=seed, batches=0).jobs
        shares.append((frame.queueing_s[frame.submit_s > 5 * DAY] < 1.0).mean())
    hold_against(shares, 0.95**19 if spare == 0 else 0.95**20 + 20 * 0.95**19 * 0.05)
