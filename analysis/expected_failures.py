"""How many failures a run of a scenario is to expect in a pool, reckoned without running it."""

from typing import NamedTuple

from sim.fleet.health import regions
from sim.preparation import FOREVER, Prepared
from sim.scenario.failures import Failures
from sim.workload.distributions import mean


class ExpectedFailures(NamedTuple):
    """`rate` of all failures of a pool together (1/s), and their `number` to the horizon; None: not known before."""

    rate: float | None
    number: float | None


def expected_failures(prepared: Prepared, pool: str) -> ExpectedFailures:
    """Reckon one pool: a unit fails once in its mean time between failures and its repair. Uses up traces."""
    rate, number, until = 0.0, 0.0, prepared.until
    specs = prepared.scenario.pools[pool].failures
    for spec, (_, source) in zip(specs, prepared.failures.get(pool, ()), strict=True):
        if spec.trace is None:
            rate += _rate(spec, len(regions(prepared.pools[pool], spec.per)))
        else:
            number += sum(failure.time < until for failure in source)
    if until == FOREVER:
        return ExpectedFailures(rate if all(spec.trace is None for spec in specs) else None, None)
    return ExpectedFailures(rate + number / until, rate * until + number)


def _rate(spec: Failures, units: int) -> float:
    repair = 0.0 if spec.repair is None else mean(spec.repair)
    return units / ((spec.mtbf or 0.0) + repair)
