"""When accelerators, nodes or racks of a pool fail and for how long: drawn from lifetimes, or recorded.

Nothing here depends on what runs, so that two policies meet the same failures.
"""

import math
from collections.abc import Callable, Iterator
from heapq import heapify, heapreplace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from sim.scenario.failures import Failures
from sim.workload.distributions import sampler
from sim.workload.streams import stream
from sim.workload.trace_files import amount, header_of, missing_column, read_columns, rows_of

COLUMNS = ("time_s", "unit", "repair_s")


class Failure(NamedTuple):
    """A unit (an accelerator, node or rack by its number) fails at `time`, and is up again `repair` later (s)."""

    time: float
    unit: int
    repair: float


def failure_source(spec: Failures, units: int, *, seed: int, path: tuple[str, ...], folder: Path) -> Iterator[Failure]:
    """Give the failures of `units` units in order of time, without end where they are drawn.

    `path` names their random streams: each unit has its own, so that more units leave those there as they were. A trace
    is read at once, its path relative to `folder`. Raises TraceError.
    """
    if spec.trace is not None:
        return iter(_recorded(folder / spec.trace, units))
    return _drawn(spec, units, seed, path)


def _drawn(spec: Failures, units: int, seed: int, path: tuple[str, ...]) -> Iterator[Failure]:
    """Each unit renews itself: it is up for a lifetime, down for its repair, and then as new."""
    if spec.mtbf is None:
        raise TypeError("failures have neither a trace nor a mean time between them")
    mtbf, shape = spec.mtbf, spec.shape or 1.0
    due = list(zip(first_lifetimes(mtbf, shape, units, seed, path), range(units), strict=True))
    heapify(due)
    draws = {}
    while due:
        time, unit = due[0]
        if unit not in draws:
            own = (*path, str(unit))
            draws[unit] = stream(seed, *own), sampler(spec.repair or 0.0, stream(seed, *own, "repair"))
        generator, repairs = draws[unit]
        repair = float(repairs.draw(1)[0])
        yield Failure(time, unit, repair)
        heapreplace(due, (time + repair + lifetime(mtbf, shape, generator), unit))


def lifetime(mtbf: float, shape: float, generator: np.random.Generator) -> float:
    """Draw a Weibull lifetime (s) with this mean."""
    return _scale(mtbf, shape) * math.pow(generator.standard_exponential(), 1.0 / shape)


def first_lifetimes(mtbf: float, shape: float, units: int, seed: int, path: tuple[str, ...]) -> list[float]:
    """Draw what is left at time 0 of lifetimes (s) that began long before: the pool is not new.

    A lifetime met in its course is longer than others: a Weibull one, to the power of its shape, is then Gamma with
    shape 1 + 1/shape (the length-biased law); what is left is uniform in it. So the failures expected up to t, repairs
    aside, are t / mtbf from the start (Cox, Renewal Theory, 1962).
    """
    biased = stream(seed, *path, "first").standard_gamma(1.0 + 1.0 / shape, units)
    left = stream(seed, *path, "left").random(units)
    whole = [_scale(mtbf, shape) * math.pow(each, 1.0 / shape) for each in biased.tolist()]
    return [share * length for share, length in zip(left.tolist(), whole, strict=True)]


def _scale(mtbf: float, shape: float) -> float:
    return mtbf / math.gamma(1.0 + 1.0 / shape)


def _recorded(path: Path, units: int) -> list[Failure]:
    with rows_of(path) as rows:
        header = header_of(rows)
        for name in COLUMNS:
            if name not in header:
                raise missing_column(path, name, header)
        chosen, parsers = [header.index(name) for name in COLUMNS], (amount, _number_below(units), amount)
        columns = read_columns(path, rows, len(header), chosen, parsers)
    return [Failure(*row) for row in zip(*columns, strict=True)]


def _number_below(units: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        value = amount(text)
        if not value.is_integer() or value >= units:
            raise ValueError(f"there is no unit `{text}`: they have the numbers 0 to {units - 1}")
        return int(value)

    return parse
