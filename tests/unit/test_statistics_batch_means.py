"""Intervals of one run: properties, the guard, and coverage where the truth is known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.statistics.batch_means import as_share, batch_mean, batch_means, batch_quantile, batch_quantiles
from analysis.statistics.dependence import lag_one, merged, reach, worth
from analysis.statistics.intervals import t_interval

BATCHES = 64
VALUES = st.lists(st.floats(0.1, 100), min_size=BATCHES, max_size=BATCHES)


def autoregressive(rng, correlation, n=BATCHES):
    noise = rng.normal(size=n)
    for at in range(1, n):
        noise[at] = correlation * noise[at - 1] + np.sqrt(1 - correlation**2) * noise[at]
    return noise


@given(VALUES, st.floats(0.01, 100))
def test_an_interval_holds_its_mean_and_scales(values, factor):
    one, other = (batch_mean(np.array(values) * each, np.ones(BATCHES)) for each in (1.0, factor))
    assert one.low <= one.mean <= one.high
    assert other.mean == pytest.approx(factor * one.mean)
    assert other.high - other.low == pytest.approx(factor * (one.high - one.low), rel=1e-6, abs=1e-9)
    assert one.n == BATCHES


@given(VALUES, VALUES)
def test_many_at_once_are_as_one_by_one(values, weights):
    numerators, sizes = np.column_stack([values, weights]), np.column_stack([weights, values])
    both = batch_means(numerators, sizes, np.array([1e9, 10.0]))
    for at, independent in enumerate((1e9, 10.0)):
        alone = batch_mean(numerators[:, at], sizes[:, at], independent=independent)
        assert (both[at].low, both[at].high) == pytest.approx((alone.low, alone.high))
        assert both[at].flagged == alone.flagged


def test_a_constant_has_no_width_and_is_not_flagged():
    found = batch_mean(np.full(BATCHES, 0.1) * 7, np.full(BATCHES, 7.0))
    assert found.low == found.mean == found.high == pytest.approx(0.1)
    assert not found.flagged


def test_batches_without_requests_count_nothing():
    values, weights = np.tile([3.0, 0.0], 32), np.tile([1.0, 0.0], 32)
    found = batch_mean(values, weights)
    assert found.mean == 3.0
    assert not found.flagged
    few = np.zeros(BATCHES)
    few[:5] = 1.0
    assert batch_mean(3 * few, few).low is None
    assert batch_mean(few, np.zeros(BATCHES)).mean is None
    assert batch_mean(np.full(BATCHES, np.nan), np.ones(BATCHES)).flagged
    assert batch_mean(np.zeros(0), np.zeros(0)).mean is None


def test_what_is_worth_too_little_or_depends_is_flagged():
    rng = np.random.default_rng(1)
    values = rng.normal(10, 1, BATCHES)
    assert not batch_mean(values, np.ones(BATCHES), independent=5000.0).flagged
    assert batch_mean(values, np.ones(BATCHES), independent=100.0).flagged
    assert batch_mean(np.linspace(0, 1, BATCHES), np.ones(BATCHES)).flagged


def test_few_batches_give_no_interval():
    assert batch_mean(np.arange(1.0, 11.0), np.ones(10)).low is None


@pytest.mark.parametrize(("correlation", "least"), [(0.0, 0.93), (0.3, 0.90)])
def test_means_of_normal_batches_hold_as_often_as_they_should(correlation, least):
    """Merging and the adjustment see neighbours that depend on each other; without them 0.3 would leave 0.85."""
    rng = np.random.default_rng(7)
    runs = np.column_stack([autoregressive(rng, correlation) for _ in range(1000)])
    found = batch_means(runs + 5.0, np.ones_like(runs), np.full(1000, np.inf))
    held = np.mean([each.low <= 5.0 <= each.high for each in found if not each.flagged])
    assert least <= held <= 0.98
    assert np.mean([each.flagged for each in found]) <= (0.02 if correlation == 0.0 else 0.15)


def test_skewness_moves_an_interval_to_the_long_tail():
    rng = np.random.default_rng(2)
    runs = rng.exponential(1.0, (BATCHES, 1000)) ** 2
    found = batch_means(runs, np.ones_like(runs), np.full(1000, np.inf))
    adjusted = np.mean([each.low <= 2.0 <= each.high for each in found])
    plain = np.mean([each.low <= 2.0 <= each.high for each in map(t_interval, runs.T)])
    assert plain < adjusted
    assert adjusted > 0.91


def test_merging_keeps_sums():
    values = np.arange(70.0).reshape(70, 1)
    assert len(merged(values)) == 35
    assert merged(values).sum() == values.sum()
    assert len(merged(values[:20])) == 20
    assert len(merged(values[:67])) == 33


def test_the_correlation_of_neighbours():
    alternating = np.tile([1.0, -1.0], 16)
    assert lag_one(alternating) == pytest.approx(-31 / 32 + 1 / 32)
    assert lag_one(np.zeros(32)) == 0.0
    assert reach(alternating, 0.95)[0] > 0


def histograms(values, edges):
    return np.array([np.histogram(batch, edges)[0] for batch in values])


def test_independent_requests_are_worth_their_number():
    rng = np.random.default_rng(5)
    found = [worth(histograms(rng.exponential(size=(BATCHES, 100)), np.linspace(0, 20, 400))) for _ in range(50)]
    assert np.mean(found) == pytest.approx(6400, rel=0.1)


def test_requests_that_come_in_tens_alike_are_worth_a_tenth():
    rng = np.random.default_rng(6)
    edges = np.linspace(0, 20, 400)
    found = [worth(histograms(np.repeat(rng.exponential(size=(BATCHES, 10)), 10, axis=1), edges)) for _ in range(50)]
    assert np.mean(found) == pytest.approx(640, rel=0.1)


def test_what_is_rare_is_worth_less():
    rng = np.random.default_rng(6)
    counts = np.column_stack([rng.binomial(1000, 0.99, BATCHES), np.zeros(BATCHES, int)])
    counts[:, 1] = 1000 - counts[:, 0]
    assert worth(counts) < 0.1 * counts.sum()
    assert worth(np.full((BATCHES, 1), 10)) == np.inf
    assert worth(np.zeros((BATCHES, 3), int)) == 0.0


def test_quantiles_hold_as_often_as_they_should():
    rng = np.random.default_rng(8)
    bounds = np.concatenate([[0.0], np.geomspace(0.05, 12, 500)])
    edges = np.column_stack([bounds[:-1], bounds[1:]])
    levels, held, flagged, runs = [0.5, 0.9, 0.99], np.zeros(3), np.zeros(3), 300
    for _ in range(runs):
        counts = histograms(rng.exponential(size=(BATCHES, 60)), bounds)
        found = batch_quantiles(counts, edges, levels)
        flagged += [each.flagged for each in found]
        held += [each.low <= -np.log(1 - p) <= each.high for each, p in zip(found, levels, strict=True)]
    assert np.all(np.abs(held / runs - 0.95) <= 0.04)
    assert np.all(flagged / runs <= 0.05)


@given(st.integers(0, 1000), st.floats(0.01, 0.99))
def test_a_quantile_lies_in_its_interval(seed, p):
    rng = np.random.default_rng(seed)
    bounds = np.linspace(0, 8, 80)
    counts = histograms(rng.exponential(size=(BATCHES, 30)), bounds)
    found = batch_quantile(counts, np.column_stack([bounds[:-1], bounds[1:]]), p)
    assert found.low <= found.mean <= found.high


def test_quantiles_of_zeros_and_of_nothing():
    edges = np.array([[0.0, 1e-6], [1.0, 2.0]])
    counts = np.tile([90, 10], (BATCHES, 1))
    found = batch_quantiles(counts, edges, [0.5, 0.95])
    assert found[0].mean == found[0].low == found[0].high == 0.0
    assert 1.0 <= found[1].mean <= 2.0
    assert batch_quantile(np.zeros((BATCHES, 2), int), edges, 0.5).mean is None
    assert batch_quantile(counts[:5], edges, 0.5).low is None


def test_a_tail_of_too_few_is_flagged():
    rng = np.random.default_rng(3)
    bounds = np.linspace(0, 15, 500)
    counts = histograms(rng.exponential(size=(BATCHES, 100)), bounds)
    edges = np.column_stack([bounds[:-1], bounds[1:]])
    flags = [each.flagged for each in batch_quantiles(counts, edges, [0.5, 0.99, 0.999])]
    assert flags == [False, False, True]


def test_a_share_of_one_has_the_interval_of_what_was_not_seen():
    everything = batch_mean(np.full(BATCHES, 50.0), np.full(BATCHES, 50.0), independent=3200.0)
    found = as_share(everything, 3200.0)
    assert found.high == 1.0
    assert found.low == pytest.approx(1 - 3.689 / 3200, rel=1e-3)
    assert not found.flagged
    assert as_share(batch_mean(np.ones(BATCHES), np.ones(BATCHES), independent=20.0), 20.0).flagged


def test_a_share_with_few_on_the_rarer_side_is_flagged():
    rng = np.random.default_rng(9)
    for share, flagged in ((0.9, False), (0.999, True)):
        met = rng.binomial(100, share, BATCHES).astype(float)
        found = as_share(batch_mean(met, np.full(BATCHES, 100.0), independent=6400.0), 6400.0)
        assert found.flagged is flagged
        assert 0.0 <= found.low <= found.high <= 1.0
