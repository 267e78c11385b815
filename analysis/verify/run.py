"""All models, replicated and compared; what looks off is measured again."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any

from analysis.verify.looks import REPLICATIONS, Looks, look_at_all
from analysis.verify.model import Model
from analysis.verify.verdict import MISSES, Comparison, compare
from analysis.workers import worker_pool

THOROUGH = 10.0
"""How many times as long the windows of a thorough check are."""


@dataclass(frozen=True)
class Verification:
    """Every figure of every model against theory."""

    seed: int
    longer: float
    comparisons: Sequence[Comparison]
    broken: Mapping[str, Sequence[str]]
    """Laws of the audit that did not hold, by model."""

    @property
    def models(self) -> list[str]:
        """All models, in the order of the table."""
        return list(dict.fromkeys(each.model for each in self.comparisons))

    @property
    def disagreeing(self) -> list[str]:
        """The models that are off, in the order of the table."""
        off = {each.model for each in self.comparisons if not each.agrees} | set(self.broken)
        return [name for name in self.models if name in off]

    def as_dict(self) -> dict[str, Any]:
        """The verification for machines."""
        return {
            "seed": self.seed,
            "replications": REPLICATIONS,
            "longer": self.longer,
            "false_alarm": MISSES**2,
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
    share of the first measurement that is done. Raises FleetError.
    """
    with worker_pool(jobs) as workers:
        looks = look_at_all(models, (seed, 1), longer, workers, progress)
        count = sum(len(model.figures) for model in models)
        comparisons = [
            compare(model.name, figure, looks[model.name].values[:, column], count)
            for model in models
            for column, figure in enumerate(model.figures)
        ]
        comparisons = _measured_again(models, comparisons, seed, longer, workers)
    return Verification(seed, longer, comparisons, _broken(looks))


def _measured_again(
    models: Sequence[Model], comparisons: Sequence[Comparison], seed: int, longer: float, workers: Executor
) -> list[Comparison]:
    """The same comparisons, those that are suspect replaced by a second measurement."""
    suspect = [each for each in comparisons if not each.agrees]
    names = {each.model for each in suspect}
    again = [model for model in models if model.name in names]
    looks = look_at_all(again, (seed, 2), longer, workers)
    columns = {(model.name, figure): column for model in again for column, figure in enumerate(model.figures)}
    return [
        each
        if each.agrees
        else compare(
            each.model,
            each.figure,
            looks[each.model].values[:, columns[each.model, each.figure]],
            len(suspect),
            again=True,
        )
        for each in comparisons
    ]


def _broken(looks: Mapping[str, Looks]) -> dict[str, Sequence[str]]:
    return {model: found.broken for model, found in looks.items() if found.broken}


def _row(each: Comparison) -> dict[str, Any]:
    return {
        "model": each.model,
        "figure": each.figure.name,
        "path": each.figure.found_at,
        "theory": each.theory,
        "measured": each.mean,
        "standard_error": each.error,
        "low": each.mean - each.half_width,
        "high": each.mean + each.half_width,
        "z": each.z,
        "finds": each.finds,
        "measured_again": each.again,
        "agrees": each.agrees,
    }
