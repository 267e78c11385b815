"""From a pool of the scenario to its state at time zero, to what fails in it, and to the watts that it draws."""

from collections.abc import Iterator, Mapping, Sequence

from sim.fleet.health import regions
from sim.fleet.ledger import PoolPower, State
from sim.fleet.pool import PoolState, PoolTraits
from sim.hardware import training_power
from sim.placing import Placed
from sim.policies.protocols import Placement
from sim.scenario import Scenario
from sim.workload.failures import Failure, failure_source


def pool_state(scenario: Scenario, name: str, placement: Placement) -> PoolState:
    """A pool of which nothing is held."""
    pool = scenario.pools[name]
    row = scenario.accelerator(pool.accelerator)
    watts = training_power(row) + pool.host_power.busy / pool.accelerators_per_node
    traits = PoolTraits(
        slices=row.slices,
        across_nodes=pool.slowdown.across_nodes,
        across_racks=pool.slowdown.across_racks,
        spare_nodes=pool.spare_nodes,
        price=pool.price,
        power=watts * scenario.sites[pool.site].pue,
    )
    return PoolState(name, pool.nodes, pool.accelerators_per_node, pool.racks, placement, traits)


def failures_of(scenario: Scenario, pool: PoolState, number: int) -> Iterator[Failure]:
    """What fails by the pool's list of failures, at this place in it. Raises TraceError."""
    spec, path = scenario.pools[pool.name].failures[number], ("pools", pool.name, "failures", str(number))
    units = len(regions(pool, spec.per))
    return failure_source(spec, units, seed=scenario.seed, path=path, folder=scenario.folder)


def pool_power(scenario: Scenario, name: str, replicas: Mapping[str, Sequence[Placed]]) -> PoolPower:
    """The watts of a pool's accelerators by owner and state, and of its hosts an accelerator."""
    pool = scenario.pools[name]
    row = scenario.accelerator(pool.accelerator)
    watts: dict[tuple[str, State], float] = {}
    for service, placed in replicas.items():
        for each in placed:
            if each.pool == name:
                watts[service, State.RESIDENT] = each.replica.resident_power / each.replica.accelerators
    for stream in scenario.training:
        watts[stream, State.BUSY] = training_power(row)
    share = pool.accelerators_per_node
    return PoolPower(
        pool.accelerators, row.idle_power, watts, pool.host_power.idle / share, pool.host_power.busy / share
    )
