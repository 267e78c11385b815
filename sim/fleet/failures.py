"""Failures on the clock: accelerators go down, whoever holds them is interrupted, and they are repaired."""

from collections.abc import Callable, Iterator, Mapping, Sequence

from sim.fleet.environment import FleetEnvironment, Phase, Process, on_grid
from sim.fleet.health import Health, Region, regions
from sim.fleet.ledger import UNASSIGNED, Ledger, State
from sim.fleet.pool import Holding, PoolState
from sim.scenario.failures import Per
from sim.workload.failures import Failure

UP, DOWN = (UNASSIGNED, State.IDLE), (UNASSIGNED, State.DOWN)


class Failures:
    """All that fails in a run.

    `sources` gives by pool what fails there and when. `interrupted` is called with each holding that is hit, and must
    release all of it, in the ledger as well; `changed` with a pool after a failure or a repair there, also of what is
    down by another.
    """

    def __init__(
        self,
        environment: FleetEnvironment,
        pools: Mapping[str, PoolState],
        ledger: Ledger,
        sources: Mapping[str, Sequence[tuple[Per, Iterator[Failure]]]],
        *,
        interrupted: Callable[[Holding], None],
        changed: Callable[[str], None],
    ) -> None:
        self.environment = environment
        self.health = {name: Health(pools[name]) for name in sources}
        for name, health in self.health.items():
            pools[name].repairs = health.repairs
        self._ledger = ledger
        self._interrupted = interrupted
        self._changed = changed
        for name, kinds in sources.items():
            for per, source in kinds:
                environment.process(self._failing(self.health[name], regions(pools[name], per), source))

    def _failing(self, health: Health, units: Sequence[Region], source: Iterator[Failure]) -> Process:
        for failure in source:
            yield self.environment.at(failure.time, Phase.REPAIR)
            self._fail(health, units[failure.unit], failure.repair)

    def _fail(self, health: Health, region: Region, repair: float) -> None:
        health.pool.failures += 1
        end = on_grid(self.environment.now + repair)
        number = health.fail(region, end, self._interrupted)
        self._move(health, number, UP, DOWN)
        repaired = self.environment.at(end, Phase.REPAIR)
        repaired.callbacks.append(lambda _: self._repair(health, region, end))

    def _repair(self, health: Health, region: Region, end: float) -> None:
        self._move(health, health.repair(region, end), DOWN, UP)

    def _move(self, health: Health, number: int, source: tuple[str, State], target: tuple[str, State]) -> None:
        if number:
            self._ledger.move(self.environment.now, health.pool.name, number, source, target)
        self._changed(health.pool.name)
