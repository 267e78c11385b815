"""Requests that leave when they have waited too long: M/M/c+G (Zeltyn and Mandelbaum 2005).

All of it follows from J = integral of exp(lambda H(x) - c mu x) over the waits x that are offered, H(x) being the mean
of the shorter of x and the patience.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

from scipy.integrate import quad

from analysis.queueing.many_servers import erlang_b


class Impatient(NamedTuple):
    """The share of arrivals that leave unserved, and the share that finds no server free."""

    left: float
    waited: float


def fixed_patience(arrival_rate: float, service: float, servers: int, patience: float) -> Impatient:
    """M/M/c+D: everybody leaves who has waited so long (s)."""
    return _impatient(arrival_rate, service, servers, lambda x: min(x, patience), patience)


def exponential_patience(arrival_rate: float, service: float, servers: int, patience: float) -> Impatient:
    """M/M/c+M, Erlang-A: exponential patience of this mean (s)."""
    return _impatient(arrival_rate, service, servers, lambda x: -patience * math.expm1(-x / patience), patience)


def _impatient(
    arrival_rate: float, service: float, servers: int, shorter: Callable[[float], float], patience: float
) -> Impatient:
    """`shorter` is H; `patience` (s) is where its form changes, if anywhere, so that the integral is split there."""
    drain = servers / service

    def offered(x: float) -> float:
        return math.exp(arrival_rate * shorter(x) - drain * x)

    area = quad(offered, 0.0, patience, epsabs=0.0)[0] + quad(offered, patience, math.inf, epsabs=0.0)[0]
    # the chance that a server is free over that of c - 1 busy ones: Erlang's loss at c - 1 servers, inverted
    free = 1.0 / erlang_b(arrival_rate * service, servers - 1)
    waited = arrival_rate * area / (free + arrival_rate * area)
    return Impatient((1.0 + (arrival_rate - drain) * area) / (free + arrival_rate * area), waited)
