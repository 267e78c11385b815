"""How long requests are: a preset of the catalog, or a distribution each for prompt and output."""

import numpy as np
from numpy.typing import NDArray

from sim import catalog
from sim.scenario.distributions import Distribution, Quantiles
from sim.scenario.requests import Lengths
from sim.workload.distributions import FloatArray

IntArray = NDArray[np.int64]

MOST_TOKENS = 2.0**53
"""Whatever a heavy tail draws, it stays a whole number."""


def length_distributions(lengths: str | Lengths) -> tuple[Distribution, Distribution]:
    """Return the distributions of prompt and output tokens; ValueError for a preset that has none."""
    if not isinstance(lengths, str):
        return lengths.prompt, lengths.output
    workload = catalog.workloads()[lengths]
    if workload.prompt is None or workload.output is None:
        raise ValueError(f"the workload preset `{lengths}` has no lengths of prompt and output")
    prompt, output = (
        Quantiles[float](levels=grid.levels, values=grid.values) for grid in (workload.prompt, workload.output)
    )
    return prompt, output


def whole_tokens(lengths: FloatArray) -> IntArray:
    """Round lengths to whole tokens (halves up), at least 1."""
    return np.clip(np.floor(lengths + 0.5), 1.0, MOST_TOKENS).astype(np.int64)
