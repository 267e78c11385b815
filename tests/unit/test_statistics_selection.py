"""Ranking and selection: the promise on normal observations, and its limits."""

import numpy as np
import pytest

from analysis.statistics.selection import select_best


def normal(means, seed, noise=1.0, common=0.0):
    """Observations with these means; `common` is a part that all systems share in a replication."""
    rng = np.random.default_rng(seed)
    own, shared = rng.normal(size=(len(means), 1000)), rng.normal(size=1000)
    return lambda system, replication: means[system] + noise * own[system, replication] + common * shared[replication]


@pytest.mark.parametrize("common", [0.0, 2.0])
def test_the_promise_is_kept_where_the_others_are_just_worse_enough(common):
    trials, probability = 200, 0.9
    found = [
        select_best(normal([0.5, 0.5, 0.0, 0.5, 0.5], seed, common=common), 5, 0.5, probability)
        for seed in range(trials)
    ]
    right = np.mean([each.best == 2 for each in found])
    assert right >= probability - 3 * np.sqrt(probability * (1 - probability) / trials)
    assert all(each.decided for each in found)


def test_shared_noise_does_not_cost_replications():
    alone, shared = (select_best(normal([0.0, 1.0, 1.2], 1, common=common), 3, 0.5) for common in (0.0, 50.0))
    assert alone == shared


def test_the_largest_and_those_ruled_out():
    found = select_best(normal([0.0, 9.0, 5.0], 2, noise=0.1), 3, 1.0, smallest=False)
    assert found.best == 1
    assert set(found.eliminated) == {0, 2}
    assert found.observations == (10, 10, 10)


def test_one_system_needs_one_look():
    found = select_best(normal([1.0], 3), 1, 1.0)
    assert (found.best, found.observations, found.decided) == (0, (1,), True)


def test_what_is_not_decided_says_so():
    found = select_best(normal([0.0, 0.001], 4), 2, 0.001, most=20)
    assert not found.decided
    assert found.observations == (20, 20)


@pytest.mark.parametrize(
    "options", [{"systems": 0}, {"indifference": 0.0}, {"probability": 1.0}, {"first_stage": 1}, {"most": 5}]
)
def test_what_promises_nothing_is_refused(options):
    with pytest.raises(ValueError, match="selection needs"):
        select_best(normal([0.0, 1.0], 5), **({"systems": 2, "indifference": 1.0} | options))
