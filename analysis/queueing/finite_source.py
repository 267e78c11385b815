"""Clients in a closed loop at several servers: M/M/c//N, the machine repairman (Gross, Shortle et al. 2008, chapter 2).

A client thinks, sends a request and waits for its answer. Of N clients n are in the system: births (N - n) / think,
deaths min(n, c) / service. Only the mean of the thinking matters.
"""

from typing import NamedTuple

import numpy as np


class Loop(NamedTuple):
    """Requests a second, and the mean seconds from a request to its answer."""

    throughput: float
    response: float


def closed_loop(clients: int, think: float, service: float, servers: int) -> Loop:
    """The mean response is what is left of N / throughput, the time of a round, without the thinking (both s)."""
    inside = np.arange(1, clients + 1)
    steps = np.log((clients - inside + 1) / think) - np.log(np.minimum(inside, servers) / service)
    weights = np.concatenate(([0.0], np.cumsum(steps)))
    shares = np.exp(weights - weights.max())
    shares /= shares.sum()
    throughput = float((shares[1:] * np.minimum(inside, servers)).sum() / service)
    return Loop(throughput, clients / throughput - think)
