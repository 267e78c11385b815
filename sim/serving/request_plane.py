"""The request plane as the rest of the program sees it: built from services, advanced, read, and fed with arrivals."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from sim.hardware.tables import PIECES, GenerativeReplica, SinglePassReplica
from sim.serving import kernel, layout, settling
from sim.serving.batch_heap import FIRST_ROOM, MARGIN
from sim.serving.counting import BUCKETS

if TYPE_CHECKING:
    from sim.workload.requests import RequestBlock

EVENTS_PER_CALL = 1_000_000
FIRST_SLOTS = 1024
NO_COUNT = 2**62


class Arrivals(Protocol):
    """Where a service's requests come from, in blocks of at most `block_size`; an empty block ends them."""

    block_size: int

    def next_block(self) -> "RequestBlock":
        """The next requests, in order of arrival."""
        ...


@dataclass(frozen=True)
class ServicePlan:
    """One service as the request plane runs it. Seconds and tokens; None: no limit."""

    name: str
    replica: GenerativeReplica | SinglePassReplica
    replicas: int
    routing: str
    arrivals: Arrivals
    routing_key: int = 0
    max_batch: int = 1
    max_batched_tokens: int = 8192
    max_queue_delay: float = 0.0
    queue_limit: int | None = None
    timeout: float | None = None
    client_latency: float = 0.0
    slo_ttft: float | None = None
    slo_tpot: float | None = None
    slo_e2e: float | None = None
    limits: Mapping[str, Sequence[float]] = field(default_factory=dict)
    """Latencies, by metric, beyond which requests are counted one by one."""


class RequestPlane:
    """All services of a run on one compiled plane.

    `on_rows` receives finished requests as records of `layout.ROW` where given; `on_budget` is called every million
    events or so with the instant reached; `on_decision` with a service and the instant at which it asks for a decision.
    """

    def __init__(
        self,
        services: Sequence[ServicePlan],
        *,
        window_start: float = 0.0,
        start: float = 0.0,
        on_rows: Callable[[NDArray[Any]], None] | None = None,
        on_budget: Callable[[float], None] | None = None,
        on_decision: Callable[[str, float], None] | None = None,
        row_block: int = 65536,
    ) -> None:
        self.services = tuple(services)
        self.on_rows = on_rows
        self.on_budget = on_budget
        self.on_decision = on_decision
        self.events = 0
        self._plane = _empty_plane(self.services, row_block if on_rows else 0)
        clock = self._plane.clock[0]
        clock["now"], clock["window_start"] = start, window_start
        self._plane.replicas["last_change"] = self._plane.queues["last_change"] = start
        _link_free(self._plane, 0)
        self._first_arrival = list(accumulate((plan.arrivals.block_size for plan in self.services), initial=0))
        for index in range(len(self.services)):
            self._refill(index)

    @property
    def now(self) -> float:
        """The instant at which all services stand (seconds)."""
        return float(self._plane.clock[0]["now"])

    @property
    def plane(self) -> layout.Plane:
        """The records themselves, to be read."""
        return self._plane

    def advance(self, until: float) -> None:
        """Bring all services to `until`, or to an earlier instant at which a decision is due."""
        while True:
            reason = kernel.advance(self._plane, until)
            self.events += int(self._plane.clock[0]["events"])
            if reason == layout.ARRIVALS_NEEDED:
                self._refill(int(self._plane.clock[0]["service"]))
            elif reason == layout.OUTPUT_FULL:
                self.flush_rows()
            elif reason == layout.REQUESTS_FULL:
                self._grow()
            elif reason == layout.BATCHES_FULL:
                self._grow_batches()
            elif reason == layout.BUDGET:
                if self.on_budget:
                    self.on_budget(self.now)
            else:
                if reason == layout.DECISION and self.on_decision:
                    self.on_decision(self.services[int(self._plane.clock[0]["asking"])].name, self.now)
                return

    def settle(self) -> None:
        """Book everything under way up to now, so that all totals are exact at this instant."""
        settling.settle(self._plane, self.now)

    def end_window(self) -> None:
        """Count no arrivals from this instant on; what is in flight may still be run to its end."""
        self.settle()
        self._plane.clock[0]["window_end"] = self.now

    def ask_for_decision(self, service: str, waiting: int) -> None:
        """Stop once, at the instant when so many requests of a service wait."""
        index = [plan.name for plan in self.services].index(service)
        kernel.make_eager(self._plane, index)
        record = self._plane.services[index]
        record["alarm"], record["armed"] = waiting, 1

    @property
    def in_flight(self) -> int:
        """Requests that have arrived and not left."""
        return int(np.count_nonzero(self._plane.requests["status"] != layout.FREE))

    @property
    def exhausted(self) -> bool:
        """Whether no service has another arrival."""
        services = self._plane.services
        return bool(np.all((services["exhausted"] == 1) & (services["next_arrival"] >= services["last_arrival"])))

    def flush_rows(self) -> None:
        """Hand over the rows written so far."""
        clock = self._plane.clock[0]
        if self.on_rows and clock["rows"]:
            self.on_rows(self._plane.rows[: clock["rows"]].copy())
        clock["rows"] = 0

    def _refill(self, index: int) -> None:
        """Put a service's next block of arrivals into its place."""
        plane, record = self._plane, self._plane.services[index]
        block = self.services[index].arrivals.next_block()
        first = self._first_arrival[index]
        count = len(block.arrival)
        room = plane.arrivals[first : first + count]
        room["time"], room["work"] = block.arrival, block.work
        room["prompt"] = np.maximum(block.prompt_tokens, 1)
        room["output"] = np.maximum(block.output_tokens, 1)
        size = max(int(record["block_size"]), 1)
        room["kv"] = (room["prompt"] + room["output"] + size - 1) // size * size
        record["next_arrival"], record["last_arrival"] = first, first + count
        record["exhausted"] = int(count == 0)
        due = float(block.arrival[0]) if count else layout.NEVER
        kernel.set_next_arrival(plane, index, due)

    def _grow(self) -> None:
        """Double the request slots."""
        old = self._plane.requests
        requests = np.zeros(2 * len(old), layout.REQUEST)
        requests[: len(old)] = old
        self._plane = self._plane._replace(requests=requests)
        _link_free(self._plane, len(old))

    def _grow_batches(self) -> None:
        """Double the memory for running batches."""
        old = self._plane.batches
        self._plane = self._plane._replace(batches=np.concatenate((old, np.zeros(len(old), layout.MEMBER))))
        self._plane.clock["batches_limit"] += len(old)


