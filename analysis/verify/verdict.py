"""Whether what was measured agrees with theory, in a way that holds for all figures of the table at once.

A figure is suspect where theory lies outside an interval that leaves all figures together a small chance of missing.
What is suspect is measured again with other random numbers, and differs where that interval, too, misses theory. So a
simulator without fault fails with the product of the two chances; the product is kept well under one in a thousand,
because the means of long waits are a little skewed, which Student's intervals do not know.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from analysis.statistics.intervals import FloatArray, student
from analysis.verify.model import ROUNDING, Figure

MISSES = 0.02
"""The chance, over all intervals of one measurement together, that any misses a true theory."""
POWER = 0.9


@dataclass(frozen=True)
class Comparison:
    """A figure by theory and as measured: the mean over independent replications, and its standard error.

    The interval is `mean` -+ `half_width`: Student's, at the level that leaves all figures judged together the chance
    of `MISSES` (Bonferroni), and widened by the figure's allowance.
    """

    model: str
    figure: Figure
    mean: float
    error: float
    half_width: float
    finds: float
    """The smallest relative error of the simulator that would be found nine times in ten."""
    again: bool = False
    """Whether this is the second measurement, the first having been suspect."""

    @property
    def theory(self) -> float:
        """What theory says."""
        return self.figure.theory

    @property
    def z(self) -> float | None:
        """Standard errors from theory; None where nothing was left to chance."""
        return (self.mean - self.theory) / self.error if self.error > ROUNDING * abs(self.theory) else None

    @property
    def agrees(self) -> bool:
        """Whether the interval holds theory. What was never measured (nan) does not agree."""
        return abs(self.mean - self.theory) <= self.half_width


def compare(model: str, figure: Figure, values: FloatArray, judged: int, *, again: bool = False) -> Comparison:
    """Hold the values of a figure, one a replication, against theory; `judged` figures are judged together."""
    degrees = len(values) - 1
    mean, error = float(np.mean(values)), float(np.std(values, ddof=1)) / math.sqrt(len(values))
    allowed = figure.allowance * abs(figure.theory)
    half_width = student(1.0 - MISSES / judged, degrees) * error + allowed
    finds = (half_width + student(2.0 * POWER - 1.0, degrees) * error) / abs(figure.theory)
    return Comparison(model, figure, mean, error, half_width, finds, again)


def typical(comparisons: Sequence[Comparison]) -> float:
    """The median of the errors that would be found."""
    return float(np.median([each.finds for each in comparisons]))
