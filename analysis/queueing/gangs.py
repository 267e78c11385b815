"""Jobs that hold several servers at once: gangs that are lost, and gangs that block each other."""

from collections.abc import Sequence
from typing import NamedTuple


def kaufman_roberts(servers: int, classes: Sequence[tuple[float, int]]) -> tuple[list[float], float]:
    """The share lost of each class (load in erlangs, gang), and the mean of busy servers, where nobody may wait.

    A gang that finds too few free servers is lost; it need not find them side by side, and the law of its length does
    not matter (Kaufman 1981; Roberts 1981).
    """
    weights = [1.0]
    for used in range(1, servers + 1):
        held = sum(load * gang * weights[used - gang] for load, gang in classes if gang <= used)
        weights.append(held / used)
    total = sum(weights)
    busy = sum(used * weight for used, weight in enumerate(weights)) / total
    return [sum(weights[servers - gang + 1 :]) / total for _, gang in classes], busy


class Saturated(NamedTuple):
    """Gangs that always find others before them: completed a second, and the share of server time that is busy."""

    throughput: float
    utilization: float


def two_servers_saturated(share_of_two: float, service: float) -> Saturated:
    """Two servers, strictly first come first served: gangs of two with such a share, else of one; exponential (s).

    Three states: two of one run; one of two runs; one of one runs and a gang of two waits at the head for both servers.
    """
    two, one = share_of_two, 1.0 - share_of_two
    pair, whole = one * one / (2.0 * two), 1.0
    half = 2.0 * two * pair + one * two * whole
    total = pair + whole + half
    completed = (2.0 * pair + whole + half) / total
    return Saturated(completed / service, (2.0 * (pair + whole) + half) / (2.0 * total))
