"""Priority classes that do not interrupt what is served: whoever is first of the highest class that waits goes next.

Classes are given the highest first: their arrival rates, and the laws of their work.
"""

from collections.abc import Sequence
from itertools import accumulate, pairwise

from analysis.queueing.many_servers import erlang_c


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


def _waits(until_free: float, loads: Sequence[float]) -> list[float]:
    """`until_free`: what an arrival waits on average for a server to be free, were it alone (s)."""
    left = [1.0 - load for load in accumulate(loads, initial=0.0)]
    return [until_free / (above * below) for above, below in pairwise(left)]
