"""Systems side by side: differences from a baseline with simultaneous intervals, in pairs where they share seeds."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from analysis.errors import FigureError
from analysis.sample import Sample
from analysis.statistics.comparisons import (
    ControlledMean,
    control_variates,
    independent_difference,
    paired_difference,
    simultaneous_level,
)
from analysis.statistics.intervals import FloatArray, Interval

if TYPE_CHECKING:
    import pandas as pd

NOTHING_KNOWN: Mapping[str, float] = {}
PER_CONTROL = 10
"""Replications for each control variate: fewer would cost more than it gives."""
WORTH_IT = 1.2
"""The reduction of the variance from which controls are used."""
CONTROLLED = "paired t, control variates"
COLUMNS = ["system", "metric", "baseline", "value", "difference", "low", "high", "level", "method", "n", "flagged"]


def compare(
    baseline: Sample,
    others: Mapping[str, Sample],
    metrics: Sequence[str],
    level: float = 0.95,
    known: Mapping[str, float] = NOTHING_KNOWN,
    among: int | None = None,
) -> "pd.DataFrame":
    """One row for each system and metric, with the `COLUMNS`.

    `difference` is the system's less the baseline's. All rows hold together with probability `level` (Bonferroni: each
    has a share of 1 - level), or `among` so many where these are only some of them. Replications with equal seeds are
    pairs (`paired t`), and controls with `known` means
    (as `known_means` gives them) sharpen them where that helps (`paired t, control variates`); else both samples are
    independent (`Welch`). ValueError for samples that cannot be compared, FigureError for a metric that one lacks.
    """
    import pandas as pd

    if not others or not metrics:
        raise ValueError("a comparison needs another system beside the baseline, and a metric")
    each = simultaneous_level(level, among or len(others) * len(metrics))
    rows = []
    for name, sample in others.items():
        ours, theirs, paired = _matched(baseline, sample, name)
        for metric in metrics:
            path = _common(baseline, sample, metric, name)
            estimates = (ours.estimate(path).mean, theirs.estimate(path).mean)
            found = _paired(ours, theirs, path, each, known) if paired else _apart(ours, theirs, path, each)
            if found.method != CONTROLLED:
                found = _about(found, *estimates)
            ends = (found.mean, found.low, found.high)
            rows.append((name, path, *estimates, *ends, level, found.method, found.n, found.flagged))
    return pd.DataFrame(rows, columns=COLUMNS)


def compare_rows(table: "pd.DataFrame") -> list[dict[str, Any]]:
    """The rows of a comparison as JSON holds them: null where a figure is unknown."""
    numbers = ("baseline", "value", "difference", "low", "high")
    return [
        {
            str(name): None if name in numbers and (value is None or np.isnan(value)) else value
            for name, value in row.items()
        }
        for row in table.to_dict("records")
    ]


def estimate(sample: Sample, metric: str, known: Mapping[str, float], level: float = 0.95) -> Interval:
    """A figure of replications, made sharper by the controls whose means are `known` where that helps.

    Raises FigureError.
    """
    path = sample.resolve(metric)
    adjusted = _controlled(sample.pseudo_values(path), sample, path, known, level)
    return sample.estimate(path, level) if adjusted is None else adjusted.interval


def _matched(baseline: Sample, sample: Sample, name: str) -> tuple[Sample, Sample, bool]:
    """Both samples, of the seeds that they share where these are two or more, and whether they are pairs."""
    shared = [seed for seed in baseline.seeds if seed in set(sample.seeds)]
    if len(shared) > 1:
        return baseline.of_seeds(shared), sample.of_seeds(shared), True
    if min(len(baseline.seeds), len(sample.seeds)) < 2:
        raise ValueError(
            f"the baseline and {name} share no seeds and have {len(baseline.seeds)} and {len(sample.seeds)} "
            "replications: run both with at least 2, and best with the same seed"
        )
    return baseline, sample, False


def _common(baseline: Sample, sample: Sample, metric: str, name: str) -> str:
    path = baseline.resolve(metric)
    try:
        sample.resolve(path)
    except FigureError as error:
        raise FigureError(f"{name}: {error}") from error
    return path


def _paired(ours: Sample, theirs: Sample, path: str, level: float, known: Mapping[str, float]) -> Interval:
    a, b = ours.pseudo_values(path), theirs.pseudo_values(path)
    same = {
        control: mean
        for control, mean in known.items()
        if control in theirs.figures and np.array_equal(ours.figures.get(control, []), theirs.figures[control])
    }
    adjusted = _controlled(b - a, ours, path, same, level)
    if adjusted is None:
        return paired_difference(a, b, level)
    return replace(adjusted.interval, method=CONTROLLED)


def _apart(ours: Sample, theirs: Sample, path: str, level: float) -> Interval:
    return independent_difference(ours.pseudo_values(path), theirs.pseudo_values(path), level)


def _about(found: Interval, baseline: float | None, value: float | None) -> Interval:
    """The interval moved to the difference of the estimates: of ratios and quantiles the jackknife corrects a bias."""
    if found.mean is None or found.low is None or found.high is None or baseline is None or value is None:
        return found
    shift = value - baseline - found.mean
    return replace(found, mean=value - baseline, low=found.low + shift, high=found.high + shift)


def _controlled(
    values: FloatArray, sample: Sample, path: str, known: Mapping[str, float], level: float
) -> ControlledMean | None:
    """The mean of values by replication with controls; None where they give nothing, or something is missing."""
    names = _controls(sample, path, known)
    if not names or not np.isfinite(values).all():
        return None
    controls = np.column_stack([sample.figures[name] for name in names])
    found = control_variates(values, controls, np.array([known[name] for name in names]), level)
    return found if found.kept and found.reduction >= WORTH_IT else None


def _controls(sample: Sample, path: str, known: Mapping[str, float]) -> list[str]:
    """As many controls as the replications can bear: those of the service that the figure is of, the load first."""
    usable = [name for name in known if name in sample.figures and name != path]
    own = [name for name in usable if not path.startswith("services.") or path.startswith(_service_of(name))]
    return sorted(own, key=_by_load)[: len(sample) // PER_CONTROL]


_LOAD = ("work_per_s", "output_tokens_per_s", "prompt_tokens_per_s", "requests_per_s")


def _by_load(name: str) -> int:
    return _LOAD.index(name.rpartition(".")[2])


def _service_of(control: str) -> str:
    return control.rpartition("offered.")[0]
