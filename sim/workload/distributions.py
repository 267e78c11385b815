"""Draws from the distributions of a scenario: the same numbers however they are asked for, one by one or in blocks.

Every sampler uses generator methods that take what they need value by value, scalar `math`, and elementwise + - * /.
numpy's vector `log`, `exp` and `power` are kept out: their last bit depends on the processor and the place in an array.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import assert_never

import numpy as np
from numpy.typing import NDArray

from sim.scenario.distributions import (
    BoundedPareto,
    Choice,
    Distribution,
    Erlang,
    Exponential,
    Fixed,
    Gamma,
    Hyperexponential,
    Lognormal,
    Quantiles,
    Uniform,
)

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Sampler:
    """An endless sequence of values; `draw(n)` gives the next n, shape (n,), in the unit of the distribution."""

    draw: Callable[[int], FloatArray]


def sampler(distribution: Distribution, generator: np.random.Generator) -> Sampler:
    """Draw from a distribution; the sampler owns `generator` from now on."""
    match distribution:
        case float() | int():
            return _constant(distribution)
        case Fixed():
            return _constant(distribution.value)
        case Exponential():
            return _gamma(generator, 1.0, distribution.mean)
        case Erlang():
            return _gamma(generator, float(distribution.k), distribution.mean)
        case Gamma():
            return _gamma(generator, 1.0 / distribution.scv, distribution.mean)
        case Hyperexponential():
            return _hyperexponential(distribution, generator)
        case Lognormal():
            mu, sigma = lognormal_parameters(distribution)
            return Sampler(lambda n: generator.lognormal(mu, sigma, n))
        case BoundedPareto():
            return _bounded_pareto(distribution, generator)
        case Uniform():
            low, width = distribution.low, distribution.high - distribution.low
            return Sampler(lambda n: low + width * generator.random(n))
        case Choice():
            values, cumulative = _shares(distribution.weights)
            return Sampler(lambda n: values[_pick(cumulative, generator.random(n))])
        case Quantiles():
            levels, values = np.array(distribution.levels), np.array(distribution.values)
            return Sampler(lambda n: np.interp(generator.random(n), levels, values))
        case _:
            assert_never(distribution)


def mean(distribution: Distribution) -> float:
    """Return the exact mean."""
    match distribution:
        case float() | int():
            return float(distribution)
        case Fixed():
            return distribution.value
        case Exponential() | Erlang() | Gamma():
            return distribution.mean
        case Hyperexponential():
            return math.fsum(p * each for p, each in zip(distribution.p, distribution.means, strict=True))
        case Lognormal():
            mu, sigma = lognormal_parameters(distribution)
            return math.exp(mu + sigma * sigma / 2)
        case BoundedPareto():
            return _bounded_pareto_mean(distribution)
        case Uniform():
            return (distribution.low + distribution.high) / 2
        case Choice():
            weights = distribution.weights
            return math.fsum(value * weight for value, weight in weights.items()) / math.fsum(weights.values())
        case Quantiles():
            levels, values = distribution.levels, distribution.values
            widths = [after - before for before, after in pairwise(levels)]
            middles = [(before + after) / 2 for before, after in pairwise(values)]
            return math.fsum(width * middle for width, middle in zip(widths, middles, strict=True))
        case _:
            assert_never(distribution)


def largest(distribution: Distribution) -> float:
    """Return the largest value there can be; infinite where there is no bound."""
    match distribution:
        case float() | int():
            return float(distribution)
        case Fixed():
            return distribution.value
        case BoundedPareto() | Uniform():
            return distribution.high
        case Choice():
            return max(value for value, weight in distribution.weights.items() if weight > 0)
        case Quantiles():
            return distribution.values[-1]
        case _:
            return math.inf


def lognormal_parameters(distribution: Lognormal[float]) -> tuple[float, float]:
    """Return mean and standard deviation of the logarithm."""
    if distribution.median is not None and distribution.sigma is not None:
        return _log(distribution.median), distribution.sigma
    if distribution.mean is not None and distribution.scv is not None:
        variance = math.log1p(distribution.scv)
        return _log(distribution.mean) - variance / 2, math.sqrt(variance)
    raise ValueError("a log-normal needs either `median` and `sigma`, or `mean` and `scv`")


def _log(value: float) -> float:
    return math.log(value) if value > 0 else -math.inf


def _constant(value: float) -> Sampler:
    return Sampler(lambda n: np.full(n, value, dtype=np.float64))


def _gamma(generator: np.random.Generator, shape: float, mean: float) -> Sampler:
    scale = mean / shape
    return Sampler(lambda n: scale * generator.standard_gamma(shape, n))


def _hyperexponential(distribution: Hyperexponential[float], generator: np.random.Generator) -> Sampler:
    # Streams of their own, because an exponential draw takes a varying number of random bits.
    phase, duration = generator.spawn(2)
    means, cumulative = np.array(distribution.means), _cumulative(distribution.p)
    return Sampler(lambda n: means[_pick(cumulative, phase.random(n))] * duration.standard_exponential(n))


def _bounded_pareto(distribution: BoundedPareto[float], generator: np.random.Generator) -> Sampler:
    low, power = distribution.low, -1.0 / distribution.alpha
    share = _pareto_share(distribution)

    def draw(n: int) -> FloatArray:
        return np.array([low * math.pow(1.0 - share * u, power) for u in generator.random(n).tolist()])

    return Sampler(draw)


def _pareto_share(distribution: BoundedPareto[float]) -> float:
    """Return the probability that the unbounded distribution lies below `high`."""
    return 1.0 - math.pow(distribution.low / distribution.high, distribution.alpha)


def _bounded_pareto_mean(distribution: BoundedPareto[float]) -> float:
    alpha, low, high = distribution.alpha, distribution.low, distribution.high
    if alpha == 1.0:
        return low * math.log(high / low) / _pareto_share(distribution)
    tail = 1.0 - math.pow(low / high, alpha - 1.0)
    return low * alpha / (alpha - 1.0) * tail / _pareto_share(distribution)


def _shares(weights: Mapping[float, float]) -> tuple[FloatArray, FloatArray]:
    return np.array(list(weights), dtype=np.float64), _cumulative(list(weights.values()))


def _cumulative(weights: Sequence[float]) -> FloatArray:
    """Return the upper ends of the shares of [0, 1) that belong to each weight."""
    total = math.fsum(weights)
    return np.array([math.fsum(weights[: index + 1]) / total for index in range(len(weights))])


def _pick(cumulative: FloatArray, uniform: FloatArray) -> NDArray[np.intp]:
    return np.searchsorted(cumulative, uniform, side="right")
