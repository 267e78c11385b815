"""The exact mean of lengths that are rounded to whole tokens, at least one."""

import math
from itertools import pairwise
from typing import assert_never

import numpy as np
from scipy.special import gammaincc, ndtr

from analysis.statistics.intervals import FloatArray
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
from sim.workload.distributions import largest, lognormal_parameters

MOST = 2**20
"""Tokens up to which the sum is taken."""
NEGLIGIBLE = 1e-9
"""Share of lengths beyond that may be left out."""
TINY = 1e-300
"""A spread that is none."""


def mean_tokens(lengths: Distribution) -> float | None:
    """The mean of max(1, floor(X + 1/2)), which is 1 + P(X >= 3/2) + P(X >= 5/2) + ...; None for too heavy a tail."""
    end = min(largest(lengths) + 1, MOST)
    if end == MOST and survival(lengths, np.array([float(MOST)]))[0] > NEGLIGIBLE:
        return None
    return 1.0 + float(np.sum(survival(lengths, np.arange(1.5, math.ceil(end), dtype=np.float64))))


def survival(distribution: Distribution, x: FloatArray) -> FloatArray:
    """The probability of at least x > 0, shape (n,)."""
    match distribution:
        case float() | int():
            return np.asarray(x <= distribution, float)
        case Fixed():
            return np.asarray(x <= distribution.value, float)
        case Exponential() | Erlang() | Gamma():
            return _gamma(_shape(distribution), distribution.mean, x)
        case Hyperexponential():
            parts = zip(distribution.p, distribution.means, strict=True)
            return np.asarray(sum(p * _gamma(1.0, mean, x) for p, mean in parts))
        case Lognormal():
            mu, sigma = lognormal_parameters(distribution)
            return np.asarray(ndtr((mu - np.log(x)) / max(sigma, TINY)))
        case BoundedPareto():
            low, high, alpha = distribution.low, distribution.high, distribution.alpha
            inside = np.clip(x, low, high)
            return np.asarray(((low / inside) ** alpha - (low / high) ** alpha) / (1 - (low / high) ** alpha))
        case Uniform():
            return _linear((0.0, 1.0), (distribution.low, distribution.high), x)
        case Choice():
            weights = distribution.weights
            return np.asarray(sum(p * (x <= value) for value, p in weights.items())) / math.fsum(weights.values())
        case Quantiles():
            return _linear(distribution.levels, distribution.values, x)
        case _:
            assert_never(distribution)


def _shape(distribution: Exponential[float] | Erlang[float] | Gamma[float]) -> float:
    match distribution:
        case Exponential():
            return 1.0
        case Erlang():
            return float(distribution.k)
        case _:
            return 1.0 / distribution.scv


def _gamma(shape: float, mean: float, x: FloatArray) -> FloatArray:
    return np.asarray(gammaincc(shape, shape * x / mean)) if mean > 0 else np.zeros(len(x))


def _linear(levels: tuple[float, ...], values: tuple[float, ...], x: FloatArray) -> FloatArray:
    """Of a quantile function that is linear between levels: each piece is uniform, or an atom where it is flat."""
    total = np.zeros(len(x))
    for (lower, upper), (low, high) in zip(pairwise(levels), pairwise(values), strict=True):
        above = (x <= low).astype(float) if high == low else np.clip((high - x) / (high - low), 0.0, 1.0)
        total += (upper - lower) * above
    return total
