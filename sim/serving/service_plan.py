"""A service as the request plane runs it."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from sim.hardware.tables import GenerativeReplica, SinglePassReplica

if TYPE_CHECKING:
    from sim.workload.blocks import RequestBlock


class Arrivals(Protocol):
    """Where a service's requests come from, in blocks of at most `block_size`; an empty block ends them."""

    block_size: int

    def next_block(self) -> "RequestBlock":
        """The next requests, in order of arrival."""
        ...


@dataclass
class NoArrivals:
    """What a group of replicas has that are handed their requests by another."""

    block_size: int = 0

    def next_block(self) -> "RequestBlock":
        """Nothing ever arrives."""
        raise RuntimeError("requests are handed over to this group, they do not arrive")


@dataclass(frozen=True)
class ClientPlan:
    """What those who send the requests of a class do, besides waiting for answers. Seconds.

    How long each is patient, waits before the next attempt and thinks stands with its request in the blocks.
    """

    attempts: int = 0
    """How often a request that is turned away or gives up is sent again."""
    backoff: float = 1.0
    """By how much the delay grows from attempt to attempt."""
    further: Arrivals | None = None
    """What the requests bring, in their order, that are sent after thinking; their instants of arrival do not count."""
    first_sent: Sequence[float] = ()
    """When each client of a closed loop sends its first request."""
    history: bool = False
    """Whether a turn of a session begins with all tokens of those before."""
    last_send: float = float("inf")
    """At and after this instant nothing is sent after thinking."""


PROMISES = ("slo_ttft", "slo_tpot", "slo_e2e")
"""What may be promised to a class, by the name of its limit in a plan."""


@dataclass(frozen=True)
class ClassPlan:
    """One of several classes of a service's requests. Seconds; None: no limit."""

    name: str
    priority: int = 0
    """The highest goes first."""
    model: int = 0
    """Which of the models that share the replicas: that of the replica's own law, or of one of its `others`."""
    slo_ttft: float | None = None
    slo_tpot: float | None = None
    slo_e2e: float | None = None
    limits: Mapping[str, Sequence[float]] = field(default_factory=dict)
    """Latencies, by metric, beyond which its requests are counted one by one, besides those of the service."""
    clients: ClientPlan | None = None


@dataclass(frozen=True)
class PrefixBlocks:
    """Blocks of prompts that each replica keeps, and the hashes by which those of the requests are known.

    The hashes of the i-th request begin at `rows[i]`: one for each whole block of `size` tokens at least, each of all
    tokens up to the block's end.
    """

    kept: int
    size: int
    rows: NDArray[np.int64]
    hashes: NDArray[np.int64]


@dataclass(frozen=True)
class Switching:
    """How a replica that several models share chooses which of them to serve, among those of the highest priority.

    `first_come`: that of the request that has waited longest. `exhaust`: the one that is loaded while there is
    something to start, unless a request of another model has waited longer than `max_wait` (s).
    """

    rule: str
    max_wait: float | None = None

    @property
    def longest_wait(self) -> float:
        """Seconds that a request of another model may have waited before it counts: none at all by `first_come`."""
        if self.rule == "first_come":
            return -math.inf
        return math.inf if self.max_wait is None else self.max_wait


@dataclass(frozen=True)
class ServicePlan:
    """One service as the request plane runs it. Seconds and tokens; None: no limit."""

    name: str
    replica: GenerativeReplica | SinglePassReplica
    replicas: int
    """All of them."""
    routing: str
    arrivals: Arrivals
    rule: Any = None
    """The machine code of a user's own rule (`own_rule.compiled_rule`), which takes the place of `routing`."""
    routing_key: int = 0
    max_batch: int = 1
    max_batched_tokens: int = 8192
    chunked: bool = False
    """Whether prompts are computed in pieces beside what decodes, instead of ahead of it."""
    preemption: str = "none"
    prefix_hit_rate: float = 0.0
    prefix_blocks: PrefixBlocks | None = None
    """Instead of a given rate."""
    max_queue_delay: float = 0.0
    queue_limit: int | None = None
    timeout: float | None = None
    client_latency: float = 0.0
    start_of_day: float = 0.0
    """Local time of second 0, in seconds after midnight."""
    slo_ttft: float | None = None
    slo_tpot: float | None = None
    slo_e2e: float | None = None
    slo_itl: float | None = None
    limits: Mapping[str, Sequence[float]] = field(default_factory=dict)
    """Latencies, by metric, beyond which requests are counted one by one."""
    clients: ClientPlan | None = None
    """None: they wait for ever and send nothing more. Where there are classes, each has its own."""
    classes: Sequence[ClassPlan] = ()
    """Where there is more than one; each has then its own objectives but for that of the time between tokens."""
    others: Sequence[tuple[GenerativeReplica | SinglePassReplica, int]] = ()
    """Replicas under other laws than `replica`, and how many: the last of all."""

    switching: Switching | None = None
    """Where several models share its replicas."""
    ready: int | None = None
    """How many of its replicas, the first ones, are ready at the start. None: all are, and none ever comes or goes."""
    on_death: Literal["requeue", "lose"] = "requeue"
    """What becomes of the requests of a replica that dies: they go back to the router, or are lost."""

    decode: "ServicePlan | None" = None
    """The replicas that decode, where those of this service only prefill. Their rule says which takes a request."""
    transfer_latency: float = 0.0
    """Of the cache of a request that is handed to such a replica (seconds), and the seconds for each token of it."""
    transfer_per_token: float = 0.0

    def __post_init__(self) -> None:
        if self.ready is not None and self.decode is not None:
            raise ValueError("replicas in groups for prefill and decode do not come and go")

    @property
    def clients_of_classes(self) -> list[ClientPlan | None]:
        """The clients of each class, or of all requests."""
        return [each.clients for each in self.classes] or [self.clients]

    @property
    def first_sent(self) -> list[tuple[int, float, float]]:
        """Of each client in a closed loop its class, when it sends its first request, and when it sends no more."""
        return [
            (place, due, clients.last_send)
            for place, clients in enumerate(self.clients_of_classes)
            if clients
            for due in clients.first_sent
        ]

    @property
    def laws(self) -> list[tuple[GenerativeReplica | SinglePassReplica, int]]:
        """The laws of its replicas, and for how many of them each holds, in the order of their numbers."""
        return [(self.replica, self.replicas - sum(number for _, number in self.others)), *self.others]
