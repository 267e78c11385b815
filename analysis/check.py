"""What a run of a scenario would hold, said without running it."""

import math
from collections.abc import Iterator

from sim import units
from sim.scenario import Scenario
from sim.scenario.arrivals import TraceArrivals
from sim.scenario.service import Service
from sim.scenario.training import TrainingStream


def describe(scenario: Scenario) -> list[str]:
    """Lines for people: the clock, pools, services, training streams, and the defaults in effect."""
    return [
        _clock(scenario),
        *_pools(scenario),
        *(line for name, service in scenario.services.items() for line in _service(scenario, name, service)),
        *(line for name, stream in scenario.training.items() for line in _stream(scenario, name, stream)),
        *_defaults(scenario),
    ]


def _clock(scenario: Scenario) -> str:
    horizon = "until every job has ended" if isinstance(scenario.horizon, str) else units.show(scenario.horizon, "time")
    return f"{scenario.name}: {horizon}, warm-up {units.show(scenario.warmup, 'time')}, seed {scenario.seed}"


def _pools(scenario: Scenario) -> Iterator[str]:
    for name, pool in scenario.pools.items():
        nodes = f"{pool.nodes} nodes of {pool.accelerators_per_node} {pool.accelerator}"
        yield f"pool {name}: {nodes} = {pool.accelerators} accelerators"


def _service(scenario: Scenario, name: str, service: Service) -> Iterator[str]:
    tensor, replicas = service.parallelism.tensor, service.replicas.initial
    held = f"{replicas * tensor} accelerators of {', '.join(service.pools)}"
    yield f"service {name}: {replicas} replicas of {tensor} hold {held}"
    arrivals = service.requests.arrivals
    if isinstance(arrivals, TraceArrivals):
        yield f"  arrivals from {arrivals.path}"
    else:
        expected = _expected(scenario, arrivals.rate, arrivals.growth, "requests")
        yield f"  {units.show(arrivals.rate, 'rate')} on average{expected}"


def _stream(scenario: Scenario, name: str, stream: TrainingStream) -> Iterator[str]:
    from sim.workload.distributions import mean

    if stream.trace is not None:
        yield f"training {name}: jobs from {stream.trace.path}"
    if stream.arrivals is None or isinstance(stream.arrivals, TraceArrivals):
        return
    rate = stream.arrivals.rate
    yield f"training {name}: {units.show(rate, 'rate')}{_expected(scenario, rate, stream.arrivals.growth, 'jobs')}"
    if stream.accelerators is not None and stream.duration is not None:
        demand = rate * mean(stream.accelerators) * mean(stream.duration)
        room = sum(scenario.pools[pool].accelerators for pool in stream.pools)
        yield f"  needs {demand:.4g} accelerators on average, of {room} in {', '.join(stream.pools)}"


def _expected(scenario: Scenario, rate: float, growth: float, what: str) -> str:
    if isinstance(scenario.horizon, str):
        return ""
    grown = math.expm1(growth * scenario.horizon) / growth if growth else scenario.horizon
    return f", about {rate * grown:,.0f} {what} to the horizon"


def _defaults(scenario: Scenario) -> Iterator[str]:
    yield "defaults in effect:"
    yield from (f"  {path}: {value}" for path, value in scenario.defaults().items() if value not in ("", {}))
