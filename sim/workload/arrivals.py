"""When things arrive: unit-rate processes whose time is stretched by the cumulative rate.

Arrival k stands where the cumulative rate reaches the k-th time of a unit-rate process. So a changed rate moves
arrivals but keeps their pairing with everything drawn for them, which thinning would not. Any block size gives the same
arrivals, bit for bit.
"""

import math
from collections.abc import Callable
from functools import reduce
from typing import NamedTuple, Protocol

import numpy as np

from sim import catalog
from sim.scenario.arrivals import (
    BatchArrivals,
    CoxArrivals,
    DeterministicArrivals,
    GammaArrivals,
    MmppArrivals,
    OnOffArrivals,
    PoissonArrivals,
    Shape,
    WeibullArrivals,
)
from sim.workload import shapes
from sim.workload.distributions import FloatArray, Sampler, mean, sampler
from sim.workload.streams import stream

RandomArrivals = (
    PoissonArrivals
    | DeterministicArrivals
    | GammaArrivals
    | WeibullArrivals
    | OnOffArrivals
    | CoxArrivals
    | MmppArrivals
    | BatchArrivals
)


class ArrivalSource(Protocol):
    """Arrival times before some end."""

    mean_rate: float
    """Arrivals a second: the mean over the shape's period, at time 0."""

    def next_block(self, n: int) -> FloatArray:
        """Return the next n >= 1 times, ascending, in s; fewer when the end comes first, none ever after."""
        ...


def arrival_source(
    arrivals: RandomArrivals, *, seed: int, path: tuple[str, ...], start_of_day: float = 0.0, until: float = math.inf
) -> ArrivalSource:
    """Start the arrivals that a scenario describes; they end before `until` (s).

    `path` names what arrives, `start_of_day` is the local time of second 0 in seconds after Monday's midnight.
    """
    gaps = _unit_gaps(arrivals, stream(seed, *path, "gaps"))
    pieces = _pieces(arrivals, seed, path, start_of_day)
    if not isinstance(arrivals, BatchArrivals):
        return RenewalSource(gaps, TimeChange(arrivals.rate, pieces, until), arrivals.rate)
    rate = arrivals.rate / mean(arrivals.size)
    epochs = RenewalSource(gaps, TimeChange(rate, pieces, until), rate)
    sizes = sampler(arrivals.size, stream(seed, *path, "size"))
    return BatchSource(epochs, sizes, stream(seed, *path, "size", "rounding"), arrivals.rate)


class Expected(NamedTuple):
    """What a process brings on average from 0 to some end."""

    arrivals: float
    peak_rate: float
    """1/s: the highest rate of the curve and the growth; bursts are not seen."""


def expected(arrivals: RandomArrivals, *, start_of_day: float = 0.0, until: float) -> Expected:
    """Sum up a process from its rate, curve and growth before a finite end (s)."""
    curves = _curves(arrivals, start_of_day)
    start = total = highest = 0.0
    for end, factor in reduce(shapes.product, curves) if curves else shapes.constant():
        total += factor * (min(end, until) - start)
        highest, start = max(highest, factor), end
        if end >= until:
            break
    return Expected(arrivals.rate * total, arrivals.rate * highest)


class TimeChange:
    """From the times of a unit-rate process to arrival times: the inverse of a piecewise-linear cumulative rate.

    Pieces are taken as time proceeds and dropped behind it, so that memory does not grow with the horizon.
    """

    def __init__(self, rate: float, pieces: shapes.Pieces, until: float) -> None:
        self._rate = rate
        self._pieces = pieces
        self._until = until
        self._starts = [0.0]
        self._rates: list[float] = []
        self._cumulative = [0.0]

    def __call__(self, units: FloatArray) -> FloatArray:
        """Return the arrival times of ascending unit times, shape (n,); those at or after the end are left out."""
        self._cover(float(units[-1]))
        starts, rates, cumulative = np.array(self._starts), np.array(self._rates), np.array(self._cumulative)
        units = units[: np.searchsorted(units, cumulative[-1])]
        piece = np.searchsorted(cumulative, units, side="right") - 1
        times = starts[piece] + (units - cumulative[piece]) / rates[piece]
        times = np.minimum(times, starts[piece + 1])  # a rounded quotient must not leave its piece
        self._forget(int(piece[-1]) if len(piece) else 0)
        before_end: FloatArray = times[: np.searchsorted(times, self._until)]
        return before_end

    def _cover(self, unit: float) -> None:
        while self._cumulative[-1] <= unit and self._starts[-1] < self._until:
            end, factor = next(self._pieces)
            rate = self._rate * factor
            self._cumulative.append(self._cumulative[-1] + rate * (end - self._starts[-1]))
            self._starts.append(end)
            self._rates.append(rate)

    def _forget(self, pieces: int) -> None:
        for values in (self._starts, self._rates, self._cumulative):
            del values[:pieces]


