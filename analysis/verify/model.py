"""A queue with a known answer: the scenario that simulates it, and the figures that theory gives."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import sim
from analysis.sample import over
from sim.scenario import Scenario

ROUNDING = 1e-9
"""Relative error that is nobody's fault."""


@dataclass(frozen=True)
class Figure:
    """One figure of the summary: `path`, divided by `per` where that is given, and what theory says of it (SI units).

    With a `limit` (s) the path is that of a block of durations and the figure is the share of requests beyond it: a
    plain mean, and counted exactly. A mean over replications of each one's own quantile would be biased.
    """

    name: str
    theory: float
    path: str
    per: str = ""
    limit: float | None = None
    allowance: float = ROUNDING
    """Relative error of the theory itself, or of the histogram that a quantile is read from."""

    @property
    def found_at(self) -> str:
        """The path in the summary."""
        return self.path if self.limit is None else over(self.path, self.limit)

    def measured(self, figures: Mapping[str, float | None]) -> float:
        """The figure of one run, whose figures these are by path; nan where it has none."""
        value, per = figures.get(self.found_at), figures.get(self.per) if self.per else 1.0
        return float("nan") if value is None or not per else value / per


@dataclass(frozen=True)
class Model:
    """A queue. `window` and `warmup` in seconds; the warm-up is many times what the queue takes to forget its start."""

    name: str
    figures: tuple[Figure, ...]
    parts: Mapping[str, Any] = field(repr=False)
    """The scenario, but for what all models share."""
    window: float
    warmup: float

    def scenario(self, longer: float = 1.0) -> Scenario:
        """The scenario, whose window is so many times as long.

        It drains: all that arrive in the window are counted, and no long wait is cut off by its end. Warm-up and
        horizon are whole seconds, which lie on the grid of decisions.
        """
        warmup = math.ceil(self.warmup)
        return sim.load(
            {
                "fleetsim": 1,
                "name": "verify",
                "horizon": f"{warmup + math.ceil(self.window * longer)} s",
                "warmup": f"{warmup} s",
                "drain": True,
                "output": {"telemetry": "365 d"},
                **self.parts,
            }
        )

    @property
    def limits(self) -> Mapping[str, list[float]]:
        """The limits beyond which requests are counted, by block."""
        found: dict[str, list[float]] = {}
        for figure in self.figures:
            if figure.limit is not None:
                found.setdefault(figure.path, []).append(figure.limit)
        return found
