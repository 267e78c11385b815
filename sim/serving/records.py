"""The records of a request plane at its start: built from the services, every replica idle and no request there."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.hardware.tables import GenerativeReplica
from sim.serving import layout
from sim.serving.batch_heap import FIRST_ROOM, MARGIN
from sim.serving.counting import BUCKETS, HOUR, HOURS
from sim.serving.law_records import law_records, models_on, whole_blocks
from sim.serving.prefix_records import prefix_records
from sim.serving.request_blocks import blocks_of_draws
from sim.serving.service_plan import PROMISES, ClassPlan, ClientPlan, ServicePlan

EVENTS_PER_CALL = 1_000_000
NO_COUNT = 2**62


def empty_plane(services: Sequence[ServicePlan], row_block: int, slots: int, step_block: int = 0) -> layout.Plane:
    """The plane at its start, with room for so many requests in flight, rows of output, and steps."""
    parents = parents_of(services)
    services = [*services, *(plan.decode for plan in services if plan.decode)]
    count = len(services)
    replicas = sum(plan.replicas for plan in services)
    records = _service_records(services, parents)
    laws, pieces = law_records(services)
    replica_records = _replica_records(services)
    models, heaps = _shared_models(services, records)
    queues = np.zeros(replicas + count, layout.QUEUE)
    queues["head"] = queues["tail"] = layout.NONE
    slots += sum(len(each.first_sent) for plan in services for each in plan.clients_of_classes if each)
    classes = _class_records(services, records)
    for name in PROMISES:
        records[name] = classes[name][:count]
    limits = _limits(services, records, len(classes))
    largest = max((plan.max_batch for plan in services), default=0)
    tails = np.full((len(queues), 1 + int(classes["level"].max(initial=0))), layout.NONE)
    margin, batch_margin = largest + 1, MARGIN * max(largest, FIRST_ROOM)
    plain = not step_block and all(map(is_plain, services))
    plane = layout.Plane(
        full=None if plain else 0,
        clock=_clock_record(replicas, slots, row_block, step_block),
        services=records,
        laws=laws,
        classes=records if plain else classes,
        replicas=replica_records,
        **prefix_records(services, records, replica_records),
        requests=np.zeros(slots, layout.PLAIN_REQUEST if plain else layout.REQUEST),
        returns=np.zeros(slots, np.int64),
        patiences=np.zeros(slots, np.int64),
        queues=queues,
        tails=tails,
        lengths=np.zeros_like(tails),
        events=_no_events(replicas + count + (not plain)),
        places=np.arange(replicas + count + (not plain)),
        coming=_no_events(count),
        coming_places=np.arange(count),
        arrivals=_arrival_records(services, records, layout.PLAIN_ARRIVAL if plain else layout.ARRIVAL),
        batches=np.zeros(slots + batch_margin, layout.MEMBER),
        pending=np.zeros(2 * replicas, np.int64),
        idle=np.concatenate((np.arange(replicas), heaps)),
        models=models,
        ready=_numbers(services),
        trees=_trees(services, records),
        pieces=pieces,
        counts=np.zeros((len(classes), len(layout.METRICS), BUCKETS), np.int64),
        sums=np.zeros((_rows_of_sums(services, parents), len(layout.METRICS), 4)),
        members=np.zeros(_rows_of_sums(services, parents), np.int64),
        moments=None,
        limits=limits,
        overs=np.zeros(limits.shape, np.int64),
        hours=np.zeros((len(classes), HOURS, 2), np.int64),
        rows=np.zeros(row_block + margin if row_block else 0, layout.ROW),
        steps=np.zeros(step_block, layout.STEP),
    )
    return plane._replace(**dict.fromkeys(layout.FULL_ONLY)) if plain else plane


def _clock_record(replicas: int, slots: int, row_block: int, step_block: int) -> NDArray[Any]:
    """The clock. A call has no more events than there is room for steps, of which an event ends at most one."""
    clock = np.zeros(1, layout.CLOCK)
    clock["first_timeout"] = replicas
    clock["budget"], clock["reason"], clock["stop"] = step_block or EVENTS_PER_CALL, layout.REACHED, layout.NEVER
    clock["window_end"], clock["free"] = layout.NEVER, layout.NONE
    clock["row_limit"], clock["batches_limit"] = row_block, slots
    return clock


def parents_of(services: Sequence[ServicePlan]) -> list[int]:
    """For each service itself, and behind them for each group of replicas that decode the service it belongs to."""
    return [*range(len(services)), *(index for index, plan in enumerate(services) if plan.decode)]


def is_plain(plan: ServicePlan) -> bool:
    """Whether the plain form of the kernels serves a service: a plane of such services compiles and runs faster."""
    plain_rule = plan.rule is None and plan.routing not in {"least_work", "weighted"}
    plain_prompts = not (plan.chunked or plan.prefix_hit_rate or plan.prefix_blocks)
    plain_replicas = plan.decode is None and plan.ready is None and plan.switching is None
    plain_requests = len(plan.classes) < 2 and plan.preemption != "swap" and not any(plan.clients_of_classes)
    return plain_rule and plain_prompts and plain_replicas and plain_requests


def _arrival_records(services: Sequence[ServicePlan], records: NDArray[Any], kind: np.dtype[Any]) -> NDArray[Any]:
    """Room for a block of each service's arrivals, which are of its first class until they tell another."""
    sizes = [plan.arrivals.block_size for plan in services]
    draws = [blocks_of_draws(plan) for plan in services]
    arrivals = np.zeros(sum(sizes) + sum(map(sum, draws)), kind)
    if kind == layout.PLAIN_ARRIVAL:
        return arrivals
    first_classes = np.repeat(records["first_class"], sizes), np.repeat(records["first_class"], list(map(sum, draws)))
    arrivals["class_index"] = np.concatenate(first_classes)
    return arrivals


