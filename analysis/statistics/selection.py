"""Which of a few systems is best, with as few replications as that takes."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from analysis.statistics.intervals import FloatArray


@dataclass(frozen=True)
class Selection:
    """The system chosen, how often each was observed, and those ruled out, in that order.

    Not `decided` where the most replications left more than one; `best` is then the one that looks best.
    """

    best: int
    observations: tuple[int, ...]
    eliminated: tuple[int, ...]
    decided: bool


def select_best(
    observe: Callable[[int, int], float],
    systems: int,
    indifference: float,
    probability: float = 0.95,
    first_stage: int = 10,
    most: int = 1000,
    *,
    smallest: bool = True,
) -> Selection:
    """The system of the smallest (or largest) mean, right with `probability` where it is best by `indifference`.

    The fully sequential procedure KN of Kim & Nelson (2001) with c = 1, for normal observations; means of a
    replication are near enough. `observe(system, replication)` gives one of them; common random numbers within a
    replication are allowed and save work. ValueError for no systems, an indifference or probability that promises
    nothing, or a first stage under two.
    """
    if systems < 1 or indifference <= 0 or not 0 < probability < 1 or not 2 <= first_stage <= most:
        raise ValueError("selection needs systems, indifference > 0, 0 < probability < 1 and 2 <= first_stage <= most")
    sign = 1.0 if smallest else -1.0
    values = np.full((systems, most), np.nan)

    def replicate(remaining: list[int], replication: int) -> None:
        for system in remaining:
            values[system, replication] = sign * observe(system, replication)

    remaining, eliminated = list(range(systems)), list[int]()
    for replication in range(first_stage if systems > 1 else 1):
        replicate(remaining, replication)
    n = first_stage
    bound = _bound(values[:, :first_stage], probability) / indifference
    while len(remaining) > 1:
        worse = _ruled_out(values[:, :n], remaining, bound, indifference)
        eliminated += worse
        remaining = [system for system in remaining if system not in worse]
        if len(remaining) == 1 or n == most:
            break
        replicate(remaining, n)
        n += 1
    best = remaining[int(np.argmin(np.nanmean(values[remaining], axis=1)))]
    observations = tuple(int(count) for count in np.count_nonzero(np.isfinite(values), axis=1))
    return Selection(best, observations, tuple(eliminated), decided=len(remaining) == 1)


def _bound(first: FloatArray, probability: float) -> FloatArray:
    """h^2 times the variances of the pairs' differences in the first stage, shape (systems, systems)."""
    systems, stage = first.shape
    if systems == 1:
        return np.zeros((1, 1))
    eta = ((2 * (1 - probability) / (systems - 1)) ** (-2 / (stage - 1)) - 1) / 2
    variances = np.var(first[:, None, :] - first[None, :, :], axis=2, ddof=1)
    return np.asarray(2 * eta * (stage - 1) * variances)


def _ruled_out(values: FloatArray, remaining: list[int], bound: FloatArray, indifference: float) -> list[int]:
    """Systems that trail another of those remaining by more than chance and the indifference allow; the worst first."""
    n = values.shape[1]
    means = np.mean(values[remaining], axis=1)
    room = np.maximum(0.0, bound[np.ix_(remaining, remaining)] - indifference * n) / (2 * n)
    trails = np.any(means[:, None] > means[None, :] + room, axis=1)
    return [remaining[place] for place in np.argsort(-means, kind="stable") if trails[place]]
