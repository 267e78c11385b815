"""Confidence intervals from independent looks at one figure."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True)
class Interval:
    """An estimate with its confidence interval; None where the data give none.

    `n` counts the looks behind it, `flagged` says that the data cannot carry the interval.
    """

    mean: float | None
    low: float | None
    high: float | None
    level: float
    method: str
    n: int
    flagged: bool = False

    @property
    def half_width(self) -> float | None:
        """Half the width of the interval."""
        return None if self.low is None or self.high is None else (self.high - self.low) / 2

    def as_dict(self) -> dict[str, Any]:
        """The interval as the summary writes it."""
        return dict(vars(self))


def t_interval(values: FloatArray, level: float = 0.95, method: str = "t") -> Interval:
    """Student's interval for a mean of independent values, shape (m,). Flagged where a value is missing (nan)."""
    n = len(values)
    if n == 0 or not np.isfinite(values).all():
        return Interval(None, None, None, level, method, n, flagged=True)
    mean = float(np.mean(values))
    if n == 1:
        return Interval(mean, None, None, level, method, n, flagged=True)
    half = student(level, n - 1) * float(np.std(values, ddof=1)) / math.sqrt(n)
    return Interval(mean, mean - half, mean + half, level, method, n)


def ratio_interval(
    numerators: FloatArray, denominators: FloatArray, level: float = 0.95, method: str = "ratio"
) -> Interval:
    """The interval of sum(numerators) / sum(denominators) over independent clusters, both of shape (m,).

    The variance is that of the residuals numerator - ratio x denominator (Cochran 1977, 6.5), with m - 1 degrees of
    freedom. Flagged where a value is missing (nan), nothing was counted, or fewer than two clusters hold anything.
    """
    n = len(numerators)
    total = float(np.sum(denominators))
    if n == 0 or not (np.isfinite(numerators).all() and math.isfinite(total)) or total == 0:
        return Interval(None, None, None, level, method, n, flagged=True)
    ratio = float(np.sum(numerators)) / total
    if np.count_nonzero(denominators) < 2:
        return Interval(ratio, None, None, level, method, n, flagged=True)
    half = student(level, n - 1) * float(ratio_error(numerators, denominators))
    return Interval(ratio, ratio - half, ratio + half, level, method, n)


def ratio_error(numerators: FloatArray, denominators: FloatArray) -> FloatArray:
    """The standard error of a ratio of sums over clusters; clusters lie along the first axis, shape (m, ...)."""
    n, total = len(numerators), np.sum(denominators, axis=0)
    residuals = numerators - np.sum(numerators, axis=0) / total * denominators
    return np.asarray(np.sqrt(n / (n - 1) * np.sum(residuals**2, axis=0)) / total)


def quantile_interval(
    counts: IntArray,
    edges: FloatArray,
    p: float,
    level: float = 0.95,
    largest: float | None = None,
    method: str = "quantile",
) -> Interval:
    """The quantile `p` of what m independent clusters counted together, with Woodruff's (1952) interval.

    Counts have shape (m, k): histograms over k ascending buckets with edges of shape (k, 2), in seconds. The ends are
    the order statistics at the ranks p -+ t x se, where se is that of the share below the quantile, a ratio over
    clusters with m - 1 degrees of freedom. Ends and estimate are at most `largest`. Flagged, and the end None, where
    a rank falls outside (0, 1); flagged where fewer than two clusters hold anything.
    """
    m, clusters = len(counts), np.sum(counts, axis=1)
    if not np.any(clusters):
        return Interval(None, None, None, level, method, m, flagged=True)
    cumulative = np.cumsum(np.sum(counts, axis=0))

    def at(share: float) -> float | None:
        return _capped(_at_share(cumulative, edges, share), largest) if 0 < share < 1 else None

    if np.count_nonzero(clusters) < 2:
        return Interval(at(p), None, None, level, method, m, flagged=True)
    reach = student(level, m - 1) * float(ratio_error(shares_below(counts, cumulative, p), clusters.astype(float)))
    low, high = at(p - reach), at(p + reach)
    return Interval(at(p), low, high, level, method, m, flagged=low is None or high is None)


def quantile_at(counts: IntArray, edges: FloatArray, p: float) -> float:
    """The quantile `p` of one histogram, counts (k,) over buckets with edges (k, 2); nan where it is empty."""
    cumulative = np.cumsum(counts)
    return _at_share(cumulative, edges, p) if cumulative[-1] else math.nan


def shares_below(counts: IntArray, cumulative: IntArray, p: float) -> FloatArray:
    """How many of each cluster lie below the pooled quantile, shape (m,); a bucket's counts are spread evenly in it."""
    bucket, inside = _place(cumulative, p)
    return np.asarray(np.sum(counts[:, :bucket], axis=1) + inside * counts[:, bucket])


def _place(cumulative: IntArray, share: float) -> tuple[int, float]:
    """The bucket of an order statistic, and how far through the bucket it lies (0 to 1)."""
    rank = share * float(cumulative[-1])
    bucket = int(np.searchsorted(cumulative, rank))
    before = int(cumulative[bucket - 1]) if bucket else 0
    return bucket, (rank - before) / float(cumulative[bucket] - before)


def _at_share(cumulative: IntArray, edges: FloatArray, share: float) -> float:
    bucket, inside = _place(cumulative, share)
    low, high = edges[bucket]
    return 0.0 if low == 0 else float(low + (high - low) * inside)


def _capped(value: float, largest: float | None) -> float:
    return value if largest is None else min(value, largest)


def student(level: float, degrees: float) -> float:
    """Standard errors on either side of a two-sided interval at `level`, with so many degrees of freedom."""
    return float(stdtrit(degrees, 0.5 + level / 2))
