"""Intervals from independent looks: against textbook figures, and properties."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.statistics.intervals import quantile_at, quantile_interval, ratio_interval, student, t_interval

VALUES = st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=30)


def test_a_t_interval_by_hand():
    found = t_interval(np.array([1.0, 2.0, 3.0, 4.0]))
    assert (found.mean, found.n, found.flagged) == (2.5, 4, False)
    assert found.half_width == pytest.approx(3.182446 * 1.290994 / 2, rel=1e-6)
    assert found.as_dict()["level"] == 0.95


@given(VALUES, st.floats(0.5, 0.99))
def test_a_higher_level_is_wider(values, level):
    narrow, wide = (t_interval(np.array(values), each) for each in (level, level + 0.005))
    assert narrow.low <= narrow.mean <= narrow.high
    assert wide.low <= narrow.low
    assert narrow.high <= wide.high


@pytest.mark.parametrize(("values", "mean"), [([], None), ([1.0, np.nan], None), ([3.0], 3.0)])
def test_what_gives_no_interval_is_flagged(values, mean):
    found = t_interval(np.array(values))
    assert (found.mean, found.low, found.half_width, found.flagged) == (mean, None, None, True)


@given(st.lists(st.floats(0, 100), min_size=3, max_size=20))
def test_a_ratio_over_equal_clusters_is_a_mean(values):
    mean, ratio = t_interval(np.array(values)), ratio_interval(np.array(values), np.ones(len(values)))
    assert ratio.mean == pytest.approx(mean.mean)
    assert ratio.half_width == pytest.approx(mean.half_width, abs=1e-9)


def test_a_ratio_needs_two_clusters_that_hold_something():
    assert ratio_interval(np.array([1.0, 0.0]), np.array([2.0, 0.0])).mean == 0.5
    assert ratio_interval(np.array([1.0, 0.0]), np.array([2.0, 0.0])).flagged
    assert ratio_interval(np.zeros(3), np.zeros(3)).mean is None


def test_ratios_hold_as_often_as_they_should():
    """Clusters of unequal size with a mean of their own: the truth is the ratio of expectations."""
    rng = np.random.default_rng(4)
    held = 0
    for _ in range(400):
        sizes = rng.poisson(50, 20) + 1
        totals = sizes * (2 + rng.normal(0, 0.3, 20))
        found = ratio_interval(totals, sizes.astype(float))
        held += found.low <= 2.0 <= found.high
    assert 0.95 - 3 * 0.011 <= held / 400 <= 0.95 + 3 * 0.011


EDGES = np.array([[0.0, 1.0], [1.0, 2.0], [2.0, 4.0]])


def test_a_quantile_is_interpolated_in_its_bucket():
    counts = np.array([1, 2, 1])
    assert quantile_at(counts, EDGES, 0.5) == pytest.approx(1.5)
    assert quantile_at(counts, EDGES, 0.875) == pytest.approx(3.0)
    assert np.isnan(quantile_at(np.zeros(3, int), EDGES, 0.5))


def test_a_quantile_that_the_data_do_not_reach_is_flagged():
    counts = np.array([[5, 1, 0], [2, 3, 1], [6, 0, 1]])
    found = quantile_interval(counts, EDGES, 0.99)
    assert found.flagged
    assert found.high is None
    assert quantile_interval(np.zeros((3, 3), int), EDGES, 0.5).mean is None


def test_order_statistics_of_independent_values():
    """Each value a cluster of its own: the ranks are those of the binomial's normal approximation."""
    values = np.arange(1, 1001)
    edges = np.column_stack([values - 0.5, values + 0.5])
    found = quantile_interval(np.eye(1000, dtype=int), edges, 0.5)
    reach = student(0.95, 999) * np.sqrt(1000 / 999 * 0.25 / 1000) * 1000
    assert found.low == pytest.approx(500.5 - reach, abs=0.6)
    assert found.high == pytest.approx(500.5 + reach, abs=0.6)
