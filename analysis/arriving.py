"""What arrives: the rates of processes, on average and at the peak, and the number to the horizon."""

from typing import NamedTuple

from sim.preparation import FOREVER, Prepared, seconds_into_week
from sim.workload.arrivals import RandomArrivals, expected

WEEK = 604800.0


class Arriving(NamedTuple):
    """What arrives. Rates in 1/s; `number` to the horizon, None where the run ends with its jobs."""

    rate: float
    peak_rate: float
    number: float | None
    at_most: bool = False
    """Whether these are bounds: how often the clients of a closed loop send depends on when they are answered."""


def drawn(prepared: Prepared, arrivals: RandomArrivals, pool: str) -> Arriving:
    """What a process brings, on the clock of a pool's site."""
    endless = prepared.until == FOREVER
    start = seconds_into_week(prepared.scenario, pool)
    found = expected(arrivals, start_of_day=start, until=WEEK if endless else prepared.until)
    return Arriving(arrivals.rate, found.peak_rate, None if endless else found.arrivals)
