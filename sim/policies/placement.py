"""Which nodes take a gang."""

from collections.abc import Sequence

import numpy as np

from sim.policies.protocols import IntArray

Nodes = Sequence[tuple[int, int]]


def whole_nodes(accelerators: int, free: IntArray, capacity: IntArray) -> Nodes | None:
    """The first empty nodes that hold a gang too large for one node; None where there are too few."""
    empty = np.flatnonzero(free == capacity)
    needed = int(np.searchsorted(np.cumsum(capacity[empty]), accelerators)) + 1
    if needed > len(empty):
        return None
    return [(int(node), int(capacity[node])) for node in empty[:needed]]


class FirstFit:
    """The lowest-numbered node with room."""

    def place(self, accelerators: int, free: IntArray, capacity: IntArray, rack: IntArray) -> Nodes | None:  # noqa: ARG002
        """Place a gang (see `Placement`)."""
        if accelerators > capacity.max():
            return whole_nodes(accelerators, free, capacity)
        node = int(np.argmax(free >= accelerators))
        return [(node, accelerators)] if free[node] >= accelerators else None


class BestFit:
    """The node that the gang fills most: the fewest accelerators stay free there; ties go to the lowest number."""

    def place(self, accelerators: int, free: IntArray, capacity: IntArray, rack: IntArray) -> Nodes | None:  # noqa: ARG002
        """Place a gang (see `Placement`)."""
        if accelerators > capacity.max():
            return whole_nodes(accelerators, free, capacity)
        left = np.where(free >= accelerators, free, np.iinfo(np.int64).max)
        node = int(np.argmin(left))
        return [(node, accelerators)] if free[node] >= accelerators else None
