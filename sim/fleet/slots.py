"""Where a replica of a service stands when it is there."""

from dataclasses import dataclass

from sim.fleet.pool import Holding


@dataclass
class Slot:
    """A replica that is there or may be: its pool, how many accelerators it takes, and what it holds of them."""

    pool: str
    accelerators: int
    holding: Holding | None = None
