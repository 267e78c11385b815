"""Poisson arrivals and exponential service at c servers: M/M/c, M/M/c/c and M/M/c/K (Kleinrock 1975, chapter 3).

The load a = arrival rate x mean service is a plain number (erlangs).
"""

import math
from typing import NamedTuple

import numpy as np


def erlang_b(load: float, servers: int) -> float:
    """The share of arrivals lost by M/G/c/c (Erlang 1917), whatever the law of service (Sevastyanov 1957).

    By the recurrence 1/B(c) = 1 + c/a / B(c-1): all its terms are positive, so it is exact to rounding for any c,
    where quotients of powers and factorials overflow.
    """
    if load == 0:
        return 0.0
    inverse = 1.0
    for number in range(1, servers + 1):
        inverse = 1.0 + inverse * number / load
    return 1.0 / inverse


def erlang_c(load: float, servers: int) -> float:
    """The share of arrivals that wait in M/M/c; 1 where the load is more than the servers carry."""
    if load >= servers:
        return 1.0
    lost = erlang_b(load, servers)
    return servers * lost / (servers - load * (1.0 - lost))


def mmc_wait(arrival_rate: float, service: float, servers: int) -> float:
    """The mean wait in M/M/c, first come first served (s). `service` is the mean (s)."""
    load = arrival_rate * service
    return erlang_c(load, servers) * service / (servers - load)


def mmc_wait_over(limit: float, arrival_rate: float, service: float, servers: int) -> float:
    """The share of arrivals that wait longer than a limit (s): those that wait at all wait exponentially."""
    load = arrival_rate * service
    return erlang_c(load, servers) * math.exp(-(servers - load) * limit / service)


def mmc_wait_quantile(level: float, arrival_rate: float, service: float, servers: int) -> float:
    """The wait (s) that a share `level` of the arrivals does not exceed."""
    load = arrival_rate * service
    waiting = erlang_c(load, servers)
    return max(0.0, math.log(waiting / (1.0 - level)) * service / (servers - load))


class LimitedQueue(NamedTuple):
    """M/M/c/K: the share of arrivals turned away, the mean wait of those let in (s), the mean of busy servers."""

    lost: float
    wait: float
    busy: float


def mmck(arrival_rate: float, service: float, servers: int, places: int) -> LimitedQueue:
    """M/M/c with places for K requests, those in service included: a chain of births and deaths.

    Weights are products of a / min(n, c), kept as logarithms; the wait is Little's law over those let in.
    """
    load = arrival_rate * service
    inside = np.arange(places + 1)
    steps = math.log(load) - np.log(np.minimum(inside[1:], servers))
    weights = np.concatenate([[0.0], np.cumsum(steps)])
    shares = np.exp(weights - weights.max())
    shares /= shares.sum()
    lost = float(shares[-1])
    queue = float(shares @ np.maximum(inside - servers, 0))
    return LimitedQueue(lost, queue / (arrival_rate * (1.0 - lost)), load * (1.0 - lost))
