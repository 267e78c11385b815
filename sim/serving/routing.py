"""Which replica takes a request on arrival."""

from typing import Any

import numpy as np

from sim.serving.compiler import entry, helper
from sim.serving.layout import LEAST_OUTSTANDING, POWER_OF_TWO, RANDOM, ROUND_ROBIN

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_ONE = np.uint64(0xBF58476D1CE4E5B9)
_MIX_TWO = np.uint64(0x94D049BB133111EB)
_SHIFTS = (np.uint64(30), np.uint64(27), np.uint64(31), np.uint64(32))


@helper
def draw(key: int, counter: int, below: int) -> int:
    """A number in [0, below) that depends on nothing but its key and counter (the SplitMix64 finalizer)."""
    word = np.uint64(key) + np.uint64(counter + 1) * _GOLDEN
    word = (word ^ (word >> _SHIFTS[0])) * _MIX_ONE
    word = (word ^ (word >> _SHIFTS[1])) * _MIX_TWO
    word = word ^ (word >> _SHIFTS[2])
    return np.int64(  # type: ignore[return-value]  # numba would mix a signed with an unsigned word to a float
        ((word >> _SHIFTS[3]) * np.uint64(below)) >> _SHIFTS[3]
    )


@helper
def outstanding_changed(plane: Any, replica_index: int) -> None:
    """Bring the tree of least counts up to date above one replica.

    A service's tree has its root at 1 and its replicas from `leaves` on; every node holds the least count below it.
    """
    replica = entry(plane.replicas, replica_index)
    service = entry(plane.services, replica.service)
    trees = plane.trees
    node = service.leaves + replica_index - service.first_replica
    trees[service.tree + node] = replica.outstanding
    while node > 1:
        node >>= 1
        least = min(entry(trees, service.tree + 2 * node), entry(trees, service.tree + 2 * node + 1))
        if entry(trees, service.tree + node) == least:
            return
        trees[service.tree + node] = least


@helper
def least_outstanding(plane: Any, service: Any) -> int:
    """The first replica from the cursor on, in rotation, that has the least outstanding requests."""
    trees = plane.trees
    offset = service.tree
    least = entry(trees, offset + 1)
    leaf = _first_from(trees, offset, service.leaves, service.cursor, least)
    if leaf < 0:
        leaf = _first_from(trees, offset, service.leaves, 0, least)
    return leaf


@helper
def _first_from(trees: Any, offset: int, leaves: int, position: int, least: int) -> int:
    """The first leaf at or after `position` whose count is `least`, or -1: up to a right-hand subtree, then down."""
    node = leaves + position
    while entry(trees, offset + node) != least:
        while node & 1:
            if node == 1:
                return -1
            node >>= 1
        node += 1
    while node < leaves:
        node *= 2
        if entry(trees, offset + node) != least:
            node += 1
    return node - leaves


@helper
def route(plane: Any, service: Any) -> int:
    """The replica that a rule binds an arriving request to."""
    replicas = service.replicas
    chosen = 0
    if service.routing == ROUND_ROBIN:
        chosen = service.cursor
        service.cursor = chosen + 1 if chosen + 1 < replicas else 0
    elif service.routing == RANDOM:
        chosen = draw(service.key, service.index, replicas)
    elif service.routing == LEAST_OUTSTANDING:
        chosen = least_outstanding(plane, service)
        service.cursor = chosen + 1 if chosen + 1 < replicas else 0
    elif service.routing == POWER_OF_TWO and replicas > 1:
        first, second = _two_drawn(service, service.index)
        load_of_first = entry(plane.replicas, service.first_replica + first).outstanding
        chosen = first if load_of_first <= entry(plane.replicas, service.first_replica + second).outstanding else second
    return service.first_replica + chosen


@helper
def _two_drawn(service: Any, request_number: int) -> tuple[int, int]:
    first = draw(service.key, 2 * request_number, service.replicas)
    second = draw(service.key, 2 * request_number + 1, service.replicas - 1)
    return first, second + 1 if second >= first else second


@helper
def replicas_looked_at(service: Any) -> tuple[int, int, int]:
    """The replicas at which a rule will look for the next arrival: the first of them, how many, and how far apart."""
    if service.routing == ROUND_ROBIN:
        return service.first_replica + service.cursor, 1, 0
    if service.routing == RANDOM:
        return service.first_replica + draw(service.key, service.index + 1, service.replicas), 1, 0
    if service.routing == POWER_OF_TWO and service.replicas > 1:
        first, second = _two_drawn(service, service.index + 1)
        return service.first_replica + first, 2, second - first
    return service.first_replica, 1, 0
