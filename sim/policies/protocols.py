"""What a policy sees and what it answers. The engine checks every answer, and names the policy when one is wrong."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

IntArray = NDArray[np.int64]
Nodes = Sequence[tuple[int, int]]
"""(node, accelerators taken there) for each node used."""
Sees = Literal["nothing", "estimates", "durations"]
"""What a scheduler may know of a job's length."""


@dataclass(frozen=True, slots=True)
class JobView:
    """A job as a scheduler sees it. Seconds; gangs in accelerators."""

    id: str
    number: int
    """Counts jobs in order of submission."""
    stream: str
    tenant: str | None
    now: float
    """The instant of this view."""
    priority: int
    submitted: float
    since: float
    """The instant at which it began to wait, or to hold what it holds."""
    deadline: float | None
    gang: int
    gang_min: int
    gang_max: int
    held: int
    """What it works on now; 0 where it waits."""
    pool: str | None
    attained: float
    """Accelerator-seconds so far."""
    remaining: float | None
    """Seconds at `gang` on the reference pool, as far as the policy's `sees` allows."""
    speed: Mapping[str, float]
    """By pool, at `gang`, in order of preference; where a pool is absent the job cannot run there."""
    efficiency: Callable[[int], float]
    """Work of an accelerator among so many, relative to one that is alone."""
    switch_cost: float
    """Seconds lost to it if it is preempted now."""
    preemptible: bool
    """Whether it may be preempted."""

    def rate(self, pool: str, accelerators: int) -> float:
        """Seconds of `remaining` that are done in a second on so many accelerators of a pool."""
        scale = accelerators * self.efficiency(accelerators) / (self.gang * self.efficiency(self.gang))
        return self.speed[pool] * scale


@dataclass(frozen=True, slots=True)
class PoolView:
    """A pool as a scheduler sees it, in accelerators: all, those not down, those free, and those that jobs hold."""

    name: str
    total: int
    up: int
    free: int
    training: int


@dataclass(frozen=True, slots=True)
class TenantView:
    """A tenant: its weight, and what it holds by pool (accelerators)."""

    name: str
    weight: float
    held: Mapping[str, int]
    quota: Mapping[str, int]


class Kind(Protocol):
    """Waiting jobs that fit or do not fit alike: of the same gang, pools and speeds.

    They are of one tenant, too, where it has a quota, and in general for a policy that says `by_tenant = True`.
    """

    @property
    def gang(self) -> int:
        """Accelerators."""
        ...

    @property
    def speed(self) -> Mapping[str, float]:
        """By pool, in order of preference."""
        ...

    @property
    def tenant(self) -> str | None:
        """Whose they are; None where their tenant has no quota and the policy does not go by tenants."""
        ...

    def first(self, within: float = ..., after: JobView | None = None) -> JobView | None:
        """The first in order of submission behind `after` of which at most `within` seconds are expected to remain."""
        ...


class Waiting(Protocol):
    """The jobs that wait, in order of submission. A policy that asks by `kinds` need not look at each."""

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[JobView]: ...

    def kinds(self) -> Sequence[Kind]:
        """Those of which a job waits."""
        ...


class FleetView(Protocol):
    """The fleet at one instant. It is live: it shows what has been carried out of a policy's answer so far."""

    @property
    def now(self) -> float:
        """The instant (s)."""
        ...

    @property
    def pools(self) -> Mapping[str, PoolView]:
        """All pools."""
        ...

    @property
    def tenants(self) -> Mapping[str, TenantView]:
        """All tenants that are known by now."""
        ...

    @property
    def waiting(self) -> Waiting:
        """The jobs that wait."""
        ...

    @property
    def running(self) -> Sequence[JobView]:
        """Jobs that hold something, in the order in which they started."""
        ...

    @property
    def rng(self) -> np.random.Generator:
        """The policy's own stream of random numbers."""
        ...

    def fits(self, job: JobView | Kind, pool: str, accelerators: int) -> bool:
        """Whether so many accelerators of a pool could be given now, quotas and nodes considered."""
        ...

    def within_quota(self, job: JobView | Kind, pool: str, accelerators: int) -> bool:
        """Whether so many more are within the quota of the job's tenant."""
        ...

    def place(self, accelerators: int, pool: str, free: IntArray, /) -> Nodes | None:
        """Where the placement policy would put so many, were that free which `free` says, an entry a node."""
        ...

    def slowdown(self, pool: str, nodes: Nodes) -> float:
        """By which factor work takes longer on these nodes of a pool."""
        ...

    def free(self, pool: str) -> IntArray:
        """Free accelerators of each node."""
        ...

    def releases(self, pool: str) -> Sequence[tuple[float, int, Nodes]]:
        """When what jobs hold is expected to come free: (instant, number of the job, nodes), the earliest first.

        An instant that has passed is that of a job which runs longer than was expected of it.
        """
        ...

    def repairs(self, pool: str) -> Sequence[tuple[float, Nodes]]:
        """When what is down will be up again, the earliest first: repairs are planned."""
        ...


@dataclass(frozen=True, slots=True)
class Assign:
    """Give a job so many accelerators of a pool: it starts, is resized or moves; with 0 it is preempted."""

    job: str
    pool: str
    accelerators: int
    nodes: Nodes | None = None
    """Where; None: the placement policy says."""


class Ordering(Protocol):
    """Scheduling, short form: jobs start in the order of a key, and the engine keeps the queue."""

    blocks: bool
    """Whether a job that does not fit keeps those behind it from starting in the pools it could use."""
    preempts: bool
    """Whether running jobs give way to those before them: at every pass jobs get room in order, all that fit."""
    sees: Sees

    def key(self, job: JobView) -> tuple[float, ...]:
        """Less is first; ties go by submission. The key of a job that waits stays as it is."""
        ...

    def next_change(self, job: JobView) -> float | None:
        """Seconds until the key of a running job jumps, if it does while the job holds what it holds."""
        ...


@runtime_checkable
class Scheduling(Protocol):
    """Scheduling, full form: what each job is given."""

    interval: float | None
    """Seconds between two decisions; None: whenever a job comes or ends, or accelerators fail or are repaired."""
    sees: Sees

    def decide(self, fleet: FleetView) -> Iterable[Assign]:
        """What is to change. Each answer is carried out as it comes, so that a generator sees what is left."""
        ...


class Placement(Protocol):
    """Which nodes take a gang."""

    def place(self, accelerators: int, free: IntArray, capacity: IntArray, rack: IntArray) -> Nodes | None:
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
