"""Systems against a baseline, figure by figure: differences with intervals that hold together."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from analysis.sample import FigureError, Sample
from analysis.statistics.comparisons import (
    control_variates,
    independent_difference,
    paired_difference,
    simultaneous_level,
)
from analysis.statistics.intervals import FloatArray, IntArray, Interval

if TYPE_CHECKING:
    import pandas as pd

FEWEST = 2
PAIRS_PER_CONTROL = 10
"""Pairs that each control variate needs, so that estimating its weight costs less than it gains."""
NO_MEANS: Mapping[str, float] = {}


def compared(
    baseline: Sample,
    others: Mapping[str, Sample],
    metrics: Sequence[str],
    level: float = 0.95,
    *,
    among: int | None = None,
    known_means: Mapping[str, float] = NO_MEANS,
) -> "pd.DataFrame":
    """Differences of systems to a baseline: one row a metric and system, in that order.

    Columns: system, metric, baseline, value, difference, low, high, level, method, n, flagged. Replications with the
    same seed are paired; where two systems share fewer than two seeds, Welch's interval for independent ones stands
    instead. All intervals hold together at `level`, `among` so many (default: as many as there are rows). `known_means`
    are the expectations of figures of the baseline that are known exactly, such as the offered rate of a Poisson
    stream: pairs use them as control variates where there are enough of them. A figure that one side lacks gives a row
    without a difference. Raises FigureError for a metric that the baseline does not have.
    """
    import pandas as pd

    paths = [baseline.resolve(metric) for metric in metrics]
    each = simultaneous_level(level, among or max(1, len(others) * len(paths)))
    found = []
    for path in paths:
        for label, other in others.items():
            interval, values = _difference(baseline, other, path, each, known_means)
            found.append(
                {
                    "system": label,
                    "metric": path,
                    "baseline": values[0],
                    "value": values[1],
                    "difference": interval.mean,
                    "low": interval.low,
                    "high": interval.high,
                    "level": level,
                    "method": interval.method,
                    "n": interval.n,
                    "flagged": interval.flagged,
                }
            )
    return pd.DataFrame(found)


def rows(table: "pd.DataFrame") -> list[dict[str, Any]]:
    """The rows of a comparison as JSON holds them: null where a figure is unknown."""
    numbers = ("baseline", "value", "difference", "low", "high")
    return [
        {str(name): None if name in numbers and not _known(value) else value for name, value in row.items()}
        for row in table.to_dict("records")
    ]


def shared_seeds(one: Sample, other: Sample) -> tuple[IntArray, IntArray]:
    """Where the replications with common seeds stand in each sample, both of shape (pairs,)."""
    at = {seed: place for place, seed in enumerate(other.seeds)}
    pairs = [(place, at[seed]) for place, seed in enumerate(one.seeds) if seed in at]
    columns = np.array(pairs, np.int64).reshape(-1, 2)
    return columns[:, 0], columns[:, 1]


def _difference(
    baseline: Sample, other: Sample, path: str, level: float, known_means: Mapping[str, float]
) -> tuple[Interval, tuple[float | None, float | None]]:
    values = baseline.estimate(path).mean, _estimate(other, path)
    if None in values:
        return Interval(None, None, None, level, "none", 0, flagged=True), values
    a, b = baseline.pseudo_values(path), other.pseudo_values(path)
    first, second = shared_seeds(baseline, other)
    if len(first) >= FEWEST:
        return _paired(baseline, a[first], b[second], first, level, known_means), values
    if min(len(a), len(b)) < FEWEST:
        plain = float(np.mean(b) - np.mean(a))
        return Interval(plain, None, None, level, "none", min(len(a), len(b)), flagged=True), values
    return independent_difference(a, b, level), values


def _paired(
    baseline: Sample, a: FloatArray, b: FloatArray, first: IntArray, level: float, known_means: Mapping[str, float]
) -> Interval:
    controls = {path: baseline.figures[path][first] for path in known_means if path in baseline.figures}
    if not controls or len(a) < PAIRS_PER_CONTROL * len(controls) or not np.isfinite(b - a).all():
        return paired_difference(a, b, level)
    means = np.array([known_means[path] for path in controls])
    found = control_variates(b - a, np.column_stack(list(controls.values())), means, level)
    interval = found.interval
    return Interval(interval.mean, interval.low, interval.high, level, "paired t, control variates", interval.n)


def _estimate(sample: Sample, path: str) -> float | None:
    try:
        return sample.estimate(path).mean
    except FigureError:
        return None


def _known(value: Any) -> bool:
    return value is not None and bool(np.isfinite(value))
