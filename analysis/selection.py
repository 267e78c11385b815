"""The best of a few scenarios, with as many replications as that takes."""

from collections.abc import Callable, Mapping
from concurrent.futures import Executor, Future
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from analysis.errors import FigureError
from analysis.replications import replication_seeds
from analysis.sample import figures_of, plain
from analysis.statistics.selection import Selection, select_best
from analysis.workers import Draw, draw, worker_pool
from sim.scenario import Scenario

if TYPE_CHECKING:
    import pandas as pd

AHEAD = 2
"""Replications of a system on their way before the procedure asks for them; those of systems ruled out are lost."""


@dataclass(frozen=True)
class Best:
    """The system chosen, and how: right with `probability` where it is best by `indifference` at least."""

    system: str
    metric: str
    indifference: float
    probability: float
    selection: Selection
    figures: Mapping[str, list[float]] = field(repr=False)
    """The figure of each replication that was used, by system."""

    @property
    def decided(self) -> bool:
        """Whether the replications allowed were enough for the promise."""
        return self.selection.decided

    @property
    def frame(self) -> "pd.DataFrame":
        """One row a system: system, mean, replications, eliminated (at its place in order; nan for what was left)."""
        import pandas as pd

        names = list(self.figures)
        order = {names[system]: place for place, system in enumerate(self.selection.eliminated, 1)}
        rows = [
            (name, float(np.mean(values)), len(values), order.get(name, np.nan))
            for name, values in self.figures.items()
        ]
        return pd.DataFrame(rows, columns=["system", "mean", "replications", "eliminated"])


def best_of(
    scenarios: Mapping[str, Scenario],
    metric: str,
    indifference: float,
    probability: float = 0.95,
    *,
    smallest: bool = True,
    first_stage: int = 10,
    most: int = 200,
    jobs: int | None = None,
    executor: Executor | None = None,
    run: Callable[[Scenario, int], Draw] = draw,
) -> Best:
    """Name the scenario with the smallest (or largest) mean of a figure over replications, by the KN procedure.

    Replication i of every scenario has the same seed, spawned from the first one's, so that differences are those of
    the systems; `indifference` is the least difference that matters, in the figure's unit. A quantile is judged by its
    mean over replications. Raises FigureError for a figure that is unknown or null, ValueError as `select_best`.
    """
    names = list(scenarios)
    if not names:
        raise ValueError("there is nothing to choose from")
    seeds = replication_seeds(scenarios[names[0]].seed, most)
    waiting: dict[tuple[int, int], Future[Draw]] = {}
    used: dict[str, list[float]] = {name: [] for name in names}
    with nullcontext(executor) if executor else worker_pool(jobs) as workers:

        def observe(system: int, replication: int) -> float:
            for each in range(replication, min(replication + AHEAD, most)):
                if (system, each) not in waiting:
                    waiting[system, each] = workers.submit(run, scenarios[names[system]], seeds[each])
            value = _figure(waiting[system, replication].result(), metric, names[system])
            used[names[system]].append(value)
            return value

        selection = select_best(observe, len(names), indifference, probability, first_stage, most, smallest=smallest)
        for future in waiting.values():
            future.cancel()
    return Best(names[selection.best], metric, indifference, probability, selection, used)


def _figure(draw: Draw, metric: str, system: str) -> float:
    figures = {plain(path): value for path, value in figures_of(draw.summary).items()}
    value = figures.get(plain(metric))
    if value is None:
        raise FigureError(f"{system}: the summary has no figure `{metric}`, or it is null with seed {draw.seed}")
    return value
