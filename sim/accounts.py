"""Who used how much over the window: accelerator-hours, energy, money and carbon, by owner, pool and site.

Energy is that of accelerators and hosts, before the facility's overhead; cost and carbon count what the facility draws
(PUE). A figure that rests on an unknown price or an unknown embodied carbon is None.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim.fleet.ledger import UNASSIGNED, Ledger, State
from sim.scenario import Scenario
from sim.telemetry import Totals

HOUR = 3600.0
KWH = 3.6e6
LIFETIME_HOURS = 4 * 365.25 * 24
"""Embodied carbon is spread evenly over four years of service, the usual depreciation of servers."""

Cube = NDArray[np.float64]


def sum_known(values: Iterable[float | None]) -> float | None:
    """The sum, or None as soon as one value is unknown."""
    total = 0.0
    for value in values:
        if value is None:
            return None
        total += value
    return total


@dataclass(frozen=True)
class Bill:
    """What some accelerators took over the window."""

    accelerator_hours: float
    energy_kwh: float
    host_energy_kwh: float
    facility_energy_kwh: float
    hardware_usd: float | None
    electricity_usd: float
    operational_kg: float
    embodied_kg: float | None

    @property
    def cost_usd(self) -> float | None:
        """Hardware and electricity."""
        return sum_known((self.hardware_usd, self.electricity_usd))

    @property
    def carbon_kg(self) -> float | None:
        """Operational and embodied."""
        return sum_known((self.operational_kg, self.embodied_kg))


def add(bills: Iterable[Bill]) -> Bill:
    """One bill for all."""
    every = list(bills)
    return Bill(
        accelerator_hours=sum((bill.accelerator_hours for bill in every), 0.0),
        energy_kwh=sum((bill.energy_kwh for bill in every), 0.0),
        host_energy_kwh=sum((bill.host_energy_kwh for bill in every), 0.0),
        facility_energy_kwh=sum((bill.facility_energy_kwh for bill in every), 0.0),
        hardware_usd=sum_known(bill.hardware_usd for bill in every),
        electricity_usd=sum((bill.electricity_usd for bill in every), 0.0),
        operational_kg=sum((bill.operational_kg for bill in every), 0.0),
        embodied_kg=sum_known(bill.embodied_kg for bill in every),
    )


def priced(scenario: Scenario, pool: str, hours: float, joules: float, host_joules: float) -> Bill:
    """The bill of so many accelerator-hours in a pool, whose accelerators and hosts drew so many joules."""
    spec = scenario.pools[pool]
    site, row = scenario.sites[spec.site], scenario.accelerator(spec.accelerator)
    host = host_joules / KWH
    energy = joules / KWH + host
    facility = energy * site.pue
    return Bill(
        accelerator_hours=hours,
        energy_kwh=energy,
        host_energy_kwh=host,
        facility_energy_kwh=facility,
        hardware_usd=_times(spec.price, hours),
        electricity_usd=facility * site.electricity,
        operational_kg=facility * site.carbon_intensity,
        embodied_kg=_times(row.embodied_carbon, hours / LIFETIME_HOURS),
    )


class Accounts:
    """The bills of a window between two readings of the ledger."""

    def __init__(self, scenario: Scenario, ledger: Ledger, opening: Totals, closing: Totals) -> None:
        self.scenario = scenario
        self.ledger = ledger
        self.window = closing.time - opening.time
        self.seconds: Cube = closing.seconds - opening.seconds
        self.joules: Cube = closing.ledger_joules - opening.ledger_joules
        self.host_joules: Cube = closing.host_joules - opening.host_joules
        self._bills: dict[tuple[str, str], Bill] = {}

    def bill(self, pool: str, owner: str) -> Bill:
        """What an owner took of a pool."""
        if (pool, owner) not in self._bills:
            self._bills[pool, owner] = self._bill(pool, owner)
        return self._bills[pool, owner]

    def _bill(self, pool: str, owner: str) -> Bill:
        cell = self.ledger.pools[pool], self.ledger.owners[owner]
        seconds, joules, host_joules = (
            float(each[cell].sum()) for each in (self.seconds, self.joules, self.host_joules)
        )
        return priced(self.scenario, pool, seconds / HOUR, joules, host_joules)

    def of_owner(self, owner: str) -> Bill:
        """What an owner took of all pools it held something of."""
        index = self.ledger.owners[owner]
        held = [pool for pool, at in self.ledger.pools.items() if self.seconds[at, index].any()]
        return add(self.bill(pool, owner) for pool in held)

    def of_pool(self, pool: str) -> Bill:
        """What all owners took of a pool, the unassigned part included."""
        return add(self.bill(pool, owner) for owner in self.ledger.owners)

    def of_site(self, site: str) -> Bill:
        """What the pools of a site took."""
        return add(self.of_pool(name) for name, pool in self.scenario.pools.items() if pool.site == site)

    def of_fleet(self) -> Bill:
        """What all pools took."""
        return add(self.of_pool(pool) for pool in self.scenario.pools)

    def share(self, pool: str, owners: Iterable[str], state: State | None = None) -> float:
        """The share of a pool's accelerator-time that some owners held, or spent in a state."""
        at = self.ledger.pools[pool]
        part = sum(
            float(self.seconds[at, self.ledger.owners[owner]].sum())
            if state is None
            else float(self.seconds[at, self.ledger.owners[owner], state])
            for owner in owners
        )
        return part / (self.scenario.pools[pool].accelerators * self.window)

    def energy_by_state(self, pool: str) -> dict[str, float]:
        """Accelerators' kWh of a pool by state; the states that never were are left out."""
        at = self.ledger.pools[pool]
        by_state = self.joules[at].sum(axis=0) / KWH
        times = self.seconds[at].sum(axis=0)
        return {state.name.lower(): float(by_state[state]) for state in State if times[state] > 0}

    @property
    def holders(self) -> list[str]:
        """All owners but the unassigned."""
        return [owner for owner in self.ledger.owners if owner != UNASSIGNED]


def _times(factor: float | None, value: float) -> float | None:
    return None if factor is None else factor * value
