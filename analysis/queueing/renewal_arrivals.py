"""Independent gaps of any law and exponential service at one server: G/M/1 (Kleinrock 1975, section 6.4).

An arrival finds n requests with probability (1 - sigma) sigma^n, where sigma is the root in (0, 1) of
sigma = A((1 - sigma) / service) and A the Laplace transform of the gaps. Every law of gaps here is such a transform.
"""

import math
from collections.abc import Callable

from scipy.optimize import brentq

Transform = Callable[[float], float]
"""E[exp(-s x gap)] as a function of s (1/s)."""

_SHORT_OF_ONE = 1e-9
"""1 is a root, too, and not the one that is meant."""


def gm1_root(gaps: Transform, service: float) -> float:
    """The share of arrivals that wait in G/M/1. `service` is the mean (s)."""
    return float(brentq(lambda root: root - gaps((1.0 - root) / service), 0.0, 1.0 - _SHORT_OF_ONE, xtol=1e-15))


def gm1_wait(gaps: Transform, service: float) -> float:
    """The mean wait in G/M/1, first come first served (s)."""
    root = gm1_root(gaps, service)
    return root * service / (1.0 - root)


def gm1_wait_over(limit: float, gaps: Transform, service: float) -> float:
    """The share of arrivals that wait longer than a limit (s)."""
    root = gm1_root(gaps, service)
    return root * math.exp(-(1.0 - root) * limit / service)


def equal_gaps(rate: float) -> Transform:
    """D/M/1: arrivals at equal gaps."""
    return lambda s: math.exp(-s / rate)


def gamma_gaps(rate: float, shape: float) -> Transform:
    """Gamma gaps of mean 1 / rate; scv = 1 / shape. Shape 1 is Poisson, shape k is E_k/M/1.

    Dealing a Poisson stream of rate k x `rate` to k servers in turn gives each of them Erlang gaps of shape k.
    """
    return lambda s: (1.0 + s / (shape * rate)) ** -shape


def interrupted_gaps(rate_while_on: float, mean_on: float, mean_off: float) -> Transform:
    """Poisson while on and silent while off, both exponential (s): a renewal process (Kuczura 1973)."""
    to_off, to_on = 1.0 / mean_on, 1.0 / mean_off

    def transform(s: float) -> float:
        return rate_while_on * (s + to_on) / (s * s + (rate_while_on + to_off + to_on) * s + rate_while_on * to_on)

    return transform
