"""Whether the pools have room for the services' replicas, by simple counting; `replicas: all` becomes a number here."""

from collections.abc import Mapping

from sim.scenario import paths
from sim.scenario.document import Document
from sim.scenario.errors import Problem, ScenarioError
from sim.scenario.fleet import Pool
from sim.scenario.replica_group import ReplicaGroup, Replicas
from sim.scenario.rows import RowError
from sim.scenario.scenario import Scenario
from sim.scenario.service import Service

Place = tuple[str, str]
"""The name of a service and of a group of its replicas (nothing where it has one only)."""


def fill_replicas(scenario: Scenario, document: Document) -> Scenario:
    """Return the scenario with a number of replicas wherever the file says `all`: what the other services leave.

    Raises ScenarioError where a service does not fit.
    """
    groups = {(name, at): each for name, own in scenario.services.items() for at, each in own.replica_groups.items()}
    every = [place for place in groups if _asks_for_all(document, place)]
    free = {name: pool.accelerators_in_use for name, pool in scenario.pools.items()}
    problems = []
    for place in sorted(groups, key=lambda place: place in every):
        group = groups[place]
        wanted = sum(free.values()) if place in every else group.replicas.initial
        placed = _place(scenario, group, wanted, free)
        if place in every and placed:
            groups[place] = group.model_copy(update={"replicas": _number(placed)})
        elif placed < wanted:
            problems.append(_too_little_room(document, place, group, placed, scenario.pools))
    if problems:
        raise ScenarioError(problems)
    services = {name: _with_groups(service, name, groups) for name, service in scenario.services.items()}
    return scenario.model_copy(update={"services": services})


def _number(replicas: int) -> Replicas:
    return Replicas(initial=replicas, min=replicas, max=replicas)


def _with_groups(service: Service, name: str, groups: Mapping[Place, ReplicaGroup]) -> Service:
    """The service with its groups as they are given, and with the replicas of all of them."""
    if service.groups is None:
        return service.model_copy(update={"replicas": groups[name, ""].replicas})
    own = {at: groups[name, at] for at in service.replica_groups}
    together = _number(sum(group.replicas.initial for group in own.values()))
    return service.model_copy(update={"groups": service.groups.model_copy(update=own), "replicas": together})


def keys_of(place: Place) -> paths.Path:
    """Where a group of replicas stands in the file."""
    name, group = place
    return ("services", name, "groups", group) if group else ("services", name)


def _asks_for_all(document: Document, place: Place) -> bool:
    try:
        return bool(paths.value_at(document.data, (*keys_of(place), "replicas")) == "all")
    except KeyError:
        return False


def _place(scenario: Scenario, group: ReplicaGroup, wanted: int, free: dict[str, int]) -> int:
    """Take accelerators for up to `wanted` replicas, pools in order of preference; a replica never spans nodes."""
    placed = 0
    for name in group.pools:
        pool, most = scenario.pools[name], group.most_in(name)
        size = _held(scenario, pool, group.tensor_in(name))
        room = min(free[name] // size, pool.nodes_in_use * (pool.accelerators_per_node // size), wanted - placed)
        room = room if most is None else min(room, most)
        free[name] -= room * size
        placed += room
    return placed


def _held(scenario: Scenario, pool: Pool, tensor: int) -> int:
    """The accelerators that a replica holds: its own number, or the smallest slice with room for it."""
    try:
        slices = scenario.accelerator(pool.accelerator).slices
    except RowError:
        return tensor  # what is wrong with the row is said elsewhere
    return next((size for size in slices if size >= tensor), tensor)


def _too_little_room(
    document: Document, place: Place, group: ReplicaGroup, placed: int, pools: Mapping[str, Pool]
) -> Problem:
    for pool in group.pools:
        tensor, widest = group.tensor_in(pool), pools[pool].accelerators_per_node
        several = isinstance(group.pools, Mapping)
        if tensor > widest and (several or all(pools[each].accelerators_per_node < tensor for each in group.pools)):
            message = f"a replica of {tensor} accelerators spans nodes of {widest}: that arrives in a later version"
            return document.problem((*keys_of(place), *group.tensor_key(pool)), message, f"at most {widest}")
    sizes = " or ".join(map(str, sorted({group.tensor_in(pool) for pool in group.pools})))
    spoken = ", ".join(f"`{pool}`" for pool in group.pools)
    message = f"{group.replicas.initial} replicas of {sizes} do not fit: there is room for {placed} in {spoken}"
    return document.problem((*keys_of(place), "replicas"), message, "more nodes, or fewer replicas")