class RenewalSource:
    """A renewal process of unit rate, seen through a change of time."""

    def __init__(self, unit_gaps: Callable[[int], FloatArray], time_change: TimeChange, mean_rate: float) -> None:
        self.mean_rate = mean_rate
        self._unit_gaps = unit_gaps
        self._time_change = time_change
        self._unit = 0.0
        self._ended = False

    def next_block(self, n: int) -> FloatArray:
        """Return the next n times."""
        if self._ended:
            return np.empty(0)
        gaps = self._unit_gaps(n)
        gaps[0] += self._unit
        units = np.cumsum(gaps)  # in sequence: the sum carries over blocks bit for bit
        self._unit = float(units[-1])
        times = self._time_change(units)
        self._ended = len(times) < n
        return times


class BatchSource:
    """Several arrivals at each of some epochs; a broken size is rounded at random, so that its mean stays."""

    def __init__(self, epochs: ArrivalSource, sizes: Sampler, rounding: np.random.Generator, mean_rate: float) -> None:
        self.mean_rate = mean_rate
        self._epochs = epochs
        self._sizes = sizes
        self._rounding = rounding
        self._pending = np.empty(0)

    def next_block(self, n: int) -> FloatArray:
        """Return the next n times; those of one epoch are equal."""
        while len(self._pending) < n:
            wanted = math.ceil((n - len(self._pending)) * self._epochs.mean_rate / self.mean_rate)
            times = self._epochs.next_block(wanted)
            sizes = np.floor(self._sizes.draw(len(times)) + self._rounding.random(len(times))).astype(np.int64)
            self._pending = np.concatenate([self._pending, np.repeat(times, sizes)])
            if len(times) < wanted:
                break
        block, self._pending = self._pending[:n], self._pending[n:]
        return block


def _unit_gaps(arrivals: RandomArrivals, generator: np.random.Generator) -> Callable[[int], FloatArray]:
    """Draw gaps of mean 1; the shape of a gamma or Weibull distribution is the `burstiness`."""
    match arrivals:
        case DeterministicArrivals():
            return np.ones
        case GammaArrivals(burstiness=shape):
            return lambda n: generator.standard_gamma(shape, n) / shape
        case WeibullArrivals(burstiness=shape):
            mean_gap = math.gamma(1 + 1 / shape)
            return lambda n: generator.weibull(shape, n) / mean_gap
        case _:
            return generator.standard_exponential


def _pieces(arrivals: RandomArrivals, seed: int, path: tuple[str, ...], start_of_day: float) -> shapes.Pieces:
    """Multiply everything that moves the rate."""
    factors: list[shapes.Pieces] = []
    match arrivals:
        case CoxArrivals(rate_cv=rate_cv, correlation_time=correlation_time):
            factors.append(shapes.cox(stream(seed, *path, "modulation"), rate_cv, correlation_time))
        case OnOffArrivals(on_mean=on_mean, off_mean=off_mean):
            factors.append(shapes.on_off(stream(seed, *path, "modulation"), on_mean, off_mean))
        case MmppArrivals(rates=rates, switching_rates=switching_rates):
            factors.append(shapes.mmpp(stream(seed, *path, "modulation"), rates, switching_rates))
    factors += _curves(arrivals, start_of_day)
    return reduce(shapes.product, factors) if factors else shapes.constant()


def _curves(arrivals: RandomArrivals, start_of_day: float) -> list[shapes.Pieces]:
    """What moves the rate without chance."""
    curves = [] if arrivals.shape is None else [_curve(arrivals.shape, start_of_day)]
    return [*curves, shapes.growth(arrivals.growth)] if arrivals.growth else curves


def _curve(shape: Shape | str, start_of_day: float) -> shapes.Pieces:
    if isinstance(shape, str):
        return shapes.hourly(catalog.workloads()[shape].hourly_shape, start_of_day)
    if shape.daily is not None:
        return shapes.daily(shape.daily.peak_to_trough, shape.daily.peak_at, start_of_day)
    assert shape.hourly is not None  # noqa: S101  one of the two is given
    return shapes.hourly(shape.hourly, start_of_day)
