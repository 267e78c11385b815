"""Independent runs of the models: each is a task for the workers."""

import zlib
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass

import numpy as np

from analysis.replications import in_order, replication_seeds
from analysis.sample import figures_of
from analysis.statistics.intervals import FloatArray
from analysis.verify.model import Model
from analysis.workers import draw
from sim.scenario import Scenario

REPLICATIONS = 32
"""Independent runs of each model: few enough to be long, enough for their mean to be nearly normal."""

Look = tuple[list[float], list[str]]
"""The figures of one run, and the laws that its audit found broken."""


@dataclass(frozen=True)
class Looks:
    """All runs of one model: `values` of its figures, shape (replications, figures), and the laws found broken."""

    values: FloatArray
    broken: Sequence[str]


def look_at_all(
    models: Sequence[Model],
    seed: tuple[int, ...],
    longer: float,
    workers: Executor,
    progress: Callable[[float], None] | None = None,
) -> dict[str, Looks]:
    """Run every model `REPLICATIONS` times, with windows `longer` times their length; by name."""
    tasks = [
        (model, scenario, own)
        for model in models
        for scenario in [model.scenario(longer)]
        for own in replication_seeds(_seed_of(model, seed), REPLICATIONS)
    ]
    found: list[Look] = []
    for look in in_order(lambda number: workers.submit(look_at, *tasks[number]), range(len(tasks))):
        found.append(look)
        if progress:
            progress(len(found) / len(tasks))
    return {
        model.name: _together(found[number * REPLICATIONS : (number + 1) * REPLICATIONS])
        for number, model in enumerate(models)
    }


def look_at(model: Model, scenario: Scenario, seed: int) -> Look:
    """Run a model once."""
    taken = draw(scenario, seed, model.limits)
    figures = figures_of(taken.summary)
    broken = [f"{law['law']} at {law['where']}" for law in taken.broken]
    return [figure.measured(figures) for figure in model.figures], broken


def _together(looks: Sequence[Look]) -> Looks:
    laws = dict.fromkeys(law for _, broken in looks for law in broken)
    return Looks(np.array([figures for figures, _ in looks]), list(laws))


def _seed_of(model: Model, seed: tuple[int, ...]) -> int:
    """A seed of the model's own, so that no two models meet the same random numbers."""
    own = np.random.SeedSequence((*seed, zlib.crc32(model.name.encode())))
    return int(own.generate_state(1, np.uint32)[0])
