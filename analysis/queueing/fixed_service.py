"""Poisson arrivals and a fixed service at c servers: M/D/c (Crommelin 1932; Franx 2001).

Whoever is in service now has left one service later, so that the number inside, looked at once a service, is a chain.
"""

import math

import numpy as np

from analysis.queueing.chains import FloatArray, check_truncation, left_and_arrived, poisson, stationary

STATES = 800


def mdc_wait(arrival_rate: float, service: float, servers: int, states: int = STATES) -> float:
    """The mean wait in M/D/c, first come first served (s): Little's law over the mean of the chain."""
    inside = _inside(arrival_rate * service, servers, states)
    return float(inside @ np.arange(states)) / arrival_rate - service


def mdc_wait_over(limit: float, arrival_rate: float, service: float, servers: int, states: int = STATES) -> float:
    """The share of arrivals that wait longer than a limit (s).

    With k whole services in the limit and one more, P(W <= x) = sum over j < kc of P(queue <= kc-1-j) times the Poisson
    probability of j in the rest k D - x (Franx 2001, theorem 1): no term is negative, unlike in Crommelin's series.
    """
    inside = _inside(arrival_rate * service, servers, states)
    queue_at_most = np.cumsum(inside)[servers:]
    whole = math.floor(limit / service) + 1
    terms = whole * servers
    if terms > len(queue_at_most):
        raise ArithmeticError(f"a limit of {limit:g} s needs more than {states} states")
    rest = poisson(arrival_rate * (whole * service - limit), terms - 1)
    return 1.0 - float(rest @ queue_at_most[:terms][::-1])


def _inside(load: float, servers: int, states: int) -> FloatArray:
    """How many are inside, shape (states,)."""
    left = np.maximum(np.arange(states) - servers, 0)
    arrivals = np.broadcast_to(poisson(load, states - 1), (states, states))
    found = stationary(left_and_arrived(left, arrivals))
    check_truncation(found)
    return found
