"""What differs between systems, and means made sharper by what is known of their inputs."""

import math
from dataclasses import dataclass

import numpy as np

from analysis.statistics.intervals import FloatArray, Interval, student, t_interval


def paired_difference(a: FloatArray, b: FloatArray, level: float = 0.95) -> Interval:
    """Student's interval for the mean of b - a over pairs that share their random numbers, both of shape (m,).

    ValueError for unequal lengths or fewer than two pairs.
    """
    if len(a) != len(b):
        raise ValueError(f"pairs need equally many values, not {len(a)} and {len(b)}")
    _at_least(2, len(a))
    return t_interval(np.asarray(b) - np.asarray(a), level, "paired t")


def independent_difference(a: FloatArray, b: FloatArray, level: float = 0.95) -> Interval:
    """Welch's (1938) interval for mean(b) - mean(a) of independent values, shapes (m,) and (k,).

    ValueError for fewer than two values on either side. Flagged where a value is missing (nan).
    """
    _at_least(2, len(a), len(b))
    n = len(a) + len(b)
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        return Interval(None, None, None, level, "Welch", n, flagged=True)
    difference = float(np.mean(b) - np.mean(a))
    parts = np.array([np.var(a, ddof=1) / len(a), np.var(b, ddof=1) / len(b)])
    squared_error = float(np.sum(parts))
    if squared_error == 0:
        return Interval(difference, difference, difference, level, "Welch", n)
    degrees = squared_error**2 / float(np.sum(parts**2 / np.array([len(a) - 1, len(b) - 1])))
    half = student(level, degrees) * math.sqrt(squared_error)
    return Interval(difference, difference - half, difference + half, level, "Welch", n)


def simultaneous_level(level: float, intervals: int) -> float:
    """The level of each of so many intervals that all hold together at `level` (Bonferroni)."""
    return 1 - (1 - level) / intervals


@dataclass(frozen=True)
class ControlledMean:
    """A mean adjusted by control variates.

    `reduction` is the estimated variance of the plain mean over that of the adjusted one; `kept` are the columns of
    the controls in use, without those that are constant or follow from others.
    """

    interval: Interval
    reduction: float
    kept: tuple[int, ...]


def control_variates(
    values: FloatArray, controls: FloatArray, means: FloatArray, level: float = 0.95
) -> ControlledMean:
    """The mean of values (m,) adjusted by controls (m, q) whose means (q,) are known.

    The adjusted mean is the intercept of the regression on controls - means; its variance is exact, conditional on
    the controls, for normal data, with m - 1 - q degrees of freedom (Lavenberg & Welch 1981; Law 2015, 11.5).
    ValueError for unequal lengths or no degree of freedom left.
    """
    if len(values) != len(controls) or controls.shape[1:] != np.shape(means):
        raise ValueError(f"shapes {values.shape}, {controls.shape}, {np.shape(means)} are not (m,), (m, q), (q,)")
    deviations = controls - means
    kept = _independent_columns(deviations)
    m, degrees = len(values), len(values) - 1 - len(kept)
    _at_least(len(kept) + 2, m)
    design = np.column_stack([np.ones(m), deviations[:, kept]])
    directions, scale = np.linalg.qr(design)
    coefficients = np.linalg.solve(scale, directions.T @ values)
    residual_variance = float(np.sum((values - design @ coefficients) ** 2)) / degrees
    variance = residual_variance * float(np.sum(np.linalg.inv(scale)[0] ** 2))
    mean, half = float(coefficients[0]), student(level, degrees) * math.sqrt(variance)
    plain = float(np.var(values, ddof=1)) / m
    reduction = plain / variance if variance > 0 else math.inf if plain > 0 else 1.0
    return ControlledMean(Interval(mean, mean - half, mean + half, level, "control variates", m), reduction, kept)


def _independent_columns(deviations: FloatArray) -> tuple[int, ...]:
    """The columns that are neither constant nor a combination of a constant and earlier ones."""
    basis = [np.full(len(deviations), 1 / math.sqrt(len(deviations)))]
    kept = []
    for column in range(deviations.shape[1]):
        left = deviations[:, column].copy()
        for direction in basis * 2:  # twice, or rounding would pass for something new
            left -= (direction @ left) * direction
        length = float(np.linalg.norm(left))
        if length > 1e-9 * float(np.linalg.norm(deviations[:, column])):
            kept.append(column)
            basis.append(left / length)
    return tuple(kept)


def _at_least(needed: int, *counts: int) -> None:
    if min(counts) < needed:
        raise ValueError(f"{min(counts)} values are too few: at least {needed} are needed")
