"""What is down in a pool, and which of its nodes stand by as spares."""

from collections.abc import Callable
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from sim.fleet.pool import Holding, PoolState
from sim.policies.protocols import Nodes
from sim.scenario.failures import Per

Region = tuple[slice, slice]
"""Nodes, and accelerators of each of them."""


def regions(pool: PoolState, per: Per) -> list[Region]:
    """All accelerators of a pool, node by node; or its nodes; or its racks."""
    every, nodes = slice(0, pool.per_node), range(len(pool.capacity))
    if per == "accelerator":
        return [(slice(node, node + 1), slice(each, each + 1)) for node in nodes for each in range(pool.per_node)]
    if per == "node":
        return [(slice(node, node + 1), every) for node in nodes]
    edges = [0, *(np.flatnonzero(np.diff(pool.rack)) + 1).tolist(), len(nodes)]
    return [(slice(first, last), every) for first, last in pairwise(edges)]


class Health:
    """How many failures each accelerator of a pool suffers from at once: it is up when there is none.

    The accelerators of a node that are up belong to its holders in the order in which they came; the rest is free. A
    node with nothing up is down: a spare one that is whole takes its place, and it will be the spare.
    """

    def __init__(self, pool: PoolState) -> None:
        self.pool = pool
        nodes = len(pool.capacity)
        self.causes: NDArray[np.int64] = np.zeros((nodes, pool.per_node), np.int64)
        self.spare: NDArray[np.bool_] = np.arange(nodes) >= nodes - pool.traits.spare_nodes
        self.outages: list[tuple[float, Region]] = []
        """What is down, and until when by that cause (s)."""

    def fail(self, region: Region, end: float, interrupted: Callable[[Holding], None]) -> int:
        """Let a region fail until `end` (s); how many accelerators go down that were up.

        `interrupted` is called before with each holding that has one of them, and must release all of it.
        """
        for holding in self._struck(region):
            interrupted(holding)
        self.outages.append((end, region))
        failed = self.causes[region]
        number = int(np.count_nonzero(failed == 0))
        failed += 1
        self._show(region)
        return number

    def repair(self, region: Region, end: float) -> int:
        """Let a region be repaired that failed until `end` (s); how many of its accelerators are up that were down."""
        self.outages.remove((end, region))
        repaired = self.causes[region]
        repaired -= 1
        self._show(region)
        return int(np.count_nonzero(repaired == 0))

    def repairs(self) -> list[tuple[float, Nodes]]:
        """When what is down and no spare will be up (s), and how much of which nodes; the earliest first."""
        if not self.outages:
            return []
        until = np.zeros(self.causes.shape)
        for end, region in self.outages:
            until[region] = np.maximum(until[region], end)
        until[self.spare] = 0.0
        repairs = list[tuple[float, Nodes]]()
        for end in np.unique(until[until > 0]).tolist():
            counts = np.count_nonzero(until == end, axis=1)
            repairs.append((end, tuple((node, int(counts[node])) for node in np.flatnonzero(counts).tolist())))
        return repairs

    def _struck(self, region: Region) -> list[Holding]:
        """Who holds an accelerator of a region that is up."""
        nodes, places = region
        up = self.causes[nodes] == 0
        begin = dict.fromkeys(range(nodes.start, nodes.stop), 0)
        ranks = {}
        for node, row in zip(begin, up, strict=True):
            rank = np.cumsum(row) - 1
            ranks[node] = rank[places][row[places]].tolist()
        struck = []
        for holding in self.pool.holdings.values():
            hit = False
            for node, count in holding.nodes:
                if node in begin:
                    first = begin[node]
                    begin[node] += count
                    hit |= any(first <= rank < first + count for rank in ranks[node])
            if hit:
                struck.append(holding)
        return struck

    def _show(self, region: Region) -> None:
        """Let the pool see what is up of the nodes of a region, after spares have come and gone."""
        up = np.count_nonzero(self.causes == 0, axis=1)
        whole = np.flatnonzero(self.spare & (up == self.pool.per_node))
        down = np.flatnonzero(~self.spare & (up == 0))
        for node, substitute in zip(down.tolist(), whole.tolist(), strict=False):
            self.spare[node], self.spare[substitute] = True, False
        changed = {*range(region[0].start, region[0].stop), *whole.tolist(), *down.tolist()}
        for node in sorted(changed):
            change = (0 if self.spare[node] else int(up[node])) - int(self.pool.usable[node])
            if change:
                self.pool.change_usable(node, change)
