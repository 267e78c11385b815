"""What a policy sees and what it answers. The engine checks every answer, and names the policy when one is wrong."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

IntArray = NDArray[np.int64]
Sees = Literal["nothing", "estimates", "durations"]
"""What a scheduler may know of a job's length."""


@dataclass(frozen=True, slots=True)
class JobView:
    """A job as a scheduler sees it. Seconds; `gang` in accelerators."""

    id: str
    stream: str
    tenant: str | None
    priority: int
    submitted: float
    gang: int
    attained: float
    """Accelerator-seconds so far."""
    remaining: float | None
    """Seconds at `gang` on the first pool, as far as the policy's `sees` allows."""


class Ordering(Protocol):
    """Scheduling, short form: jobs start in the order of a key, and the engine keeps the queue."""

    blocks: bool
    """Whether a job that does not fit keeps those behind it from starting in the pools it could use."""
    preempts: bool
    sees: Sees

    def key(self, job: JobView) -> tuple[float, ...]:
        """Less is first; ties go by submission."""
        ...

    def next_change(self, job: JobView) -> float | None:
        """The instant at which the key jumps, if it does."""
        ...


class Placement(Protocol):
    """Which nodes take a gang."""

    def place(
        self, accelerators: int, free: IntArray, capacity: IntArray, rack: IntArray
    ) -> Sequence[tuple[int, int]] | None:
        """(node, accelerators taken there) for each node used, or None where the gang does not fit now.

        Arrays have one entry a node. `capacity` is what is installed, the same on every node; what is down or spare is
        not in `free`. `rack` ascends. A gang that fits on a node takes one node; a larger one takes whole empty nodes,
        all of whose accelerators are then held.
        """
        ...


class PoolOffer(NamedTuple):
    """What a pool is to a job that may use it."""

    name: str
    price: float | None
    """USD for an hour of an accelerator; None: unknown."""
    power: float
    """Watts of an accelerator that trains, with its share of the host and the facility."""
    speed: float
    """Of the job there, relative to its first pool."""


class PoolOrder(Protocol):
    """What a placement policy may have besides: in which pools a job is tried first."""

    def order(self, offers: Sequence[PoolOffer]) -> Sequence[str]:
        """The names of the pools, each once. A policy without this leaves the order to the job's stream."""
        ...


class Sharing(Protocol):
    """How services and training divide a pool."""

    services_first: bool
    """Whether services take what they ask for at time zero and keep it."""


class Power(Protocol):
    """Which caps accelerators run under."""

    def cap(self, pool: str) -> float | None:
        """Watts an accelerator of a pool may draw; None: as its row says."""
        ...
