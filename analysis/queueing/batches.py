"""Requests that are served together: bulk service, batches timed by their size, and waiting for company."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.optimize import brentq
from scipy.special import gammainc

from analysis.queueing.chains import check_truncation, left_and_arrived, poisson, stationary

STATES = 400


class Bulk(NamedTuple):
    """M/M^(1,b)/1: the mean wait (s), the share of time that the server idles, and the root that both follow from."""

    wait: float
    idle: float
    root: float


def bulk_service(arrival_rate: float, service: float, cap: int) -> Bulk:
    """M/M^(1,b)/1: whoever waits, up to b, is served together in an exponential time of this mean (s).

    The queue behind a busy server is geometric in r, the root in (0, 1) of mu r^(b+1) - (lambda + mu) r + lambda = 0
    (Gross and Harris 1998, section 3.2.2); an idle server turns busy with one request.
    """
    rate = 1.0 / service
    root = float(
        brentq(lambda r: rate * r ** (cap + 1) - (arrival_rate + rate) * r + arrival_rate, 0.0, 1.0 - 1e-9, xtol=1e-15)
    )
    busy_and_none_waits = arrival_rate / rate  # over the chance that the server idles
    idle = 1.0 / (1.0 + busy_and_none_waits / (1.0 - root))
    queue = idle * busy_and_none_waits * root / (1.0 - root) ** 2
    return Bulk(queue / arrival_rate, idle, root)


class Batches(NamedTuple):
    """Batches at one server: mean response (s), mean batch, and the share of time that the server is busy."""

    response: float
    batch: float
    busy: float


def dynamic_batches(arrival_rate: float, seconds: Sequence[float], states: int = STATES) -> Batches:
    """Poisson arrivals at one server that takes whoever waits, up to b = len(seconds), in seconds[size - 1].

    The number left behind by a batch is a chain. Summed over a cycle from one end of a batch to the next it gives the
    mean number inside, and Little's law the response.
    """
    behind = np.arange(states)
    served = np.clip(behind, 1, len(seconds))
    times = np.asarray(seconds)[served - 1]
    arrivals = np.array([poisson(arrival_rate * time, states - 1) for time in times])
    shares = stationary(left_and_arrived(np.maximum(behind - served, 0), arrivals))
    check_truncation(shares)
    cycle = float(shares @ times) + shares[0] / arrival_rate
    inside = shares @ (np.maximum(behind, 1) * times + arrival_rate * times**2 / 2.0) / cycle
    return Batches(float(inside) / arrival_rate, float(shares @ served), float(shares @ times / cycle))


class Company(NamedTuple):
    """Batches that wait to be filled: the mean wait of a request (s) and the mean batch."""

    wait: float
    batch: float


def waiting_for_company(arrival_rate: float, cap: int, delay: float) -> Company:
    """Poisson arrivals that leave together once there are `cap`, or once the first has waited `delay` (s).

    Service takes no time. The first opens a batch; k are inside for the mean time that k - 1 arrivals, and no more,
    have come within the delay: the incomplete gamma function.
    """
    expected = arrival_rate * delay
    reached = np.array([float(gammainc(k, expected)) for k in range(1, cap)])
    waited = float(np.arange(1, cap) @ reached) / arrival_rate
    batch = 1.0 + math.fsum(reached)
    return Company(waited / batch, batch)
