"""One pool as state: which node has how many accelerators free, and who holds the others."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from sim.fleet.free_time import FreeTime
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


@dataclass(frozen=True, slots=True)
class PoolTraits:
    """What a pool is beyond its nodes."""

    slices: tuple[int, ...] = ()
    """The numbers of accelerators that are given out together, ascending; empty: any."""
    across_nodes: float = 1.0
    """By which factor work takes longer on several nodes of a rack."""
    across_racks: float = 1.0
    """The same over several racks."""
    spare_nodes: int = 0
    """The last ones, out of use until another is down."""
    price: float | None = None
    """USD for an hour of an accelerator; None: unknown."""
    power: float = 0.0
    """Watts of an accelerator that trains, with its share of the host and the facility."""


class PoolState:
    """The nodes of a pool. Arrays have one entry a node."""

    def __init__(
        self,
        name: str,
        nodes: int,
        accelerators_per_node: int,
        racks: int,
        placement: Placement,
        traits: PoolTraits = PoolTraits(),
    ) -> None:
        self.name = name
        self.placement = placement
        self.traits = traits
        self.per_node = accelerators_per_node
        self.capacity: IntArray = np.full(nodes, accelerators_per_node, np.int64)
        """What is installed."""
        self.usable: IntArray = self.capacity.copy()
        """What is neither down nor spare."""
        self.usable[nodes - traits.spare_nodes :] = 0
        self.free: IntArray = self.usable.copy()
        """What is usable and not held."""
        self.most_free: IntArray = self.usable.copy()
        """What is not held for good, all that is down repaired."""
        self.rack: IntArray = np.arange(nodes, dtype=np.int64) * racks // nodes
        self.total = nodes * accelerators_per_node
        self.free_total = int(self.free.sum())
        self.holdings: dict[int, Holding] = {}
        """All that is held, by identity, in the order in which it was taken."""
        self.clock: Callable[[], float] = lambda: 0.0
        """The time (s)."""
        self.repairs: Callable[[], Sequence[tuple[float, Nodes]]] = lambda: ()
        """When what is down will be up (s), the earliest first."""
        self.failures = 0
        """Failures so far."""
        self._free_time = FreeTime()
        self._on_free_nodes = self.free_total
        self._shown = tuple(_read_only(array) for array in (self.free, self.capacity, self.rack))

    @property
    def usable_total(self) -> int:
        """Accelerators that are neither down nor spare."""
        return int(self.usable.sum())

    def could_hold(self, gang: int) -> bool:
        """Whether there would be room for a gang if only what is held for good were held."""
        size = self.size_of(gang)
        if size is None:
            return False
        if size <= self.per_node:
            return bool((self.most_free >= size).any())
        empty = int(np.count_nonzero(self.most_free == self.capacity))
        return -(-size // self.per_node) <= empty

    def size_of(self, gang: int) -> int | None:
        """How many accelerators a gang is given: its own number, or the smallest slice with room for it, if any."""
        if not self.traits.slices:
            return gang
        return next((size for size in self.traits.slices if size >= gang), None)

    def slowdown_on(self, nodes: Nodes) -> float:
        """By which factor work takes longer for where its accelerators lie."""
        if len(nodes) == 1:
            return 1.0
        racks = {int(self.rack[node]) for node, _ in nodes}
        return self.traits.across_nodes if len(racks) == 1 else self.traits.across_racks

    def hold_for_good(self, holder: str, accelerators: int) -> Holding | None:
        """Take accelerators that will not be given back: a service's share where sharing is static."""
        holding = self.try_hold(holder, accelerators)
        for node, count in holding.nodes if holding else ():
            self.most_free[node] -= count
        return holding

    def find(self, gang: int, free: IntArray | None = None) -> Nodes | None:
        """Where the placement policy would put a gang, now or were that free which `free` says; None: nowhere."""
        size = self.size_of(gang)
        if size is None or (free is None and size > self.free_total):
            return None
        return self._ask_policy(size, self._shown[0] if free is None else free)

    def try_hold(self, holder: str, gang: int, nodes: Nodes | None = None) -> Holding | None:
        """Take accelerators for a gang, on given nodes or where the policy says; None where it does not fit now."""
        nodes = self.find(gang) if nodes is None else nodes
        if nodes is None:
            return None
        holding = Holding(self.name, holder, nodes, sum(count for _, count in nodes) - gang)
        self._check(holding, self.size_of(gang) or gang)
        self._take(holding)
        return holding

    def hold_where(self, holder: str, nodes: Nodes) -> Holding | None:
        """Take what is free of these accelerators, none of which does any work; None where nothing is."""
        found = tuple((node, min(count, int(self.free[node]))) for node, count in nodes if self.free[node] > 0)
        if not found:
            return None
        holding = Holding(self.name, holder, found, sum(count for _, count in found))
        self._take(holding)
        return holding

    def release(self, holding: Holding) -> None:
        """Give back what is held."""
        if self.holdings.pop(id(holding), None) is None:
            raise FleetError(f"{holding.holder} releases {holding.accelerators} accelerators of {self.name} twice")
        self.settle()
        for node, count in holding.nodes:
            self._change_free(node, count)

    def change_usable(self, node: int, count: int) -> None:
        """Let accelerators of a node come into use, or go out of it where `count` is negative: they must be free."""
        self.settle()
        self._change_free(node, count)
        self.usable[node] += count
        if self.free[node] < 0 or self.usable[node] > self.per_node:
            raise FleetError(f"node {node} of {self.name} has no {abs(count)} accelerators that may go or come")

    def settle(self) -> FreeTime:
        """How long accelerators were free, up to now."""
        self._free_time.pass_until(self.clock(), self.free_total, self._on_free_nodes)
        return self._free_time

    def _take(self, holding: Holding) -> None:
        self.settle()
        self.holdings[id(holding)] = holding
        for node, count in holding.nodes:
            self._change_free(node, -count)

    def _change_free(self, node: int, count: int) -> None:
        before = int(self.free[node])
        self.free[node] = before + count
        self.free_total += count
        if before == self.per_node:
            self._on_free_nodes -= self.per_node
        if before + count == self.per_node:
            self._on_free_nodes += self.per_node

    def _ask_policy(self, size: int, free: IntArray) -> tuple[tuple[int, int], ...] | None:
        try:
            nodes = self.placement.place(size, free, *self._shown[1:])
            return None if nodes is None else tuple((int(node), int(count)) for node, count in nodes)
        except Exception as error:
            raise FleetError(f"the placement policy {type(self.placement).__name__} failed: {error!r}") from error

    def _check(self, holding: Holding, size: int) -> None:
        taken = [node for node, _ in holding.nodes]
        known = all(0 <= node < len(self.free) for node in taken)
        short = holding.accelerators < size
        if not known or len(set(taken)) < len(taken) or short or self._exceeds(holding):
            asked = ", ".join(f"{count} on node {node}" for node, count in holding.nodes) or "nowhere"
            policy, place = type(self.placement).__name__, f"{self.name}, which has no such room"
            raise FleetError(
                f"the placement policy {policy} places the {size} accelerators of {holding.holder} in {place}: {asked}"
            )

    def _exceeds(self, holding: Holding) -> bool:
        return any(not 0 < count <= self.free[node] for node, count in holding.nodes)


def _read_only(array: IntArray) -> IntArray:
    view = array.view()
    view.flags.writeable = False
    return view
