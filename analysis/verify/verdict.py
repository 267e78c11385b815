"""Whether what was measured agrees with theory, in a way that holds for all figures of the table at once."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from analysis.statistics.intervals import FloatArray, student
from analysis.verify.model import ROUNDING, Figure, Model

FALSE_ALARM = 1e-3
"""The chance, at most, that a simulator without fault fails anywhere in the table."""
POWER = 0.9


@dataclass(frozen=True)
class Comparison:
    """A figure by theory and as measured: the mean over independent replications, and its standard error.

    The interval is `mean` -+ `half_width`: Student's, at the level that gives all figures of the table together one
    chance in a thousand to miss (Bonferroni), and widened by the figure's allowance. They agree where it holds theory.
    """

    model: str
    figure: str
    theory: float
    mean: float
    error: float
    half_width: float
    finds: float
    """The smallest relative error of the simulator that would be found nine times in ten."""

    @property
    def z(self) -> float | None:
        """Standard errors from theory; None where nothing was left to chance."""
        return (self.mean - self.theory) / self.error if self.error > ROUNDING * abs(self.theory) else None

    @property
    def agrees(self) -> bool:
        """Whether the interval holds theory. What was never measured (nan) does not agree."""
        return abs(self.mean - self.theory) <= self.half_width


def compare(model: Model, looks: FloatArray, figures_in_all: int) -> list[Comparison]:
    """Hold the looks of a model, shape (replications, figures), against its theory, as part of so many figures."""
    return [
        _comparison(model.name, figure, values, figures_in_all)
        for figure, values in zip(model.figures, looks.T, strict=True)
    ]


def _comparison(model: str, figure: Figure, values: FloatArray, figures_in_all: int) -> Comparison:
    degrees = len(values) - 1
    mean, error = float(np.mean(values)), float(np.std(values, ddof=1)) / math.sqrt(len(values))
    reach = student(1.0 - FALSE_ALARM / figures_in_all, degrees) * error
    allowed = figure.allowance * abs(figure.theory)
    seen = reach + allowed + student(2.0 * POWER - 1.0, degrees) * error
    return Comparison(model, figure.name, figure.theory, mean, error, reach + allowed, seen / abs(figure.theory))


def typical(comparisons: Sequence[Comparison]) -> float:
    """The median of the errors that would be found."""
    return float(np.median([each.finds for each in comparisons]))
