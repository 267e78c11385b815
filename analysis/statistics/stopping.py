"""How many replications are enough for a precision that was asked for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from analysis.statistics.intervals import Interval

LEAST = 5
"""Replications before the rule may hold."""


@dataclass(frozen=True)
class Precision:
    """A relative half-width asked of each figure, by its path, within `most` replications.

    ValueError where a target is not positive, or `most` leaves no room for the rule.
    """

    targets: Mapping[str, float]
    most: int = 50
    level: float = 0.95

    def __post_init__(self) -> None:
        if not self.targets or min(self.targets.values()) <= 0:
            raise ValueError("a precision needs targets above zero")
        if self.most < LEAST + look_ahead(LEAST):
            raise ValueError(f"a precision needs room for {LEAST + look_ahead(LEAST)} replications, not {self.most}")


def look_ahead(n: int) -> int:
    """Further replications over which a precision reached at `n` must stay reached."""
    return max(5, 5 * n // 100)


def enough(precision: Precision, intervals: Mapping[str, Sequence[Interval]]) -> bool:
    """Whether the precision is reached (Hoad, Robinson & Davies 2010): at some n and at all of the look-ahead after it.

    `intervals` holds, for each path, the interval after each replication in turn, `intervals[path][i]` after i + 1.
    Ask after each one: the first time the answer is yes, use all replications so far.
    """
    done = min(len(intervals[path]) for path in precision.targets)
    reached = [
        all(_within(intervals[path][i], target) for path, target in precision.targets.items()) for i in range(done)
    ]
    return any(all(reached[n - 1 :]) for n in range(LEAST, done + 1) if n + look_ahead(n) <= done)


def _within(interval: Interval, target: float) -> bool:
    half_width = interval.half_width
    if interval.flagged or interval.mean is None or half_width is None:
        return False
    return half_width <= target * abs(interval.mean)
