"""One pool as state: which node has how many accelerators free, and who holds the others."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sim.policies.protocols import IntArray, Placement


class FleetError(RuntimeError):
    """An action would hold an accelerator twice, or release one that is not held."""


@dataclass(frozen=True, slots=True)
class Holding:
    """Accelerators held on the nodes of a pool: (node, accelerators) pairs; `unused` of them do no work."""

    pool: str
    holder: str
    nodes: Sequence[tuple[int, int]]
    unused: int

    @property
    def accelerators(self) -> int:
        """All that is held, the unused included."""
        return sum(count for _, count in self.nodes)


class PoolState:
    """The nodes of a pool. Arrays have one entry a node."""

    def __init__(self, name: str, nodes: int, accelerators_per_node: int, racks: int, placement: Placement) -> None:
        self.name = name
        self.capacity: IntArray = np.full(nodes, accelerators_per_node, np.int64)
        self.free: IntArray = self.capacity.copy()
        self.most_free: IntArray = self.capacity.copy()
        """What is not held for good."""
        self.rack: IntArray = np.arange(nodes, dtype=np.int64) * racks // nodes
        self.total = nodes * accelerators_per_node
        self.free_total = self.total
        self._per_node = accelerators_per_node
        self._placement = placement

    def could_hold(self, gang: int) -> bool:
        """Whether there would be room for a gang if only what is held for good were held."""
        if gang <= self._per_node:
            return bool(self.most_free.max() >= gang)
        empty = int(np.count_nonzero(self.most_free == self.capacity))
        return -(-gang // self._per_node) <= empty

    def hold_for_good(self, holder: str, accelerators: int) -> Holding | None:
        """Take accelerators that will not be given back: a service's share where sharing is static."""
        holding = self.try_hold(holder, accelerators)
        for node, count in holding.nodes if holding else ():
            self.most_free[node] -= count
        return holding

    def try_hold(self, holder: str, gang: int) -> Holding | None:
        """Take accelerators for a gang where the placement policy says; None where it does not fit now."""
        if gang > self.free_total:
            return None
        nodes = self._placement.place(gang, self.free, self.capacity, self.rack)
        if nodes is None:
            return None
        holding = Holding(self.name, holder, tuple(nodes), sum(count for _, count in nodes) - gang)
        self._check(holding, gang)
        for node, count in nodes:
            self.free[node] -= count
        self.free_total -= holding.accelerators
        return holding

    def release(self, holding: Holding) -> None:
        """Give back what is held."""
        for node, count in holding.nodes:
            self.free[node] += count
            if self.free[node] > self.capacity[node]:
                raise FleetError(f"{holding.holder} releases {count} accelerators of {self.name}/{node} twice")
        self.free_total += holding.accelerators

    def _check(self, holding: Holding, gang: int) -> None:
        taken = [node for node, _ in holding.nodes]
        over = [node for node, count in holding.nodes if not 0 < count <= self.free[node]]
        if over or len(set(taken)) < len(taken) or holding.unused < 0:
            policy = type(self._placement).__name__
            raise FleetError(
                f"{policy} places {gang} accelerators of {holding.holder} on {self.name} as {holding.nodes}"
            )
