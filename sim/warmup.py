"""Where a run that started away from its usual state has reached it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

AVERAGED = 5
FEWEST = 10
"""Averages of five below which nothing can be said."""


@dataclass(frozen=True)
class Truncation:
    """How many observations to leave out at the start, and whether the series is long enough to tell."""

    index: int
    reliable: bool


def mser5(series: NDArray[np.float64]) -> Truncation:
    """The truncation of a series of equally spaced observations, shape (n,), by MSER-5 (White 1997).

    It minimises the standard error of the mean of what is left, over averages of five. Only the first half is
    searched: a minimum at its end says that the series is too short (Hoad, Robinson & Davies 2010).
    """
    n = len(series) // AVERAGED
    if n < FEWEST:
        return Truncation(0, reliable=False)
    averages = np.reshape(series[: n * AVERAGED], (n, AVERAGED)).mean(axis=1)
    if np.ptp(averages) == 0:
        return Truncation(0, reliable=True)
    centered = (averages - averages.mean())[::-1]
    left = np.arange(1, n + 1)
    squares = np.cumsum(centered**2) - np.cumsum(centered) ** 2 / left
    errors = (squares / left**2)[::-1][: n // 2 + 1]
    start = int(np.argmin(errors))
    return Truncation(start * AVERAGED, reliable=start < n // 2)