def _further(plan: ServicePlan) -> int:
    """Classes whose records follow behind those of all services."""
    return len(plan.classes) if len(plan.classes) > 1 else 0


def _class_records(services: Sequence[ServicePlan], records: NDArray[Any]) -> NDArray[Any]:
    """The classes of all services, which are told where theirs are; those of a group are its service's."""
    classes = np.zeros(len(services) + sum(map(_further, services)), layout.CLASS)
    first, first_sums = len(services), sum(plan.replicas for plan in services)
    for index, plan in enumerate(services):
        record, parent = records[index], int(records[index]["parent"])
        several = _further(services[parent])
        record["first_sums"] = first_sums
        first_sums += plan.replicas * several
        if parent != index:
            record["first_class"], record["classes"] = records[parent]["first_class"], records[parent]["classes"]
            classes[index]["service"] = parent
            continue
        record["first_class"], record["classes"] = first if several else index, several or 1
        _describe_class(classes[index], index, plan.classes[0] if plan.classes else plan)
        ranks = sorted({each.priority for each in plan.classes}, reverse=True)
        for each in plan.classes if several else ():
            classes[first]["level"] = ranks.index(each.priority) * int(record["models"]) + each.model
            _describe_class(classes[first], index, each)
            first += 1
    return classes


def _rows_of_sums(services: Sequence[ServicePlan], parents: Sequence[int]) -> int:
    """A row for each replica, and where a service has several classes one for each of them too."""
    return sum(plan.replicas * (1 + _further(services[parent])) for plan, parent in zip(services, parents, strict=True))


def _describe_class(record: Any, service_index: int, plan: ServicePlan | ClassPlan) -> None:
    record["service"] = service_index
    clients = plan.clients or ClientPlan()
    record["closed"], record["history"] = len(clients.first_sent) > 0, clients.history
    record["attempts"], record["backoff"], record["last_send"] = clients.attempts, clients.backoff, clients.last_send
    for name in PROMISES:
        limit = getattr(plan, name)
        record[name] = layout.NEVER if limit is None else limit


