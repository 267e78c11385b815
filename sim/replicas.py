"""Replicas come and go: the control plane's side of it, with the accelerators that each holds.

A replica is in one of so many slots of its service; which accelerators it holds there is found anew each time. Whoever
starts, drains and fails replicas is a process on the clock of both planes.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from sim.fleet.environment import FleetEnvironment, Phase
from sim.fleet.ledger import UNASSIGNED, Ledger, State
from sim.fleet.pool import FleetError, PoolState
from sim.fleet.slots import Slot
from sim.serving import layout
from sim.serving.request_plane import RequestPlane


class Replicas:
    """The replicas of all services, to be called where the request plane stands."""

    def __init__(
        self,
        environment: FleetEnvironment,
        plane: RequestPlane | None,
        ledger: Ledger,
        pools: Mapping[str, PoolState],
        slots: Mapping[str, Sequence[Slot]],
    ) -> None:
        self.environment = environment
        self.slots = slots
        self.on_ready: Callable[[str, int], None] | None = None
        """Called with a service and a number when a replica has started."""
        self._plane = plane
        self._ledger = ledger
        self._pools = pools
        self._down: set[tuple[str, int]] = set()
        if plane is not None:
            plane.on_drained = self._drained

    def start(self, service: str, start_up: float = 0.0) -> int | None:
        """Start a replica that is ready `start_up` seconds later; its number, or None where there is no room for it.

        Raises FleetError where the replicas of a service only prefill or decode: those never change.
        """
        if service not in self.slots:
            raise FleetError(f"the replicas of {service} do not come and go")
        for number, slot in enumerate(self.slots[service]):
            if slot.holding is None and self._hold(service, number):
                self._at(self.environment.now + start_up, partial(self._ready, service, number))
                return number
        return None

    def drain(self, service: str, number: int) -> None:
        """Let a ready replica finish what is bound to it; then it gives its accelerators back."""
        if self._planes().drain(service, number):
            self._give_back(service, number)

    def fail(self, service: str, number: int) -> None:
        """Let a replica die that is ready or drains; its accelerators are down until they are repaired."""
        self._planes().die(service, number)
        self._move(service, number, (service, State.RESIDENT), (UNASSIGNED, State.DOWN))
        self._down.add((service, number))

    def repair(self, service: str, number: int) -> None:
        """Give the accelerators of a replica that has failed back to their pool. Raises FleetError where it has not."""
        if (service, number) not in self._down:
            raise FleetError(f"replica {number} of {service} has not failed")
        self._down.remove((service, number))
        self._move(service, number, (UNASSIGNED, State.DOWN), (UNASSIGNED, State.IDLE))
        self._release(service, number)

    def ready(self, service: str) -> list[int]:
        """The numbers of the replicas that are ready."""
        numbers = range(len(self.slots[service]))
        return [number for number in numbers if self._planes().life(service, number) == layout.READY]

    def _hold(self, service: str, number: int) -> bool:
        slot = self.slots[service][number]
        slot.holding = self._pools[slot.pool].try_hold(f"{service}/{number}", slot.accelerators)
        if slot.holding is None:
            return False
        self._move(service, number, (UNASSIGNED, State.IDLE), (service, State.STARTING))
        return True

    def _ready(self, service: str, number: int) -> None:
        self._move(service, number, (service, State.STARTING), (service, State.RESIDENT))
        self._planes().make_ready(service, number)
        if self.on_ready:
            self.on_ready(service, number)

    def _drained(self, service: str, number: int, now: float) -> None:
        self._at(now, partial(self._give_back, service, number))

    def _give_back(self, service: str, number: int) -> None:
        self._move(service, number, (service, State.RESIDENT), (UNASSIGNED, State.IDLE))
        self._release(service, number)

    def _release(self, service: str, number: int) -> None:
        slot = self.slots[service][number]
        if slot.holding is not None:
            self._pools[slot.pool].release(slot.holding)
        slot.holding = None

    def _move(self, service: str, number: int, source: tuple[str, State], target: tuple[str, State]) -> None:
        slot = self.slots[service][number]
        self._ledger.move(self.environment.now, slot.pool, slot.accelerators, source, target)

    def _at(self, time: float, action: Callable[[], None]) -> None:
        self.environment.at(time, Phase.COMPLETION).callbacks.append(lambda _: action())

    def _planes(self) -> RequestPlane:
        if self._plane is None:
            raise FleetError("there are no services")
        return self._plane
