"""What jobs took of the fleet, counted from the times in which they ran and not from the ledger."""

from collections.abc import Iterable

from sim.accounts import HOUR, Bill, add, priced
from sim.fleet.ledger import Ledger, State
from sim.scenario import Scenario
from sim.training.job import Job
from sim.training.summary import held_seconds

Watts = tuple[float, float]
"""Of an accelerator, and of its share of the host."""


class JobBills:
    """Bills of jobs, with the watts of a run's ledger: a gang draws what is busy, what it holds beyond it idles."""

    def __init__(self, scenario: Scenario, ledger: Ledger) -> None:
        self._scenario = scenario
        self._ledger = ledger
        self._watts: dict[tuple[str, str], tuple[Watts, Watts]] = {}
        """By pool and stream: busy, and idle."""

    def of(self, jobs: Iterable[Job], start: float, end: float) -> Bill:
        """What some jobs took in [start, end) (seconds)."""
        seconds: dict[tuple[str, str], list[float]] = {}
        for job in jobs:
            for spell in job.spells:
                held = held_seconds(spell, start, end)
                if held:
                    sums = seconds.setdefault((spell.holding.pool, job.stream), [0.0, 0.0])
                    sums[0] += held * spell.accelerators
                    sums[1] += held * spell.holding.unused
        bills = [self._bill(*cell, *sums) for cell, sums in seconds.items()]
        return bills[0] if len(bills) == 1 else add(bills)

    def _bill(self, pool: str, stream: str, busy: float, unused: float) -> Bill:
        (busy_watts, busy_host), (idle_watts, idle_host) = self._watts_of(pool, stream)
        joules, host_joules = busy * busy_watts + unused * idle_watts, busy * busy_host + unused * idle_host
        return priced(self._scenario, pool, (busy + unused) / HOUR, joules, host_joules)

    def _watts_of(self, pool: str, stream: str) -> tuple[Watts, Watts]:
        if (pool, stream) not in self._watts:
            cell, ledger = (self._ledger.pools[pool], self._ledger.owners[stream]), self._ledger
            busy, idle = ((*cell, State.BUSY), (*cell, State.IDLE))
            self._watts[pool, stream] = (
                (float(ledger.watts[busy]), float(ledger.host_watts[busy])),
                (float(ledger.watts[idle]), float(ledger.host_watts[idle])),
            )
        return self._watts[pool, stream]
