"""Seconds and joules of every accelerator, by pool, owner and state.

An accelerator is in exactly one state at a time, so the cells of a pool sum to its accelerators times the window. What
is held belongs to its holder, idle or not; the rest is `unassigned`. Every accelerator carries an equal share of its
node's host.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

UNASSIGNED = "unassigned"


class State(IntEnum):
    """What an accelerator is doing; `RESIDENT`: a model is loaded and nothing runs."""

    OFF = 0
    SLEEPING = 1
    STARTING = 2
    RESIDENT = 3
    IDLE = 4
    BUSY = 5
    DOWN = 6


@dataclass(frozen=True)
class PoolPower:
    """What the ledger knows of a pool: its accelerators and their watts.

    `watts` by owner and state (a missing pair draws `idle`); `host_idle` and `host_busy` are the host's watts an
    accelerator.
    """

    accelerators: int
    idle: float
    watts: Mapping[tuple[str, State], float]
    host_idle: float = 0.0
    host_busy: float = 0.0


class Ledger:
    """Integrals of counts, shape (pools, owners, states): `seconds`, `joules` of accelerators, `host_joules`."""

    def __init__(self, pools: Mapping[str, PoolPower], owners: Sequence[str], now: float = 0.0) -> None:
        self.pools = {name: index for index, name in enumerate(pools)}
        self.owners = {name: index for index, name in enumerate((*owners, UNASSIGNED))}
        shape = (len(self.pools), len(self.owners), len(State))
        self.seconds: NDArray[np.float64] = np.zeros(shape)
        self.joules: NDArray[np.float64] = np.zeros(shape)
        self.host_joules: NDArray[np.float64] = np.zeros(shape)
        self.counts: NDArray[np.int64] = np.zeros(shape, np.int64)
        self.watts: NDArray[np.float64] = np.zeros(shape)
        self.host_watts: NDArray[np.float64] = np.zeros(shape)
        self._since: NDArray[np.float64] = np.full(shape, now)
        for power, pool in zip(pools.values(), self.pools.values(), strict=True):
            self._set_up(pool, power)

    def _set_up(self, pool: int, power: PoolPower) -> None:
        self.counts[pool, self.owners[UNASSIGNED], State.IDLE] = power.accelerators
        self.watts[pool] = power.idle
        self.watts[pool, :, State.OFF] = 0.0
        for (owner, state), watts in power.watts.items():
            self.watts[pool, self.owners[owner], state] = watts
        self.host_watts[pool] = power.host_idle
        self.host_watts[pool, :, State.BUSY] = power.host_busy

    def move(self, now: float, pool: str, count: int, source: tuple[str, State], target: tuple[str, State]) -> None:
        """Let accelerators of a pool change owner or state at `now` (seconds)."""
        for sign, (owner, state) in ((-1, source), (1, target)):
            cell = (self.pools[pool], self.owners[owner], int(state))
            self._integrate(cell, now)
            self.counts[cell] += sign * count
            if self.counts[cell] < 0:
                raise ValueError(f"{owner} has no {count} accelerators of {pool} in state {State(state).name.lower()}")

    def book_busy(self, pool: str, owner: str, seconds: float, joules: float) -> None:
        """Count accelerator-seconds of a holder that the ledger has as resident as busy, with the joules they drew."""
        resident = (self.pools[pool], self.owners[owner], int(State.RESIDENT))
        busy = (*resident[:2], int(State.BUSY))
        for cell, change in ((resident, -seconds), (busy, seconds)):
            self.seconds[cell] += change
            self.host_joules[cell] += change * self.host_watts[cell]
        self.joules[resident] -= seconds * self.watts[resident]
        self.joules[busy] += joules

    def settle(self, now: float) -> None:
        """Integrate every cell up to `now` (seconds)."""
        for cell in zip(*np.nonzero(self.counts), strict=True):
            self._integrate((int(cell[0]), int(cell[1]), int(cell[2])), now)

    def _integrate(self, cell: tuple[int, int, int], now: float) -> None:
        elapsed = (now - self._since[cell]) * self.counts[cell]
        self.seconds[cell] += elapsed
        self.joules[cell] += elapsed * self.watts[cell]
        self.host_joules[cell] += elapsed * self.host_watts[cell]
        self._since[cell] = now
