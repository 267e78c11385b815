"""What consecutive batches of one run say of each other, and how many independent observations they are worth."""

import math

import numpy as np

from analysis.statistics.intervals import FloatArray, IntArray, student

COARSE = 32
"""Batches whose spread gives the error: few enough to be nearly independent, enough for a steady estimate."""
UPPER = 0.25
"""The share of largest observations whose coming and going tells how long a run remembers."""


def merged(batches: FloatArray | IntArray, coarse: int = COARSE) -> FloatArray:
    """Sums over neighbours along the first axis, of equally many each: at least `coarse` where there are so many."""
    size = max(1, len(batches) // coarse)
    groups = len(batches) // size
    return np.asarray(np.add.reduceat(batches, np.arange(groups) * size, axis=0))


def deviations(numerators: FloatArray, weights: FloatArray) -> FloatArray:
    """By how much each batch moves the ratio of sums away from itself: shape (m, ...), mean zero.

    The ratio's error is that of the mean of these residuals (Cochran 1977, 6.5); `weights` has shape (m, 1, ...).
    """
    ratio = np.sum(numerators, axis=0) / np.sum(weights, axis=0)
    return np.asarray((numerators - ratio * weights) / np.mean(weights, axis=0))


def lag_one(centered: FloatArray) -> FloatArray:
    """The correlation of neighbours along the first axis, corrected for its bias of -1/m; 0 where nothing varies."""
    squares = np.sum(centered * centered, axis=0)
    products = np.sum(centered[1:] * centered[:-1], axis=0)
    return np.asarray(np.where(squares > 0, products / np.where(squares > 0, squares, 1.0) + 1 / len(centered), 0.0))


def reach(centered: FloatArray, level: float) -> tuple[FloatArray, FloatArray]:
    """How far an interval for the mean goes down and up from it, from batches (m, ...) less their mean.

    Student's interval of batch means, adjusted as in N-Skart (Tafazzoli, Steiger & Wilson 2011): the variance by
    (1 + r)/(1 - r) for what correlation r of neighbours is left, never downwards, and the quantiles by Willink's
    (2005) inverse of Johnson's (1978) statistic for skewness.
    """
    m = len(centered)
    squares = np.sum(centered * centered, axis=0)
    cubes = np.sum(centered * centered * centered, axis=0)
    correlation = np.clip(lag_one(centered), 0.0, 0.9)
    error = np.sqrt(squares / (m - 1) / m * (1 + correlation) / (1 - correlation))
    bias = m * math.sqrt(m - 1) / (m - 2)
    skewness = bias * cubes / np.where(squares > 0, squares, 1.0) ** 1.5
    t = student(level, m - 1)
    return error * _adjusted(t, skewness, m), -error * _adjusted(-t, skewness, m)


def _adjusted(t: float, skewness: FloatArray, m: int) -> FloatArray:
    b = skewness / (6 * math.sqrt(m))
    b = np.where(np.abs(b) < 1e-6, 1e-6, b)
    return np.asarray((np.cbrt(1 + 6 * b * (t - b)) - 1) / (2 * b))


def worth(counts: IntArray) -> float:
    """How many independent observations a run's are worth: histograms of m batches, shape (m, k), buckets ascending.

    Their number over the design effect (Kish 1965) of the share of the largest quarter: what the share's variance over
    batches is, to what it would be without dependence. A share is bounded, and so a run that has missed a rare
    excursion does not pass for one without: an error estimated from the figure itself would let pass the very runs
    that underestimate it. Where fewer than a quarter differ from the smallest, the worth falls with their share.
    """
    numbers = counts.sum(axis=1).astype(float)
    total = numbers.sum()
    over = total - np.cumsum(counts.sum(axis=0))
    inside = np.flatnonzero((over > 0) & (over < total))
    if len(counts) < 2 or not len(inside):
        return math.inf if total and len(counts) > 1 else 0.0
    bucket = inside[np.argmin(np.abs(over[inside] / total - UPPER))]
    share = float(over[bucket] / total)
    spread = deviations(counts[:, bucket + 1 :].sum(axis=1).astype(float), numbers)
    variance = float(np.sum(spread**2)) / (len(spread) - 1)
    if variance == 0:
        return math.inf
    return len(spread) * share * (1 - share) / variance * min(1.0, share / UPPER)