def _limits(services: Sequence[ServicePlan], records: NDArray[Any], classes: int) -> NDArray[np.float64]:
    """Limits by class. Those of its service come first, and so stand in the same places for all of its classes."""
    given: list[tuple[int, int, tuple[float, ...]]] = []
    for index, plan in enumerate(services):
        for number, metric in enumerate(layout.METRICS):
            own = tuple(plan.limits.get(metric, ()))
            given.append((index, number, own))
            for place, each in enumerate(plan.classes):
                row = int(records[index]["first_class"]) + place
                given.append((row, number, own + tuple(each.limits.get(metric, ()))))
    limits = np.full((classes, len(layout.METRICS), max((len(own) for *_, own in given), default=0)), layout.NEVER)
    for row, number, own in given:
        limits[row, number, : len(own)] = own
    return limits


def _no_events(entities: int) -> NDArray[Any]:
    events = np.zeros(entities, layout.EVENT)
    events["entity"], events["time"] = np.arange(entities), layout.NEVER
    return events


def _replica_records(services: Sequence[ServicePlan]) -> NDArray[Any]:
    records = np.zeros(sum(plan.replicas for plan in services), layout.REPLICA)
    records["service"] = np.repeat(np.arange(len(services)), [plan.replicas for plan in services])
    numbers = [number for plan in services for _, number in plan.laws]
    models = [len(models_on(replica)) for plan in services for replica, _ in plan.laws]
    records["law"] = np.repeat(np.cumsum([0, *models])[:-1], numbers)
    numbers_in_service = _numbers(services)
    ready = np.repeat([_number_ready(plan) for plan in services], [plan.replicas for plan in services])
    records["life"] = np.where(numbers_in_service < ready, layout.READY, layout.ABSENT)
    records["due"] = layout.NEVER
    for name in ("admitted", "partial", "fresh", "received"):
        records[name] = layout.NONE
    return records


def _numbers(services: Sequence[ServicePlan]) -> NDArray[np.int64]:
    """The number of each replica within its service."""
    return np.concatenate([np.zeros(0, np.int64), *(np.arange(plan.replicas) for plan in services)])


def _number_ready(plan: ServicePlan) -> int:
    """How many replicas of a service are ready at the start."""
    return plan.replicas if plan.ready is None else plan.ready


def _service_records(services: Sequence[ServicePlan], parents: Sequence[int]) -> NDArray[Any]:
    records = np.zeros(len(services), layout.SERVICE)
    records["parent"], records["stage"] = parents, layout.NONE
    first_replica = first_leaf = 0
    for index, plan in enumerate(services):
        record = records[index]
        _describe_service(record, plan)
        if parents[index] != index:
            _describe_group(record, records[parents[index]], index, plan)
        record["first_replica"], record["tree"] = first_replica, first_leaf
        first_replica += plan.replicas
        first_leaf += 2 * int(record["leaves"])
    return records


