"""All models, replicated: each run is a task for the workers, and every figure is compared."""

import zlib
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any

import numpy as np

from analysis.replications import in_order, replication_seeds
from analysis.sample import figures_of
from analysis.verify.model import Model
from analysis.verify.verdict import FALSE_ALARM, Comparison, compare
from analysis.workers import draw, worker_pool
from sim.scenario import Scenario

REPLICATIONS = 32
"""Independent runs of each model: few enough to be long, enough for their mean to be normal."""
THOROUGH = 10.0
"""How many times as long the windows of a thorough check are."""


@dataclass(frozen=True)
class Look:
    """What one run measured, and the laws that its audit found broken."""

    figures: tuple[float, ...]
    broken: tuple[str, ...]


@dataclass(frozen=True)
class Verification:
    """Every figure of every model against theory."""

    seed: int
    longer: float
    comparisons: Sequence[Comparison]
    broken: Mapping[str, Sequence[str]]
    """Laws of the audit that did not hold, by model."""

    @property
    def disagreeing(self) -> list[str]:
        """The models that are off, in the order of the table."""
        off = {each.model for each in self.comparisons if not each.agrees} | set(self.broken)
        return [name for name in self.models if name in off]

    @property
    def models(self) -> list[str]:
        """All models, in the order of the table."""
        return list(dict.fromkeys(each.model for each in self.comparisons))

    def as_dict(self) -> dict[str, Any]:
        """The verification for machines."""
        return {
            "seed": self.seed,
            "replications": REPLICATIONS,
            "longer": self.longer,
            "false_alarm": FALSE_ALARM,
            "agrees": not self.disagreeing,
            "disagreeing": self.disagreeing,
            "broken_laws": {model: list(laws) for model, laws in self.broken.items()},
            "figures": [_row(each) for each in self.comparisons],
        }


def verify(
    models: Sequence[Model],
    *,
    seed: int = 1,
    longer: float = 1.0,
    jobs: int | None = None,
    progress: Callable[[float], None] | None = None,
) -> Verification:
    """Simulate the models and hold them against theory; windows are `longer` times their length.

    The outcome does not depend on the number of processes, `jobs` (default: one a processor). `progress` is told the
    share that is done. Raises FleetError.
    """
    with worker_pool(jobs) as workers:
        looks = _looks(models, seed, longer, workers, progress)
    count = sum(len(model.figures) for model in models)
    comparisons, broken = [], {}
    for model, found in zip(models, looks, strict=True):
        comparisons += compare(model, np.array([look.figures for look in found]), count)
        laws = list(dict.fromkeys(law for look in found for law in look.broken))
        if laws:
            broken[model.name] = laws
    return Verification(seed, longer, comparisons, broken)


def _looks(
    models: Sequence[Model], seed: int, longer: float, workers: Executor, progress: Callable[[float], None] | None
) -> list[list[Look]]:
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
    return [found[first : first + REPLICATIONS] for first in range(0, len(tasks), REPLICATIONS)]


def look_at(model: Model, scenario: Scenario, seed: int) -> Look:
    """Run a model once."""
    taken = draw(scenario, seed, model.limits)
    figures = figures_of(taken.summary)
    broken = tuple(f"{law['law']} at {law['where']}" for law in taken.broken)
    return Look(tuple(figure.measured(figures) for figure in model.figures), broken)


def _seed_of(model: Model, seed: int) -> int:
    """A seed of the model's own, so that no two models meet the same random numbers."""
    own = np.random.SeedSequence((seed, zlib.crc32(model.name.encode())))
    return int(own.generate_state(1, np.uint32)[0])


def _row(each: Comparison) -> dict[str, Any]:
    return {
        "model": each.model,
        "figure": each.figure,
        "theory": each.theory,
        "measured": each.mean,
        "standard_error": each.error,
        "low": each.mean - each.half_width,
        "high": each.mean + each.half_width,
        "z": each.z,
        "finds": each.finds,
        "agrees": each.agrees,
    }
