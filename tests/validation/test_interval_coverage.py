"""How often intervals hold what they should: those of one long run's batches, and those of replications.

A case runs with so many fixed seeds. Of a thousand 95 % intervals the share that holds has a standard error of 0.7 %.
`pytest -s` prints the figures.
"""

import math
import sys
import zlib

import numpy as np
import pytest
from validation.single_queue import (
    RESPONSE,
    WAIT,
    figures_of_one_run,
    interval_of_one_run,
    interval_of_replications,
    language_model,
    many,
    mm1,
    mm1_figures,
)

LEAST, MOST = 0.93, 0.97
ALLOWED = 3.0
"""Standard errors by which the few runs of a quick test may miss the bounds."""
TTFT = "services.s.ttft_s"


class Coverage:
    """What became of intervals: rows of estimate, low, high, flag for each run and figure, against the truth."""

    def __init__(self, case, intervals, truth):
        self.case, self.figures, self.runs = case, list(truth), len(intervals)
        found = np.array(intervals, float)
        self._flagged = found[..., 3] > 0
        self._holds = (found[..., 1] <= list(truth.values())) & (list(truth.values()) <= found[..., 2])
        for figure in self.figures:
            sys.stdout.write(
                f"  {case:24s} {figure:26s} flagged {self.flagged(figure):6.1%}  all hold {self.of_all(figure):6.1%}"
                f"  unflagged hold {self.share(figure):6.1%}\n"
            )

    def _at(self, figure):
        at = self.figures.index(figure)
        return self._holds[:, at], self._flagged[:, at]

    def flagged(self, figure):
        return self._at(figure)[1].mean()

    def of_all(self, figure):
        return self._at(figure)[0].mean()

    def share(self, figure):
        """The share of the unflagged intervals that hold the truth."""
        holds, flagged = self._at(figure)
        return holds[~flagged].mean() if (~flagged).any() else math.nan

    def expect(self, figure, allowed=0.0):
        """The unflagged intervals hold as often as they should; `allowed` standard errors off the bounds."""
        error = math.sqrt(0.05 * 0.95 / np.count_nonzero(~self._at(figure)[1]))
        assert LEAST - allowed * error <= self.share(figure) <= MOST + allowed * error, (self.case, figure)


def one_run_each(case, scenario, runs, truth):
    first = zlib.crc32(case.encode())
    tasks = [(scenario, first + number, list(truth)) for number in range(runs)]
    return Coverage(case, many(interval_of_one_run, tasks), truth)


LONG_ENOUGH = [(0.5, 1e4), (0.5, 1e5), (0.8, 1e5), (0.9, 3e5)]
TOO_SHORT = [(0.5, 1e3), (0.8, 1e3), (0.8, 1e4), (0.9, 1e3), (0.9, 1e4), (0.9, 1e5)]


@pytest.mark.slow
@pytest.mark.parametrize(("rho", "requests"), LONG_ENOUGH)
def test_unflagged_intervals_of_one_run_hold(rho, requests):
    found = one_run_each(f"M/M/1 {rho} n {requests:g}", mm1(rho, requests), 1000, mm1_figures(rho))
    for figure in found.figures:
        found.expect(figure)
    if (rho, requests) == (0.8, 1e5):
        assert max(map(found.flagged, found.figures)) <= 0.05


@pytest.mark.slow
@pytest.mark.parametrize(("rho", "requests"), TOO_SHORT)
def test_runs_that_are_too_short_are_flagged(rho, requests):
    found = one_run_each(f"M/M/1 {rho} n {requests:g}", mm1(rho, requests), 200, mm1_figures(rho))
    assert min(map(found.flagged, found.figures)) > 0.95


@pytest.mark.slow
def test_unflagged_intervals_of_a_language_model_hold():
    """The truth is a run of 2e7 requests with a seed of its own; its error is a fourteenth of that of a run."""
    figures = [f"{TTFT}.mean", f"{RESPONSE}.mean", f"{TTFT}.p99", f"{RESPONSE}.p99"]
    truth = dict(zip(figures, figures_of_one_run(language_model(2e7), 20270104, figures), strict=True))
    found = one_run_each("language model n 1e5", language_model(1e5), 1000, truth)
    for figure in figures:
        found.expect(figure)


@pytest.mark.slow
def test_intervals_of_replications_hold():
    """Ten replications of 1e4 requests: a ratio of sums for the mean, a pooled quantile for p99."""
    truth, first = mm1_figures(0.8), zlib.crc32(b"replications")
    scenario = mm1(0.8, 1e4)
    tasks = [(scenario, range(first + 10 * trial, first + 10 * trial + 10), list(truth)) for trial in range(1000)]
    found = Coverage("10 x M/M/1 0.8 n 1e4", many(interval_of_replications, tasks), truth)
    for figure in truth:
        found.expect(figure)


def test_the_guard_tells_a_long_run_from_a_short_one():
    long = one_run_each("M/M/1 0.8 n 1e5", mm1(0.8, 1e5), 60, mm1_figures(0.8))
    for figure in long.figures:
        long.expect(figure, ALLOWED)
        assert long.flagged(figure) <= 0.15
    short = one_run_each("M/M/1 0.9 n 1e3", mm1(0.9, 1e3), 30, mm1_figures(0.9))
    assert min(map(short.flagged, short.figures)) > 0.8
    assert short.of_all(f"{WAIT}.p99") < 0.5
