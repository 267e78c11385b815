"""The intervals of one run, from the equal parts of its window."""

from typing import TYPE_CHECKING, Any

from analysis.sample import Sample

if TYPE_CHECKING:
    from sim.results import Result


def intervals(result: "Result", level: float = 0.95) -> dict[str, dict[str, Any]]:
    """The `intervals` of a run's summary: {path: {mean, low, high, level, method, n, flagged}}.

    By batch means; flagged where the run is too short for it. Figures that a part of the window cannot show (a largest
    value, a count of jobs) and that are unknown have none. Empty for a run that was not cut into batches.
    """
    if not result.batches:
        return {}
    sample = Sample.of_batches(result)
    return {path: found for path, found in sample.intervals(level).items() if found["mean"] is not None}


def sample(result: "Result") -> Sample:
    """The batches of a run as a sample, for intervals of a few figures. ValueError for a run without batches."""
    if not result.batches:
        raise ValueError("the run was not cut into batches: it has one look at each figure, and no intervals")
    return Sample.of_batches(result)
