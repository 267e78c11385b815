"""A service as the request plane runs it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

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


@dataclass(frozen=True)
class ClassPlan:
    """One of several classes of a service's requests. Seconds; None: no limit."""

    name: str
    priority: int = 0
    """The highest goes first."""
    slo_ttft: float | None = None
    slo_tpot: float | None = None
    slo_e2e: float | None = None
    limits: Mapping[str, Sequence[float]] = field(default_factory=dict)
    """Latencies, by metric, beyond which its requests are counted one by one, besides those of the service."""
    clients: ClientPlan | None = None


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

    decode: "ServicePlan | None" = None
    """The replicas that decode, where those of this service only prefill. Their rule says which takes a request."""
    transfer_latency: float = 0.0
    """Of the cache of a request that is handed to such a replica (seconds), and the seconds for each token of it."""
    transfer_per_token: float = 0.0

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
