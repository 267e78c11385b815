"""One server that goes by what jobs have had or have left: each interrupts those behind it, and nothing is lost.

Jobs come as a Poisson stream, `rate` a second, and their work (s) has the law `sizes`.
"""

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import NamedTuple

Function = Callable[[float], float]


class Sizes(NamedTuple):
    """A law of work (s): its density, the chance of more, and the moments of what a job has up to a level of work."""

    density: Function
    tail: Function
    first: Function
    """The mean of min(work, level)."""
    second: Function
    """The mean of its square."""
    low: float
    high: float
    """Where the density is not zero."""


def hyperexponential_sizes(weights: Sequence[float], means: Sequence[float]) -> Sizes:
    """Exponential work of one of several means (s), chosen with these chances."""
    phases = list(zip(weights, means, strict=True))
    return Sizes(
        lambda x: sum(p / m * math.exp(-x / m) for p, m in phases),
        lambda x: sum(p * math.exp(-x / m) for p, m in phases),
        lambda x: sum(p * m * -math.expm1(-x / m) for p, m in phases),
        lambda x: sum(2.0 * p * m * m * (1.0 - math.exp(-x / m) * (1.0 + x / m)) for p, m in phases),
        0.0,
        50.0 * max(means),
    )


def bounded_pareto_sizes(alpha: float, low: float, high: float) -> Sizes:
    """Work (s) with density proportional to x^(-alpha-1) from `low` to `high`; alpha neither 1 nor 2."""
    cut = math.pow(low / high, alpha)
    scale = math.pow(low, alpha) / (1.0 - cut)
    share = cut / (1.0 - cut)

    def first(x: float) -> float:
        if x <= low:
            return x
        return low + scale * (math.pow(x, 1 - alpha) - math.pow(low, 1 - alpha)) / (1 - alpha) - share * (x - low)

    def second(x: float) -> float:
        if x <= low:
            return x * x
        grown = 2.0 * scale * (math.pow(x, 2 - alpha) - math.pow(low, 2 - alpha)) / (2 - alpha)
        return low * low + grown - share * (x * x - low * low)

    return Sizes(
        lambda x: alpha * scale * x ** (-alpha - 1.0) if low <= x <= high else 0.0,
        lambda x: 1.0 if x < low else max(scale * x**-alpha - share, 0.0),
        first,
        second,
        low,
        high,
    )


def shortest_remaining_response(rate: float, sizes: Sizes) -> float:
    """The mean response (s) where the job with the least work left runs (Schrage and Miller 1966)."""

    def load(x: float) -> float:
        return rate * (sizes.first(x) - x * sizes.tail(x))

    def waits(x: float) -> float:
        return sizes.density(x) * rate * sizes.second(x) / 2.0 / (1.0 - load(x)) ** 2

    residence = _integral(lambda x: sizes.tail(x) / (1.0 - load(x)), sizes.low, sizes.high)
    return _integral(waits, sizes.low, sizes.high) + residence + sizes.low


def least_attained_response(rate: float, sizes: Sizes, thresholds: Sequence[float]) -> float:
    """The mean response (s) where jobs go down one queue after the other as what they have had reaches thresholds (s).

    The first queue in which somebody is goes first, first come first served. So a job that ends in the n-th has to wait
    for all work found that is within the n-th threshold, and for what newcomers bring within the one before (Kleinrock
    1976, vol. 2, section 4.7).
    """
    total = 0.0
    for above, below in pairwise([0.0, *thresholds, math.inf]):
        to = min(below, sizes.high)
        waiting = rate * sizes.second(to) / 2.0 / (1.0 - rate * sizes.first(to))
        ends_here = sizes.tail(above) - (0.0 if below == math.inf else sizes.tail(below))
        last = 0.0 if below == math.inf else below * sizes.tail(below)
        work = sizes.first(to) - sizes.first(above) + above * sizes.tail(above) - last
        total += (waiting * ends_here + work) / (1.0 - rate * sizes.first(above))
    return total


def _integral(function: Function, low: float, high: float) -> float:
    """Over decades, as laws with heavy tails need it."""
    from scipy.integrate import quad

    edges = [low, *(high * 10.0**-step for step in range(6, -1, -1) if high * 10.0**-step > low)]
    return sum(float(quad(function, start, end, epsabs=1e-12, epsrel=1e-11)[0]) for start, end in pairwise(edges))
