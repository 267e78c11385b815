"""A service of the scenario, its replicas placed, as the request plane runs it."""

from dataclasses import replace
from typing import Any

from sim.hardware.memory import kv_bytes_per_token
from sim.hardware.tables import GenerativeReplica
from sim.preparation import Prepared, hashes_of, queue_delay, seconds_into_week
from sim.scenario.requests import Part, RequestClasses, parts
from sim.scenario.service import Service
from sim.serving.service_plan import ClassPlan, ClientPlan, NoArrivals, PrefixBlocks, ServicePlan, Switching
from sim.workload.request_traces import HASHED_BLOCK
from sim.workload.streams import stream_key

DAY = 86400.0


def service_plan(prepared: Prepared, name: str) -> ServicePlan:
    """All that the request plane is told of a service; the blocks of its requests are used up by the run."""
    scenario, service = prepared.scenario, prepared.scenario.services[name]
    several = isinstance(service.requests, RequestClasses)
    limits = service.slo.limits if service.slo else {}
    return ServicePlan(
        arrivals=prepared.requests[name],
        max_queue_delay=queue_delay(service),
        queue_limit=service.queue_limit,
        timeout=service.timeout,
        on_death=service.on_death,
        prefix_hit_rate=service.kv_cache.prefix_hit_rate if service.kv_cache else 0.0,
        prefix_blocks=_prefix_blocks(prepared, name),
        start_of_day=seconds_into_week(scenario, service.first_pool) % DAY,
        slo_ttft=limits.get("ttft"),
        slo_tpot=limits.get("tpot"),
        slo_e2e=limits.get("e2e"),
        clients=None if several else _client_plan(prepared, name, 0),
        classes=[_class_plan(prepared, name, *each) for each in enumerate(parts(service.requests))] if several else (),
        switching=_switching(service),
        decode=_decode_plan(prepared, name) if service.groups else None,
        **_of_group(prepared, name, "prefill" if service.groups else ""),
    )


def _of_group(prepared: Prepared, name: str, group: str) -> dict[str, Any]:
    """What a plan says of the replicas of a group."""
    scenario, service = prepared.scenario, prepared.scenario.services[name]
    replicas = service.replica_groups[group].replicas
    placed = [each for each in prepared.replicas[name] if each.group == group]
    where = ("services", name, *(("groups", group) if group else ()), "routing")
    return {
        "name": name,
        "client_latency": service.client_latency,
        "replica": placed[0].replica,
        "others": [(each.replica, each.number) for each in placed[1:]],
        "replicas": replicas.initial if group else replicas.max,
        "ready": replicas.initial if scenario.replicas_change(name) and not group else None,
        "rule": prepared.rules.get((name, group)),
        "routing": service.replica_groups[group].routing,
        "routing_key": stream_key(scenario.seed, *where),
        "max_batch": service.batching.max_batch_size,
        "max_batched_tokens": getattr(service.batching, "max_batched_tokens", 0),
        "chunked": getattr(service.batching, "prefill", "") == "chunked",
        "preemption": service.kv_cache.preemption if service.kv_cache else "none",
        "slo_itl": service.slo.itl if service.slo else None,
        "limits": prepared.limits_of("services", name),
    }


def _decode_plan(prepared: Prepared, name: str) -> ServicePlan:
    """The replicas that decode; a request pays the overhead of those that prefill, before its first token."""
    groups = prepared.scenario.services[name].groups
    assert groups is not None  # noqa: S101  it is called for services that have them
    group = _of_group(prepared, name, "decode")
    first = prepared.replicas[name][0].replica
    assert isinstance(first, GenerativeReplica)  # noqa: S101  groups are of token models
    paid = {"request_overhead": first.request_overhead}
    group["replica"] = replace(group["replica"], **paid)
    group["others"] = [(replace(replica, **paid), number) for replica, number in group["others"]]
    return ServicePlan(
        arrivals=NoArrivals(),
        transfer_latency=groups.kv_transfer.latency,
        transfer_per_token=seconds_per_token(prepared, name),
        **group,
    )


def seconds_per_token(prepared: Prepared, name: str) -> float:
    """Seconds to send the KV cache of a token; where no bandwidth is given, over the slowest of the links to hosts."""
    scenario, service = prepared.scenario, prepared.scenario.services[name]
    bandwidth = service.groups.kv_transfer.bandwidth if service.groups else None
    replicas = [each.replica for each in prepared.replicas[name] if isinstance(each.replica, GenerativeReplica)]
    if bandwidth is None:
        return max(replica.swap_per_token for replica in replicas)
    group = service.replica_groups["prefill"]
    model, precision = scenario.model(service.model), group.precision_in(group.first_pool)
    return kv_bytes_per_token(model, 1, precision) / bandwidth


def _prefix_blocks(prepared: Prepared, name: str) -> PrefixBlocks | None:
    kv_cache, hashes = prepared.scenario.services[name].kv_cache, hashes_of(prepared.requests[name])
    if kv_cache is None or kv_cache.prefix_blocks is None or hashes is None:
        return None
    return PrefixBlocks(kv_cache.prefix_blocks, HASHED_BLOCK, *hashes)


def _switching(service: Service) -> Switching | None:
    return Switching(service.switching.rule, service.switching.max_wait) if service.switching else None


def _client_plan(prepared: Prepared, service: str, place: int) -> ClientPlan | None:
    clients = prepared.clients[service][place]
    if clients is None:
        return None
    generative = isinstance(prepared.replicas[service][0].replica, GenerativeReplica)
    return ClientPlan(
        attempts=clients.attempts,
        backoff=clients.backoff,
        further=clients.further,
        first_sent=clients.first_sent,
        history=clients.history and generative,
        last_send=prepared.until,
    )


def _class_plan(prepared: Prepared, service: str, place: int, part: Part) -> ClassPlan:
    own = prepared.scenario.services[service]
    given = own.promise(part)
    return ClassPlan(
        name=part.path[0],
        priority=getattr(part.stream, "priority", 0),
        model=own.models.index(own.model_of(part)),
        slo_ttft=given.get("ttft"),
        slo_tpot=given.get("tpot"),
        slo_e2e=given.get("e2e"),
        limits=prepared.limits_of("services", service, "classes", *part.path),
        clients=_client_plan(prepared, service, place),
    )
