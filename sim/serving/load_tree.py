"""A tree over the replicas of a service, in which the one with the least load is found in logarithmic time.

A service's tree has its root at 1 and its replicas from `leaves` on; every node holds the least load below it.
"""

from typing import Any

from sim.serving.compiler import entry, helper, is_full
from sim.serving.layout import LEAST_OUTSTANDING, LEAST_WORK, NEVER, WEIGHTED
from sim.serving.ready_set import takes_no_more


@helper
def load_changed(plane: Any, replica_index: int) -> None:
    """Bring a service's tree up to date above one replica, where its rule has one."""
    replica = entry(plane.replicas, replica_index)
    service = entry(plane.services, replica.service)
    if takes_no_more(plane, replica):
        set_load(plane.trees, service, replica_index, NEVER)
    elif service.routing == LEAST_OUTSTANDING:
        set_load(plane.trees, service, replica_index, float(replica.outstanding))
    elif is_full(plane) and service.routing == LEAST_WORK:
        set_load(plane.trees, service, replica_index, replica.work)
    elif is_full(plane) and service.routing == WEIGHTED:
        load = (replica.outstanding + 1) / entry(plane.laws, replica.law - replica.loaded).speed
        set_load(plane.trees, service, replica_index, load)


@helper
def set_load(trees: Any, service: Any, replica_index: int, load: float) -> None:
    """Give a replica another load."""
    node = service.leaves + replica_index - service.first_replica
    trees[service.tree + node] = load
    while node > 1:
        node >>= 1
        least = min(entry(trees, service.tree + 2 * node), entry(trees, service.tree + 2 * node + 1))
        if entry(trees, service.tree + node) == least:
            return
        trees[service.tree + node] = least


@helper
def least_loaded(trees: Any, service: Any, enough: float) -> int:
    """The first replica from the cursor on, in rotation, that has the least load, or one of at most `enough`."""
    bound = max(entry(trees, service.tree + 1), enough)
    leaf = first_from(trees, service.tree, service.leaves, service.cursor, bound)
    if leaf < 0:
        leaf = first_from(trees, service.tree, service.leaves, 0, bound)
    return leaf


@helper
def first_from(trees: Any, offset: int, leaves: int, position: int, bound: float) -> int:
    """The first leaf at or after `position` whose load is at most `bound`, or -1: up to the right, then down."""
    node = leaves + position
    while entry(trees, offset + node) > bound:
        while node & 1:
            if node == 1:
                return -1
            node >>= 1
        node += 1
    while node < leaves:
        node *= 2
        if entry(trees, offset + node) > bound:
            node += 1
    return node - leaves
