"""Which nodes take a gang.

A gang that fits on a node takes one node; a larger one takes whole empty nodes. All nodes of a pool are equal; what is
down or spare is not free.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from sim.policies.protocols import IntArray, Nodes, PoolOffer


class FirstFit:
    """The lowest-numbered node with room."""

    def place(self, accelerators: int, free: IntArray, capacity: IntArray, rack: IntArray) -> Nodes | None:  # noqa: ARG002
        """Place a gang (see `Placement`)."""
        if accelerators > capacity[0]:
            return first_empty_nodes(accelerators, free, capacity)
        return on_one_node(int(np.argmax(free >= accelerators)), accelerators, free)


class BestFit:
    """The node that the gang fills most: the fewest accelerators stay free there; ties go to the lowest number."""

    def place(self, accelerators: int, free: IntArray, capacity: IntArray, rack: IntArray) -> Nodes | None:  # noqa: ARG002
        """Place a gang (see `Placement`)."""
        if accelerators > capacity[0]:
            return first_empty_nodes(accelerators, free, capacity)
        left = np.where(free >= accelerators, free, np.iinfo(np.int64).max)
        return on_one_node(int(np.argmin(left)), accelerators, free)


class Spread:
    """The emptiest node; a gang of several nodes has them on as many racks as there are."""

    def place(self, accelerators: int, free: IntArray, capacity: IntArray, rack: IntArray) -> Nodes | None:
        """Place a gang (see `Placement`)."""
        if accelerators <= capacity[0]:
            return on_one_node(int(np.argmax(free)), accelerators, free)
        empty = empty_nodes(free, capacity)
        needed = nodes_needed(accelerators, capacity)
        if needed > len(empty):
            return None
        turn = _turns(rack[empty])
        by_turn = np.cumsum(np.bincount(turn))
        last = int(np.searchsorted(by_turn, needed))
        before = empty[turn < last]
        return whole(np.concatenate((before, empty[turn == last][: needed - len(before)])), capacity)


class PackByRack:
    """As few racks as can be, and of those that hold the gang the fullest; one node as `best_fit` has it."""

    def place(self, accelerators: int, free: IntArray, capacity: IntArray, rack: IntArray) -> Nodes | None:
        """Place a gang (see `Placement`)."""
        if accelerators > capacity[0]:
            return self._whole_nodes(accelerators, free, capacity, rack)
        left = np.where(free >= accelerators, free, np.iinfo(np.int64).max)
        nodes = np.flatnonzero(left == left.min())
        in_rack = np.bincount(rack, weights=free)[rack[nodes]]
        return on_one_node(int(nodes[np.argmin(in_rack)]), accelerators, free)

    def _whole_nodes(self, accelerators: int, free: IntArray, capacity: IntArray, rack: IntArray) -> Nodes | None:
        empty = empty_nodes(free, capacity)
        needed = nodes_needed(accelerators, capacity)
        if needed > len(empty):
            return None
        racks = rack[empty]
        taken = [empty[racks == number][:nodes] for number, nodes in _fewest(np.bincount(racks), needed)]
        return whole(np.concatenate(taken), capacity)


class Cheapest(BestFit):
    """The pool with the lowest price for the work of an accelerator; in it as `best_fit` has it."""

    def order(self, offers: Sequence[PoolOffer]) -> Sequence[str]:
        """Order the pools of a job (see `PoolOrder`); those without a price are last."""
        return _ascending(offers, [np.inf if each.price is None else each.price / each.speed for each in offers])


class MostEfficient(BestFit):
    """The pool with the fewest joules for the work of an accelerator; in it as `best_fit` has it."""

    def order(self, offers: Sequence[PoolOffer]) -> Sequence[str]:
        """Order the pools of a job (see `PoolOrder`)."""
        return _ascending(offers, [each.power / each.speed for each in offers])


def on_one_node(node: int, accelerators: int, free: IntArray) -> Nodes | None:
    """A gang on this node; None where it has no room."""
    return [(node, accelerators)] if free[node] >= accelerators else None


def first_empty_nodes(accelerators: int, free: IntArray, capacity: IntArray) -> Nodes | None:
    """The lowest-numbered empty nodes that hold a gang too large for one; None where there are too few."""
    empty = empty_nodes(free, capacity)
    needed = nodes_needed(accelerators, capacity)
    return None if needed > len(empty) else whole(empty[:needed], capacity)


def empty_nodes(free: IntArray, capacity: IntArray) -> IntArray:
    """The nodes all of whose accelerators are free."""
    return np.flatnonzero(free == capacity)


def nodes_needed(accelerators: int, capacity: IntArray) -> int:
    """How many whole nodes hold a gang."""
    return -(-accelerators // int(capacity[0]))


def whole(nodes: IntArray, capacity: IntArray) -> Nodes:
    """All accelerators of some nodes."""
    size = int(capacity[0])
    return [(node, size) for node in nodes.tolist()]


def _turns(racks: IntArray) -> IntArray:
    """For each node the number of nodes before it in its rack; racks ascend."""
    first_of_rack = np.concatenate(([True], racks[1:] != racks[:-1]))
    places = np.arange(len(racks))
    turns: IntArray = places - np.maximum.accumulate(np.where(first_of_rack, places, 0))
    return turns


def _fewest(empty: IntArray, needed: int) -> Iterator[tuple[int, int]]:
    """Racks and nodes in them: the emptiest first, and for the rest the rack that it fills most."""
    while needed:
        enough = np.flatnonzero(empty >= needed)
        number = int(enough[np.argmin(empty[enough])] if len(enough) else np.argmax(empty))
        nodes = min(int(empty[number]), needed)
        yield number, nodes
        empty[number] = 0
        needed -= nodes


def _ascending(offers: Sequence[PoolOffer], costs: Sequence[float]) -> Sequence[str]:
    """The names of the pools by cost; ties keep their order."""
    return [offer.name for _, _, offer in sorted(zip(costs, range(len(offers)), offers, strict=True))]
