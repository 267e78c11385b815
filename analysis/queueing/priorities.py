"""Priority classes: whoever is first of the highest class that waits goes next, or interrupts those of lower ones.

Classes are given the highest first: their arrival rates, and the laws of their work.
"""

from collections.abc import Sequence
from itertools import accumulate, pairwise

from analysis.queueing.many_servers import erlang_c, mmc_wait


def priority_waits(rates: Sequence[float], services: Sequence[float], scvs: Sequence[float]) -> list[float]:
    """The mean wait (s) of each class in M/G/1 (Cobham 1954); `services` are means (s), `scvs` of each law."""
    residual = sum(
        rate * service**2 * (1.0 + scv) / 2.0 for rate, service, scv in zip(rates, services, scvs, strict=True)
    )
    return _waits(residual, [rate * service for rate, service in zip(rates, services, strict=True)])


def mmc_priority_waits(rates: Sequence[float], service: float, servers: int) -> list[float]:
    """The mean wait (s) of each class in M/M/c (Cobham 1954); the mean `service` (s) is that of all classes."""
    waiting = erlang_c(sum(rates) * service, servers)
    return _waits(waiting * service / servers, [rate * service / servers for rate in rates])


def preemptive_responses(rates: Sequence[float], services: Sequence[float], scvs: Sequence[float]) -> list[float]:
    """The mean response (s) of each class in M/G/1 where higher classes interrupt, and nothing is lost by it.

    A class sees those above it alone (White and Christie 1958).
    """
    responses, load, residual = [], 0.0, 0.0
    for rate, service, scv in zip(rates, services, scvs, strict=True):
        above = load
        load += rate * service
        residual += rate * service**2 * (1.0 + scv) / 2.0
        responses.append(service / (1.0 - above) + residual / ((1.0 - above) * (1.0 - load)))
    return responses


def mmc_preemptive_responses(rates: Sequence[float], service: float, servers: int) -> list[float]:
    """The same (s) in M/M/c: the first k classes together are an M/M/c, as all have the same mean `service` (s)."""
    together = list(accumulate(rates))
    present = [rate * (mmc_wait(rate, service, servers) + service) for rate in together]
    return [(upto - before) / rate for (before, upto), rate in zip(pairwise([0.0, *present]), rates, strict=True)]


def _waits(until_free: float, loads: Sequence[float]) -> list[float]:
    """`until_free`: what an arrival waits on average for a server to be free, were it alone (s)."""
    left = [1.0 - load for load in accumulate(loads, initial=0.0)]
    return [until_free / (above * below) for above, below in pairwise(left)]