def _link_free(plane: layout.Plane, first: int) -> None:
    """Chain the slots from `first` on into the list of free ones, which is empty."""
    slots = plane.requests["next"]
    slots[first:] = np.arange(first + 1, len(slots) + 1)
    slots[-1] = layout.NONE
    plane.clock["free"] = first


def _empty_plane(services: Sequence[ServicePlan], row_block: int) -> layout.Plane:
    """The plane at its start: no request, every replica idle."""
    count = len(services)
    replicas = sum(plan.replicas for plan in services)
    records, pieces, passes = _service_records(services)
    queues = np.zeros(replicas + count, layout.QUEUE)
    queues["head"] = queues["tail"] = layout.NONE
    clock = np.zeros(1, layout.CLOCK)
    clock["first_timeout"] = replicas
    clock["budget"], clock["reason"], clock["stop"] = EVENTS_PER_CALL, layout.REACHED, layout.NEVER
    clock["window_end"], clock["free"] = layout.NEVER, layout.NONE
    clock["row_limit"] = row_block
    limits = _limits(services)
    largest = max((plan.max_batch for plan in services), default=0)
    margin, batch_margin = largest + 1, MARGIN * max(largest, FIRST_ROOM)
    clock["batches_limit"] = FIRST_SLOTS
    return layout.Plane(
        full=None,
        clock=clock,
        services=records,
        replicas=_replica_records(services),
        requests=np.zeros(FIRST_SLOTS, layout.REQUEST),
        queues=queues,
        events=_no_events(replicas + count),
        places=np.arange(replicas + count),
        coming=_no_events(count),
        coming_places=np.arange(count),
        arrivals=np.zeros(sum(plan.arrivals.block_size for plan in services), layout.ARRIVAL),
        batches=np.zeros(FIRST_SLOTS + batch_margin, layout.MEMBER),
        pending=np.zeros(2 * replicas, np.int64),
        idle=np.arange(replicas),
        trees=_trees(records),
        pieces=pieces,
        passes=passes,
        counts=np.zeros((count, len(layout.METRICS), BUCKETS), np.int64),
        sums=np.zeros((replicas, len(layout.METRICS), 4)),
        moments=np.zeros((count, len(layout.METRICS), 4)),
        limits=limits,
        overs=np.zeros(limits.shape, np.int64),
        rows=np.zeros(row_block + margin if row_block else 0, layout.ROW),
    )


