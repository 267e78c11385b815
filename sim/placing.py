"""Services take their accelerators: which replica holds what, and under which laws it runs there."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

from sim.fleet.pool import Holding, PoolState
from sim.hardware import DoesNotFit, MissingFigure, generative_replica, load_time, single_pass_replica
from sim.hardware.tables import GenerativeReplica, SinglePassReplica
from sim.scenario import Scenario
from sim.scenario.replica_group import ReplicaGroup
from sim.scenario.room import Place
from sim.scenario.service import ContinuousBatching, KvCache, Service
from sim.workload.request_traces import HASHED_BLOCK


class Placed(NamedTuple):
    """Replicas of a service in one pool."""

    pool: str
    replica: GenerativeReplica | SinglePassReplica
    number: int
    group: str = ""
    """`prefill` or `decode`, where a service has groups of replicas."""


def places_of(scenario: Scenario) -> dict[Place, ReplicaGroup]:
    """All groups of replicas, in the order in which the request plane numbers them: those that decode are the last."""
    groups = {(name, at): each for name, own in scenario.services.items() for at, each in own.replica_groups.items()}
    return dict(sorted(groups.items(), key=lambda item: item[0][1] == "decode"))


def hold(place: Place, group: ReplicaGroup, pools: dict[str, PoolState], *, for_good: bool) -> Iterator[Holding]:
    """What each replica of a group holds, pools in order of preference, until there is no more room."""
    placed: Counter[str] = Counter()
    name = "/".join(filter(None, place))
    for number in range(group.replicas.initial):
        for pool in group.pools:
            most = group.most_in(pool)
            if most is not None and placed[pool] == most:
                continue
            take = pools[pool].hold_for_good if for_good else pools[pool].try_hold
            holding = take(f"{name}/{number}", group.tensor_in(pool))
            if holding is not None:
                placed[pool] += 1
                yield holding
                break
        else:
            return


def with_load_times(
    scenario: Scenario, service: Service, pool: str, group: ReplicaGroup, replica: SinglePassReplica
) -> SinglePassReplica:
    """The laws of a replica that several models share, with the time to load each. Raises HardwareError."""
    given = service.switching.time if service.switching else None
    try:
        times = [_load_time(scenario, name, pool, group) if given is None else given for name in service.models]
    except MissingFigure as error:
        raise MissingFigure(f"{error}: give `time`") from error
    laws = zip((replica, *replica.others), times, strict=True)
    first, *others = (replace(law, load_time=time) for law, time in laws)
    return replace(first, others=others)


def restart_time(scenario: Scenario, service: Service, pool: str, group: ReplicaGroup) -> float:
    """Seconds until a replica that has failed is ready, once it has accelerators again. Raises HardwareError.

    Where models share a replica, it begins with none loaded.
    """
    return 0.0 if service.switching else _load_time(scenario, service.model, pool, group)


def _load_time(scenario: Scenario, model: str, pool: str, group: ReplicaGroup) -> float:
    accelerator, precision = scenario.accelerator(scenario.pools[pool].accelerator), group.precision_in(pool)
    return load_time(accelerator, scenario.model(model), precision, tensor=group.tensor_in(pool))


def replica_of(
    scenario: Scenario, service: Service, pool: str, group: ReplicaGroup
) -> GenerativeReplica | SinglePassReplica:
    """The laws of a service's replica on the accelerators of a pool. Raises HardwareError."""
    accelerator = scenario.accelerator(scenario.pools[pool].accelerator)
    model, batch = scenario.model(service.model), service.batching.max_batch_size
    if model.kind == "single_pass":
        models = map(scenario.model, service.models)
        precision = group.precision_in(pool)
        first, *others = (
            single_pass_replica(accelerator, each, precision=precision, max_batch=batch) for each in models
        )
        return replace(first, others=others)
    if not isinstance(service.batching, ContinuousBatching) or service.kv_cache is None:
        raise TypeError(f"a scenario gives {service.model} continuous batching and a KV cache")
    return generative_replica(
        accelerator,
        model,
        tensor=group.tensor_in(pool),
        precision=group.precision_in(pool),
        max_batch=batch,
        batched_tokens=service.batching.max_batched_tokens,
        memory_utilization=service.kv_cache.memory_utilization,
        block_size=service.kv_cache.block_size,
    )


def without_kept(service: Service, replica: GenerativeReplica) -> GenerativeReplica:
    """The laws of a replica whose KV cache is without what it sets aside for prompts. Raises HardwareError."""
    kept = kept_tokens(service.kv_cache) if service.kv_cache else 0
    if kept >= replica.kv_capacity:
        raise DoesNotFit(f"{kept:,} tokens of prompts leave nothing of a KV cache of {replica.kv_capacity:,} tokens")
    return replace(replica, kv_capacity=replica.kv_capacity - kept)


def kept_tokens(kv_cache: KvCache) -> int:
    """Tokens of KV cache that are set aside for prompts."""
    return HASHED_BLOCK * (kv_cache.prefix_blocks or 0)
