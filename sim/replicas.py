"""Replicas come and go: the control plane's side of it, with the accelerators that each holds.

A replica is in one of so many slots of its service; which accelerators it holds there is found anew each time. Whoever
starts, drains and fails replicas is a process on the clock of both planes.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from sim.fleet.environment import FleetEnvironment, Phase
from sim.fleet.ledger import UNASSIGNED, Ledger, State
from sim.fleet.pool import FleetError, Holding, PoolState
from sim.fleet.slots import Slot
from sim.policies.protocols import Nodes
from sim.serving import layout
from sim.serving.request_plane import RequestPlane

Cell = tuple[str, State]
FREE, DOWN = (UNASSIGNED, State.IDLE), (UNASSIGNED, State.DOWN)


class Replicas:
    """The replicas of all services, to be called where the request plane stands.

    `restart` says, by service and pool in which accelerators fail, how long (s) a replica takes to be ready that has
    lost its accelerators and found others. They fail by themselves and come again: nobody else fails them there.
    """

    def __init__(
        self,
        environment: FleetEnvironment,
        plane: RequestPlane | None,
        ledger: Ledger,
        pools: Mapping[str, PoolState],
        slots: Mapping[str, Sequence[Slot]],
        restart: Mapping[tuple[str, str], float],
    ) -> None:
        self.environment = environment
        self.slots = slots
        self.on_ready: Callable[[str, int], None] | None = None
        """Called with a service and a number when a replica has started."""
        self._plane = plane
        self._ledger = ledger
        self._pools = pools
        self._restart = restart
        self._down: set[tuple[str, int]] = set()
        self._displaced: dict[tuple[str, int], Nodes] = {}
        """Replicas that wait for accelerators, in order, and where they lost theirs."""
        if plane is not None:
            plane.on_drained = self._drained

    def start(self, service: str, start_up: float = 0.0) -> int | None:
        """Start a replica that is ready `start_up` seconds later; its number, or None where there is no room for it.

        Raises FleetError where the replicas of a service only prefill or decode: those never change; ValueError for a
        time that is not one.
        """
        if not 0.0 <= start_up < math.inf:
            raise ValueError(f"a replica cannot be ready after {start_up} s")
        if service not in self.slots:
            raise FleetError(f"the replicas of {service} do not come and go")
        for number, slot in enumerate(self.slots[service]):
            free = slot.holding is None and (service, number) not in self._displaced
            if free and self._start(service, number, start_up):
                return number
        return None

    def drain(self, service: str, number: int) -> None:
        """Let a ready replica finish what is bound to it; then it gives its accelerators back."""
        if self._planes().drain(service, number):
            self._give_back(service, number)

    def fail(self, service: str, number: int) -> None:
        """Let a replica die that is ready or drains; its accelerators are down until they are repaired.

        Raises FleetError in a pool whose accelerators fail by themselves.
        """
        if (service, self.slots[service][number].pool) in self._restart:
            raise FleetError(f"replica {number} of {service} lies in a pool that has failures of its own")
        self._planes().die(service, number)
        self._move(service, number, (service, State.RESIDENT), DOWN)
        self._down.add((service, number))

    def repair(self, service: str, number: int) -> None:
        """Give the accelerators of a replica that has failed back to their pool. Raises FleetError where it has not."""
        if (service, number) not in self._down:
            raise FleetError(f"replica {number} of {service} has not failed")
        self._down.remove((service, number))
        self._move(service, number, DOWN, FREE)
        self._release(service, number)

    def interrupt(self, holding: Holding) -> bool:
        """Have a replica let go of its accelerators, as some of them fail; False where no replica holds them.

        It dies, and comes again elsewhere or when they are repaired, unless it was about to leave.
        """
        for service, slots in self.slots.items():
            for number, slot in enumerate(slots):
                if slot.holding is holding:
                    self._lose(service, number, holding)
                    return True
        return False

    def start_anew(self, pool: str) -> None:
        """Start the replicas that have lost accelerators of a pool, where there is room for them again.

        The others keep what is left where they were, so that no job takes it.
        """
        for (service, number), nodes in list(self._displaced.items()):
            slot = self.slots[service][number]
            if slot.pool != pool:
                continue
            if slot.holding is not None:
                self._move(service, number, (service, State.IDLE), FREE)
                self._release(service, number)
            if self._start(service, number, self._restart[service, pool]):
                del self._displaced[service, number]
                continue
            slot.holding = self._pools[pool].hold_where(f"{service}/{number}", nodes)
            self._move(service, number, FREE, (service, State.IDLE))

    def ready(self, service: str) -> list[int]:
        """The numbers of the replicas that are ready."""
        numbers = range(len(self.slots[service]))
        return [number for number in numbers if self._planes().life(service, number) == layout.READY]

    def _start(self, service: str, number: int, start_up: float) -> bool:
        """Give a replica accelerators, and let it be ready `start_up` seconds later; False where there is no room."""
        slot = self.slots[service][number]
        slot.holding = self._pools[slot.pool].try_hold(f"{service}/{number}", slot.accelerators)
        if slot.holding is None:
            return False
        self._move(service, number, FREE, (service, State.STARTING))
        self._at(self.environment.now + start_up, partial(self._ready, service, number, slot.holding))
        return True

    def _ready(self, service: str, number: int, holding: Holding) -> None:
        if self.slots[service][number].holding is not holding:
            return  # they failed meanwhile
        self._move(service, number, (service, State.STARTING), (service, State.RESIDENT))
        self._planes().make_ready(service, number)
        if self.on_ready:
            self.on_ready(service, number)

    def _lose(self, service: str, number: int, holding: Holding) -> None:
        life = self._planes().life(service, number)
        state = State.STARTING if life == layout.ABSENT else State.RESIDENT
        if (service, number) in self._displaced:
            state = State.IDLE
        elif life != layout.DRAINING:
            self._displaced[service, number] = holding.nodes
        if life != layout.ABSENT:
            self._planes().die(service, number)
        self._move(service, number, (service, state), FREE)
        self._release(service, number)

    def _drained(self, service: str, number: int, now: float) -> None:
        self._at(now, partial(self._give_back, service, number))

    def _give_back(self, service: str, number: int) -> None:
        self._move(service, number, (service, State.RESIDENT), FREE)
        self._release(service, number)

    def _release(self, service: str, number: int) -> None:
        slot = self.slots[service][number]
        if slot.holding is not None:
            self._pools[slot.pool].release(slot.holding)
        slot.holding = None

    def _move(self, service: str, number: int, source: Cell, target: Cell) -> None:
        holding = self.slots[service][number].holding
        if holding is not None:
            move_replica(self._ledger, self.environment.now, service, holding, source, target)

    def _at(self, time: float, action: Callable[[], None]) -> None:
        self.environment.at(time, Phase.COMPLETION).callbacks.append(lambda _: action())

    def _planes(self) -> RequestPlane:
        if self._plane is None:
            raise FleetError("there are no services")
        return self._plane


def move_replica(ledger: Ledger, now: float, service: str, holding: Holding, source: Cell, target: Cell) -> None:
    """Tell the ledger what a replica's accelerators do; those that it cannot use are idle while it has them."""
    idle = (service, State.IDLE)
    unused = (FREE if source == FREE else idle, FREE if target == FREE else idle)
    for count, before, after in ((holding.accelerators - holding.unused, source, target), (holding.unused, *unused)):
        if count and before != after:
            ledger.move(now, holding.pool, count, before, after)