def _shared_models(services: Sequence[ServicePlan], records: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """The models that share replicas, and a heap for each of the idle ones that have it loaded: all the first model."""
    heaps: list[NDArray[np.int64]] = [np.zeros(0, np.int64)]
    models = np.zeros(sum(int(own) for own in records["models"] if own > 1), layout.MODEL)
    at, place = 0, sum(plan.replicas for plan in services)
    for index in np.flatnonzero(records["models"] > 1):
        record = records[index]
        replicas, number = int(record["replicas"]), int(record["models"])
        record["first_model"] = at
        models[at]["idle"] = record["idle"]
        models[at : at + number]["first_idle"] = place + replicas * np.arange(number)
        heaps.append(np.tile(record["first_replica"] + np.arange(replicas), number))
        at, place = at + number, place + replicas * number
    return models, np.concatenate(heaps)


def _describe_service(record: Any, plan: ServicePlan) -> None:
    record["routing"] = layout.OWN_RULE if plan.rule else layout.ROUTING[plan.routing]
    record["rule"] = plan.rule.address if plan.rule else 0
    record["asks_again"] = any(plan.clients_of_classes)
    limited = plan.queue_limit is not None or plan.timeout is not None
    changing = plan.ready is not None or record["asks_again"]
    record["lazy"] = plan.routing in layout.LAZY and not limited and not changing
    record["key"] = np.uint64(plan.routing_key).astype(np.int64)
    record["replicas"], record["max_batch"] = plan.replicas, plan.max_batch
    record["max_queue_delay"] = plan.max_queue_delay
    record["queue_limit"] = NO_COUNT if plan.queue_limit is None else plan.queue_limit
    record["timeout"] = layout.NEVER if plan.timeout is None else plan.timeout
    record["start_of_day"] = plan.start_of_day % (HOURS * HOUR)
    record["promises"] = any(
        getattr(each, name, None) is not None for each in (plan, *plan.classes) for name in (*PROMISES, "slo_itl")
    )
    record["slo_itl"] = layout.NEVER if plan.slo_itl is None else plan.slo_itl
    record["leaves"] = 1 << (plan.replicas - 1).bit_length()
    record["watcher"] = record["oldest"] = record["youngest"] = layout.NONE
    record["idle"] = _number_ready(plan) if plan.routing == "central_queue" else 0
    record["ready"] = record["present"] = _number_ready(plan)
    record["loses"] = plan.on_death == "lose"
    record["alarm"] = NO_COUNT
    record["models"] = len(models_on(plan.replica))
    record["max_wait"] = plan.switching.longest_wait if plan.switching else layout.NEVER
    if isinstance(plan.replica, GenerativeReplica):
        _describe_generative(record, plan, plan.replica)


def _describe_generative(record: Any, plan: ServicePlan, replica: GenerativeReplica) -> None:
    record["generative"] = 1
    record["max_batched_tokens"] = plan.max_batched_tokens
    record["chunked"], record["preemption"] = plan.chunked, layout.PREEMPTION[plan.preemption]
    record["block_size"], record["prefix_hit_rate"] = replica.block_size, plan.prefix_hit_rate
    rooms = [(whole_blocks(each), number) for each, number in plan.laws if isinstance(each, GenerativeReplica)]
    record["longest"] = min(room for room, _ in rooms)
    record["kv_capacity"] = sum(room * number for room, number in rooms)
    every = [room for room, number in rooms for _ in range(number)]
    record["present_capacity"] = sum(every[: _number_ready(plan)])


def _describe_group(group: Any, service: Any, index: int, plan: ServicePlan) -> None:
    """A group of replicas that decode what those of the service itself have prefilled."""
    service["stage"] = index
    service["lazy"] = group["lazy"] = 0
    group["exhausted"] = 1
    group["transfer_fixed"], group["transfer_per_token"] = plan.transfer_latency, plan.transfer_per_token
    service["longest"] = group["longest"] = min(service["longest"], group["longest"])


def _trees(services: Sequence[ServicePlan], records: NDArray[Any]) -> NDArray[np.float64]:
    """For each service a tree of least loads: leaves beyond its ready replicas are never the least."""
    trees = np.zeros(2 * int(records["leaves"].sum()))
    for plan, record in zip(services, records, strict=True):
        tree = trees[record["tree"] : record["tree"] + 2 * record["leaves"]]
        loads = tree[record["leaves"] :]
        if record["routing"] == layout.WEIGHTED:
            loads[: record["replicas"]] = [1.0 / law.speed for law, number in plan.laws for _ in range(number)]
        loads[record["ready"] :] = layout.NEVER
        for node in range(record["leaves"] - 1, 0, -1):
            tree[node] = min(tree[2 * node], tree[2 * node + 1])
    return trees
