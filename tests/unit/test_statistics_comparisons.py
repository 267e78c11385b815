"""Differences in pairs and apart, Bonferroni's levels, control variates."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.statistics.comparisons import (
    control_variates,
    independent_difference,
    paired_difference,
    simultaneous_level,
)
from analysis.statistics.intervals import t_interval


def test_pairs_are_judged_by_their_differences():
    a, b = np.array([1.0, 2.0, 3.0]), np.array([2.0, 3.5, 4.0])
    assert paired_difference(a, b).mean == pytest.approx(3.5 / 3)
    assert paired_difference(a, b).half_width == pytest.approx(t_interval(b - a).half_width)
    assert paired_difference(a, a + 1).half_width == 0.0


@pytest.mark.parametrize(("a", "b"), [([1.0], [2.0]), ([1.0, 2.0], [1.0])])
def test_too_few_or_unequal_pairs_are_refused(a, b):
    with pytest.raises(ValueError, match="need"):
        paired_difference(np.array(a), np.array(b))


def test_welch_by_hand():
    """Two samples of a textbook: t 2.2, 6.8 degrees of freedom or so; here against scipy."""
    from scipy.stats import ttest_ind

    rng = np.random.default_rng(1)
    a, b = rng.normal(0, 1, 8), rng.normal(1, 3, 12)
    expected = ttest_ind(b, a, equal_var=False).confidence_interval(0.95)
    found = independent_difference(a, b)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))
    assert independent_difference(np.ones(2), np.ones(3)).half_width == 0.0
    assert independent_difference(np.array([1.0, np.nan]), b).flagged
    with pytest.raises(ValueError, match="too few"):
        independent_difference(np.ones(1), b)


@given(st.integers(1, 50))
def test_simultaneous_levels_share_the_error(count):
    assert (1 - simultaneous_level(0.95, count)) * count == pytest.approx(0.05)


def test_controls_take_out_what_they_explain():
    rng = np.random.default_rng(2)
    control = rng.normal(3, 1, 200)
    values = 10 + 2 * (control - 3) + rng.normal(0, 0.5, 200)
    found = control_variates(values, control[:, None], np.array([3.0]))
    assert found.reduction == pytest.approx(1 + 4 / 0.25, rel=0.3)
    assert found.interval.low <= 10 <= found.interval.high
    assert found.kept == (0,)


def test_controls_that_say_nothing_new_are_left_out():
    rng = np.random.default_rng(3)
    one = rng.normal(size=50)
    found = control_variates(rng.normal(size=50), np.column_stack([one, 2 * one + 1, np.ones(50)]), np.zeros(3))
    assert found.kept == (0,)


def test_controlled_means_hold_as_often_as_they_should():
    rng = np.random.default_rng(4)
    held = 0
    for _ in range(1000):
        controls = rng.normal(size=(12, 2))
        values = controls @ [1.0, -1.0] + rng.normal(size=12)
        found = control_variates(values, controls, np.zeros(2)).interval
        held += found.low <= 0.0 <= found.high
    assert 0.93 <= held / 1000 <= 0.97


def test_controls_need_degrees_of_freedom_and_equal_lengths():
    with pytest.raises(ValueError, match="too few"):
        control_variates(np.array([1.0, 2.0, 4.0]), np.array([[1.0, 2.0], [2.0, 1.0], [0.0, 0.0]]), np.zeros(2))
    with pytest.raises(ValueError, match="shapes"):
        control_variates(np.ones(3), np.ones((2, 1)), np.zeros(1))
