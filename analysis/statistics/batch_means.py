"""Intervals of one long run, from its batches, with a guard for what the run is too short to carry."""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from analysis.statistics.dependence import deviations, lag_one, merged, reach, worth
from analysis.statistics.intervals import FloatArray, IntArray, Interval

METHOD = "batch means"
FEWEST = 20
"""Batches below which neither their spread nor their dependence is known."""
ENOUGH = 1000.0
"""Independent observations for an interval that holds at its level (tests/validation/README.md)."""
BEYOND = 12.0
"""Independent observations that must lie beyond a quantile."""
DEPENDENT = 0.4
"""A correlation of neighbouring batches that chance brings in one case of a hundred."""


def batch_mean(
    numerators: FloatArray, weights: FloatArray, level: float = 0.95, independent: float = math.inf
) -> Interval:
    """The ratio sum(numerators) / sum(weights) over the batches of one run, both of shape (m,).

    `independent` says how many independent observations the run is `worth`, where that is known. Flagged where they
    are too few, where neighbouring batches depend on each other, or a value is missing (nan).
    """
    return batch_means(numerators[:, None], weights[:, None], np.array([independent]), level)[0]


def batch_means(
    numerators: FloatArray, weights: FloatArray, independent: FloatArray, level: float = 0.95
) -> list[Interval]:
    """Many ratios at once, as `batch_mean` has each: shapes (m, f), (m, f) and (f,)."""
    m, totals = len(numerators), np.sum(weights, axis=0)
    if m == 0:
        return [Interval(None, None, None, level, METHOD, 0, flagged=True) for _ in independent]
    known = np.isfinite(numerators).all(axis=0) & np.isfinite(totals) & (totals != 0)
    usable = known & (np.count_nonzero(weights, axis=0) >= FEWEST)
    ratio = np.where(known, np.sum(np.where(known, numerators, 0.0), axis=0) / np.where(known, totals, 1.0), 0.0)
    centered = deviations(merged(np.where(usable, numerators, 1.0)), merged(np.where(usable, weights, 1.0)))
    centered[:, np.max(np.abs(centered), axis=0) <= ROUNDING * np.abs(ratio)] = 0.0
    down, up = reach(centered, level)
    flagged = ~usable | (independent < ENOUGH) | (lag_one(centered) > DEPENDENT)
    columns = (known, usable, ratio, ratio - down, ratio + up, flagged)
    return [
        Interval(
            mean if is_known else None, low if is_usable else None, high if is_usable else None, level, METHOD, m, flag
        )
        for is_known, is_usable, mean, low, high, flag in zip(*(each.tolist() for each in columns), strict=True)
    ]


ROUNDING = 1e-12
"""Relative differences that are no differences."""


def as_share(interval: Interval, independent: float) -> Interval:
    """The interval of a share of the requests of one run, such as an attainment, made of that of a mean.

    Flagged also where too few of the independent requests are on the rarer side. A share of 0 or 1 has the exact
    binomial interval of so many independent requests (Clopper & Pearson 1934).
    """
    mean, low, high = interval.mean, interval.low, interval.high
    if mean is None or low is None or high is None:
        return interval
    if mean in (0.0, 1.0):
        unseen = 1.0 - ((1.0 - interval.level) / 2) ** (1.0 / max(independent, 1.0))
        low, high = (0.0, unseen) if mean == 0.0 else (1.0 - unseen, 1.0)
        return replace(interval, low=low, high=high)
    rare = independent * min(mean, 1.0 - mean) < BEYOND
    return replace(interval, low=max(0.0, low), high=min(1.0, high), flagged=interval.flagged or rare)


def batch_quantile(counts: IntArray, edges: FloatArray, p: float, level: float = 0.95) -> Interval:
    """The quantile `p` of one run, from the histograms of its batches, as `batch_quantiles` has it."""
    return batch_quantiles(counts, edges, [p], level)[0]


def batch_quantiles(
    counts: IntArray, edges: FloatArray, levels: Sequence[float], level: float = 0.95
) -> list[Interval]:
    """Quantiles of one run: counts (m, k) of m batches over k ascending buckets with edges (k, 2), in seconds.

    The interval holds every value x for which the interval of the share over x, a ratio over batches, holds 1 - p: the
    test is inverted (Woodruff 1952), with the error at x and not at the estimate, where the tail may look thin
    or thick by chance. Flagged where too little lies beyond the quantile, or neighbouring batches depend on each other.
    """
    m, total = len(counts), counts.sum()
    if total == 0:
        return [Interval(None, None, None, level, METHOD, m, flagged=True) for _ in levels]
    over = np.concatenate([[total], total - np.cumsum(counts.sum(axis=0))]) / total
    if np.count_nonzero(counts.sum(axis=1)) < FEWEST:
        estimates = (_crossing(over, edges, 1 - p) for p in levels)
        return [Interval(value, None, None, level, METHOD, m, flagged=True) for value in estimates]
    coarse = merged(counts)
    numbers = coarse.sum(axis=1, keepdims=True).astype(float)
    tails = numbers - np.cumsum(coarse, axis=1)
    centered = deviations(np.concatenate([numbers, tails], axis=1), numbers)
    down, up = reach(centered, level)
    independent, correlation = worth(counts), lag_one(centered)
    found = []
    for p in levels:
        at = int(np.searchsorted(-over, p - 1))
        short = independent * min(p, 1 - p) < BEYOND or independent < ENOUGH
        flagged = short or bool(correlation[at - 1] > DEPENDENT)
        low, mean, high = (_crossing(shares, edges, 1 - p, at) for shares in (over - down, over, over + up))
        found.append(Interval(mean, min(low, mean), max(mean, high), level, METHOD, m, flagged=flagged))
    return found


def _crossing(shares: FloatArray, edges: FloatArray, share: float, at: int | None = None) -> float:
    """Where the share over x falls to `share`, nearest to the boundary `at`: shares at the k + 1 boundaries, in s."""
    at = int(np.searchsorted(-shares, -share)) if at is None else at
    while at < len(edges) and shares[at] > share:
        at += 1
    while at > 1 and shares[at - 1] <= share:
        at -= 1
    low, high = edges[at - 1]
    before, after = shares[at - 1], shares[at]
    inside = 1.0 if before <= after else (before - share) / (before - after)
    return 0.0 if low == 0 else float(low + (high - low) * min(max(inside, 0.0), 1.0))
