"""Watts of one busy accelerator from what it achieves, and how fast it computes under a power cap."""

import math
from typing import assert_never

from sim.catalog.rows import Accelerator, ExponentPower, UtilizationPower
from sim.hardware.errors import CapTooLow, MissingFigure


def uncapped_power(accelerator: Accelerator, memory: float, compute: float) -> float:
    """Give busy watts without a cap at utilizations of memory and compute (achieved over peak, 0 to 1).

    Raises:
        MissingFigure: The row has neither a power law nor a constant busy power.

    """
    if accelerator.busy_power is not None:
        return accelerator.busy_power
    law, peak = accelerator.power_law, accelerator.peak_power
    match law:
        case UtilizationPower():
            return peak * min(1.0, law.base + law.memory * memory + law.compute * compute)
        case ExponentPower():
            utilization = min(1.0, max(memory, compute))
            return accelerator.idle_power + (peak - accelerator.idle_power) * math.pow(utilization, law.exponent)
        case None:
            message = f"{accelerator.name} has neither busy_power nor power_law: its busy watts are unknown"
            raise MissingFigure(message)
        case _:  # pragma: no cover
            assert_never(law)


def busy_power(accelerator: Accelerator, memory: float, compute: float) -> float:
    """Give busy watts at utilizations of memory and compute, never above `power_limit`."""
    return min(power_limit(accelerator), uncapped_power(accelerator, memory, compute))


def power_limit(accelerator: Accelerator) -> float:
    """Give the most watts that a busy accelerator draws: its peak or its cap.

    Raises:
        CapTooLow: The cap is at or below the floor of the cap law.

    """
    if accelerator.power_cap is None:
        return highest_power(accelerator)
    capped_mean(accelerator, accelerator.power_cap)
    return min(highest_power(accelerator), accelerator.power_cap)


def highest_power(accelerator: Accelerator) -> float:
    """Give the most watts without a cap."""
    return accelerator.peak_power if accelerator.busy_power is None else accelerator.busy_power


def capped_mean(accelerator: Accelerator, cap: float) -> float:
    """Give the mean watts at which a cap begins to slow work: the cap law's share of it.

    Raises:
        CapTooLow: The cap is at or below the floor of the cap law.

    """
    law = accelerator.cap_law
    if law is None:
        return cap
    if law.share * cap <= law.floor:
        least = math.ceil(law.floor / law.share)
        message = f"a power cap of {cap:g} W is too low for {accelerator.name}: it must be above {least} W"
        raise CapTooLow(message)
    return law.share * cap


def capped_speed(accelerator: Accelerator, uncapped: float) -> float:
    """Give the speed under the row's cap of work that would draw `uncapped` watts; 1 where the cap does not bind.

    `((share * cap - floor) / (busy - floor)) ** exponent` was fitted to training under power caps (Zeus, NSDI 2023).
    A cap at the peak or above it never binds.

    Raises:
        CapTooLow: The cap is at or below the floor of the cap law.
        MissingFigure: The cap binds and the row has no cap law.

    """
    cap, law = accelerator.power_cap, accelerator.cap_law
    if cap is None or cap >= highest_power(accelerator):
        return 1.0
    allowed = capped_mean(accelerator, cap)
    if uncapped <= allowed:
        return 1.0
    if law is None:
        message = f"{accelerator.name} has no cap_law: its speed under a cap of {cap:g} W is unknown"
        raise MissingFigure(message)
    return math.pow((allowed - law.floor) / (uncapped - law.floor), law.exponent)