def _limits(services: Sequence[ServicePlan]) -> NDArray[np.float64]:
    most = max((len(values) for plan in services for values in plan.limits.values()), default=0)
    limits = np.full((len(services), len(layout.METRICS), most), layout.NEVER)
    for index, plan in enumerate(services):
        for metric, values in plan.limits.items():
            limits[index, layout.METRICS.index(metric), : len(values)] = values
    return limits


def _no_events(entities: int) -> NDArray[Any]:
    events = np.zeros(entities, layout.EVENT)
    events["entity"], events["time"] = np.arange(entities), layout.NEVER
    return events


def _replica_records(services: Sequence[ServicePlan]) -> NDArray[Any]:
    records = np.zeros(sum(plan.replicas for plan in services), layout.REPLICA)
    records["service"] = np.repeat(np.arange(len(services)), [plan.replicas for plan in services])
    records["due"] = layout.NEVER
    records["admitted"] = layout.NONE
    return records


def _service_records(services: Sequence[ServicePlan]) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """The services' records, and the tables of their iterations and passes joined end to end."""
    records = np.zeros(len(services), layout.SERVICE)
    pieces: list[NDArray[Any]] = [np.zeros(0, layout.PIECE)]
    passes: list[NDArray[Any]] = [np.zeros(0, layout.PIECE)]
    first_replica = first_leaf = 0
    for index, plan in enumerate(services):
        record, table = records[index], pieces if isinstance(plan.replica, GenerativeReplica) else passes
        record["table"] = sum(map(len, table))
        if isinstance(plan.replica, GenerativeReplica):
            table.append(_iteration_pieces(plan.replica))
            _describe_generative(record, plan, plan.replica)
        else:
            table.append(_pass_rows(plan.replica))
            record["constant_latency"] = plan.client_latency
        _describe_service(record, plan)
        record["first_replica"], record["tree"] = first_replica, first_leaf
        first_replica += plan.replicas
        first_leaf += 2 * int(record["leaves"])
    return records, np.concatenate(pieces), np.concatenate(passes)


def _describe_service(record: Any, plan: ServicePlan) -> None:
    record["routing"] = layout.ROUTING[plan.routing]
    record["lazy"] = plan.routing in layout.LAZY and plan.queue_limit is None and plan.timeout is None
    record["key"] = np.uint64(plan.routing_key).astype(np.int64)
    record["replicas"], record["max_batch"] = plan.replicas, plan.max_batch
    record["max_queue_delay"] = plan.max_queue_delay
    record["queue_limit"] = NO_COUNT if plan.queue_limit is None else plan.queue_limit
    record["timeout"] = layout.NEVER if plan.timeout is None else plan.timeout
    for name in ("slo_ttft", "slo_tpot", "slo_e2e"):
        limit = getattr(plan, name)
        record[name] = layout.NEVER if limit is None else limit
    record["leaves"] = 1 << (plan.replicas - 1).bit_length()
    record["watcher"] = record["oldest"] = record["youngest"] = layout.NONE
    record["idle"] = plan.replicas
    record["alarm"] = NO_COUNT


def _describe_generative(record: Any, plan: ServicePlan, replica: GenerativeReplica) -> None:
    record["generative"] = 1
    record["max_batched_tokens"] = plan.max_batched_tokens
    record["kv_capacity"], record["block_size"] = replica.kv_capacity, replica.block_size
    record["constant_latency"] = plan.client_latency + replica.request_overhead
    for name, value in vars(replica.prefill).items():
        record[name] = value


def _iteration_pieces(replica: GenerativeReplica) -> NDArray[Any]:
    table = replica.iteration
    rows = np.zeros(table.until.size, layout.PIECE)
    if table.until.shape[1] != PIECES:
        raise ValueError(f"an iteration has {PIECES} pieces, not {table.until.shape[1]}")
    for name in layout.PIECE.names or ():
        rows[name] = getattr(table, name).ravel()
    return rows


def _pass_rows(replica: SinglePassReplica) -> NDArray[Any]:
    rows = np.zeros(len(replica.latency), layout.PIECE)
    rows["time_fixed"], rows["energy_fixed"] = replica.latency, replica.energy
    return rows


def _trees(records: NDArray[Any]) -> NDArray[np.int64]:
    """For each service a tree of least counts: leaves beyond its replicas are never the least."""
    trees = np.zeros(2 * int(records["leaves"].sum()), np.int64)
    for record in records:
        tree = trees[record["tree"] : record["tree"] + 2 * record["leaves"]]
        tree[record["leaves"] + record["replicas"] :] = NO_COUNT
        for node in range(record["leaves"] - 1, 0, -1):
            tree[node] = min(tree[2 * node], tree[2 * node + 1])
    return trees
