"""Whether the pools have room for the services' replicas, by simple counting; `replicas: all` becomes a number here."""

from collections.abc import Mapping

from sim.scenario import paths
from sim.scenario.document import Document
from sim.scenario.errors import Problem, ScenarioError
from sim.scenario.fleet import Pool
from sim.scenario.scenario import Scenario
from sim.scenario.service import Replicas, Service


def fill_replicas(scenario: Scenario, document: Document) -> Scenario:
    """Return the scenario with a number of replicas wherever the file says `all`: what the other services leave.

    Raises ScenarioError where a service does not fit.
    """
    every = [name for name in scenario.services if _asks_for_all(document, name)]
    free = {name: pool.accelerators for name, pool in scenario.pools.items()}
    services, problems = dict(scenario.services), []
    for name in sorted(services, key=lambda name: name in every):
        service = services[name]
        wanted = sum(free.values()) if name in every else service.replicas.initial
        placed = _place(service, wanted, scenario.pools, free)
        if name in every and placed:
            services[name] = service.model_copy(update={"replicas": Replicas(initial=placed, min=placed, max=placed)})
        elif placed < wanted:
            problems.append(_too_little_room(document, name, service, placed, scenario.pools))
    if problems:
        raise ScenarioError(problems)
    return scenario.model_copy(update={"services": services})


def _asks_for_all(document: Document, service: str) -> bool:
    try:
        return bool(paths.value_at(document.data, ("services", service, "replicas")) == "all")
    except KeyError:
        return False


def _place(service: Service, wanted: int, pools: Mapping[str, Pool], free: dict[str, int]) -> int:
    """Take accelerators for up to `wanted` replicas, pools in order of preference; a replica never spans nodes."""
    placed = 0
    for name in service.pools:
        pool, tensor, most = pools[name], service.tensor_in(name), service.most_in(name)
        room = min(free[name] // tensor, pool.nodes * (pool.accelerators_per_node // tensor), wanted - placed)
        room = room if most is None else min(room, most)
        free[name] -= room * tensor
        placed += room
    return placed


def _too_little_room(
    document: Document, name: str, service: Service, placed: int, pools: Mapping[str, Pool]
) -> Problem:
    for pool in service.pools:
        tensor, widest = service.tensor_in(pool), pools[pool].accelerators_per_node
        several = isinstance(service.pools, Mapping)
        if tensor > widest and (several or all(pools[each].accelerators_per_node < tensor for each in service.pools)):
            message = f"a replica of {tensor} accelerators spans nodes of {widest}: that arrives in a later version"
            return document.problem(("services", name, *service.tensor_key(pool)), message, f"at most {widest}")
    sizes = " or ".join(map(str, sorted({service.tensor_in(pool) for pool in service.pools})))
    spoken = ", ".join(f"`{pool}`" for pool in service.pools)
    message = f"{service.replicas.initial} replicas of {sizes} do not fit: there is room for {placed} in {spoken}"
    return document.problem(("services", name, "replicas"), message, "more nodes, or fewer replicas")
