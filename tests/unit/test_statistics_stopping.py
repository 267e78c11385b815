"""When replications are enough."""

import pytest

from analysis.statistics.intervals import Interval
from analysis.statistics.stopping import LEAST, Precision, enough, look_ahead


def intervals(half_widths, mean=10.0, flagged=False):
    return [Interval(mean, mean - half, mean + half, 0.95, "t", n, flagged) for n, half in enumerate(half_widths, 1)]


def first_yes(half_widths, target=0.1, **options):
    every = intervals(half_widths, **options)
    precision = Precision({"x": target})
    return next((n for n in range(1, len(every) + 1) if enough(precision, {"x": every[:n]})), None)


def test_the_precision_must_stay_reached_over_the_look_ahead():
    assert first_yes([9] * 6 + [0.5] * 20) == 7 + look_ahead(7)
    assert first_yes([9] * 6 + [0.5] * 4 + [2.0] + [0.5] * 20) == 12 + look_ahead(12)


def test_no_yes_before_the_least():
    assert first_yes([0.1] * 30) == LEAST + look_ahead(LEAST)


def test_what_is_flagged_or_unknown_does_not_count():
    assert first_yes([0.1] * 30, flagged=True) is None
    nothing = [Interval(None, None, None, 0.95, "t", 1)] * 30
    assert not enough(Precision({"x": 0.1}), {"x": nothing})
    assert first_yes([0.1] * 30, mean=0.0) is None


def test_every_target_counts():
    precision = Precision({"x": 0.1, "y": 0.1})
    good, bad = intervals([0.1] * 20), intervals([5.0] * 20)
    assert enough(precision, {"x": good, "y": good})
    assert not enough(precision, {"x": good, "y": bad})


def test_the_look_ahead_grows_with_the_number():
    assert (look_ahead(10), look_ahead(200)) == (5, 10)


@pytest.mark.parametrize("options", [{"targets": {}}, {"targets": {"x": 0.0}}, {"targets": {"x": 0.1}, "most": 8}])
def test_a_precision_that_asks_nothing_is_refused(options):
    with pytest.raises(ValueError, match="precision needs"):
        Precision(**options)
