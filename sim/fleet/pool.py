"""One pool as state: which node has how many accelerators free, and who holds the others."""

from dataclasses import dataclass

import numpy as np

from sim.policies.protocols import IntArray, Nodes, Placement


class FleetError(RuntimeError):
    """A policy failed, or what it asks for would hold an accelerator twice; or one is released that is not held."""


@dataclass(frozen=True, slots=True)
class Holding:
    """Accelerators held on the nodes of a pool: (node, accelerators) pairs; `unused` of them do no work."""

    pool: str
    holder: str
    nodes: Nodes
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
        self._shown = tuple(_read_only(array) for array in (self.free, self.capacity, self.rack))

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

    def find(self, gang: int, free: IntArray | None = None) -> Nodes | None:
        """Where the placement policy would put a gang, now or were that free which `free` says; None: nowhere."""
        if free is None and gang > self.free_total:
            return None
        return self._ask_policy(gang, self._shown[0] if free is None else free)

    def slowdown_of(self, holding: Holding) -> float:  # noqa: ARG002
        """By how much a gang works more slowly for being where it is."""
        return 1.0

    def try_hold(self, holder: str, gang: int, nodes: Nodes | None = None) -> Holding | None:
        """Take accelerators for a gang, on given nodes or where the policy says; None where it does not fit now."""
        nodes = self.find(gang) if nodes is None else nodes
        if nodes is None:
            return None
        holding = Holding(self.name, holder, nodes, sum(count for _, count in nodes) - gang)
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

    def _ask_policy(self, gang: int, free: IntArray) -> tuple[tuple[int, int], ...] | None:
        try:
            nodes = self._placement.place(gang, free, *self._shown[1:])
            return None if nodes is None else tuple((int(node), int(count)) for node, count in nodes)
        except Exception as error:
            raise FleetError(f"the placement policy {type(self._placement).__name__} failed: {error!r}") from error

    def _check(self, holding: Holding, gang: int) -> None:
        taken = [node for node, _ in holding.nodes]
        known = all(0 <= node < len(self.free) for node in taken)
        if not known or len(set(taken)) < len(taken) or holding.unused < 0 or self._exceeds(holding):
            asked = ", ".join(f"{count} on node {node}" for node, count in holding.nodes) or "nowhere"
            policy, place = type(self._placement).__name__, f"{self.name}, which has no such room"
            raise FleetError(
                f"the placement policy {policy} places the {gang} accelerators of {holding.holder} in {place}: {asked}"
            )

    def _exceeds(self, holding: Holding) -> bool:
        return any(not 0 < count <= self.free[node] for node, count in holding.nodes)


def _read_only(array: IntArray) -> IntArray:
    view = array.view()
    view.flags.writeable = False
    return view
