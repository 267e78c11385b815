"""From a scenario to what a run is built of: policies, replicas on their accelerators, sources of requests and jobs.

What only shows here (a model that does not fit, a policy's options, a broken trace) is an input error like any other,
with file, line and key; all of them are reported at once.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sim.fleet.pool import FleetError, PoolState
from sim.fleet.slots import Slot
from sim.hardware import GenerativeReplica, HardwareError, SinglePassReplica
from sim.job_physics import job_physics, physics_problems
from sim.pilot import WarmUp
from sim.placing import Placed, hold, places_of, replica_of, restart_time, with_load_times, without_kept
from sim.policies.registry import PolicyError, check, own_function, resolve
from sim.pools import failures_of, pool_state
from sim.scenario import Problem, Scenario, ScenarioError, paths
from sim.scenario.arrivals import TraceArrivals
from sim.scenario.clients import ClosedArrivals
from sim.scenario.errors import near
from sim.scenario.failures import Per
from sim.scenario.replica_group import ReplicaGroup
from sim.scenario.requests import parts
from sim.scenario.room import Place, keys_of
from sim.scenario.service import DynamicBatching, Service
from sim.serving.layout import METRICS
from sim.training.summary import BLOCKS
from sim.workload.blocks import Source
from sim.workload.clients import Clients, clients_of
from sim.workload.distributions import mean
from sim.workload.failures import Failure
from sim.workload.jobs import JobSource, job_source
from sim.workload.request_traces import BlockHashes
from sim.workload.requests import RequestSource, request_source
from sim.workload.trace_files import TraceError

SEAMS = ("scheduling", "placement", "sharing", "power")
FOREVER = float("inf")


@dataclass
class Prepared:
    """All that one run needs to begin; the run uses it up."""

    scenario: Scenario
    policies: dict[str, Any] = field(default_factory=dict)
    pools: dict[str, PoolState] = field(default_factory=dict)
    replicas: dict[str, list[Placed]] = field(default_factory=dict)
    """By service, in the order of its replicas."""
    restart: dict[tuple[str, str], float] = field(default_factory=dict)
    """By service and pool in which accelerators fail: seconds until a replica is ready that has others again."""
    rules: dict[Place, Any] = field(default_factory=dict)
    """Compiled rules of users' own, by service and group of replicas."""
    slots: dict[Place, list[Slot]] = field(default_factory=dict)
    """By service and group of replicas, one a replica, those that may come later included, in the order of the request
    plane."""
    requests: dict[str, Source] = field(default_factory=dict)
    clients: dict[str, list[Clients | None]] = field(default_factory=dict)
    """By service, those of each class."""
    jobs: dict[str, JobSource] = field(default_factory=dict)
    failures: dict[str, list[tuple[Per, Iterator[Failure]]]] = field(default_factory=dict)
    """By pool that has any: what fails by itself there, and when."""
    limits: Mapping[str, Sequence[float]] = field(default_factory=dict)
    """By the path of a block of durations, those beyond which the share is counted one by one."""
    warm_up: WarmUp | None = None
    """How the warm-up was found, where the scenario left it open."""
    notes: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    @property
    def until(self) -> float:
        """Seconds at which arrivals end: the horizon, or never where the run ends with its jobs."""
        return FOREVER if isinstance(self.scenario.horizon, str) else self.scenario.horizon

    @property
    def warmup(self) -> float:
        """Seconds that are not counted."""
        if isinstance(self.scenario.warmup, str):
            raise TypeError("the warm-up is still to be found")
        return self.scenario.warmup

    def limits_of(self, *path: str) -> dict[str, Sequence[float]]:
        """The registered limits of a service, a class of one or a stream, by the name of the block."""
        place = paths.join(path) + "."
        return {path.removeprefix(place): given for path, given in self.limits.items() if path.startswith(place)}

    @contextmanager
    def checking(self, path: str) -> Iterator[None]:
        """Note what goes wrong inside as a problem at a dotted path."""
        try:
            yield
        except (FleetError, HardwareError, PolicyError, TraceError) as error:
            self.problems.append(self.scenario.problem(path, str(error)))


def prepare(
    scenario: Scenario,
    policies: Mapping[str, Any] | None = None,
    *,
    limits: Mapping[str, Sequence[float]] | None = None,
    block_size: int | None = None,
) -> Prepared:
    """Build what a run of a scenario needs. Raises ScenarioError.

    `policies` replaces policies by instances; `limits` names durations by the path of their block, such as
    `services.chat.ttft_s`, whose share over each is counted; `block_size` is how many requests are drawn at a time.
    """
    prepared = Prepared(scenario, limits=limits or {})
    _check_limits(prepared)
    _resolve_policies(prepared, policies or {})
    _check_jobs_end(prepared)
    _start_sources(prepared, block_size)
    _compile_rules(prepared)
    if "placement" in prepared.policies:
        _build_pools(prepared)
        _place_services(prepared)
    if prepared.problems:
        raise ScenarioError(prepared.problems)
    return prepared


def _check_limits(prepared: Prepared) -> None:
    scenario, places = prepared.scenario, dict[tuple[str, ...], Sequence[str]]()
    for name, service in scenario.services.items():
        places["services", name] = METRICS
        places |= {("services", name, "classes", *part.path): METRICS for part in parts(service.requests) if part.path}
    places |= {("training", name): BLOCKS for name in scenario.training}
    known = {paths.join((*place, block)) for place, blocks in places.items() for block in blocks}
    for path in sorted(prepared.limits.keys() - known):
        prepared.problems.append(scenario.problem("limits", f"there is no `{path}` to limit", near(path, known)))


def _resolve_policies(prepared: Prepared, instances: Mapping[str, Any]) -> None:
    scenario = prepared.scenario
    for unknown in sorted(instances.keys() - set(SEAMS)):
        prepared.problems.append(scenario.problem("policies", f"there is no `{unknown}` policy", ", ".join(SEAMS)))
    for seam in SEAMS:
        reference = getattr(scenario.policies, seam)
        with prepared.checking(f"policies.{seam}"):
            if seam in instances:
                check(seam, instances[seam])
                prepared.policies[seam] = instances[seam]
            else:
                prepared.policies[seam] = resolve(seam, reference.name, reference.options, scenario.folder)


def _start_sources(prepared: Prepared, block_size: int | None) -> None:
    """Open the streams of requests and jobs: traces are read here."""
    scenario = prepared.scenario
    for name, service in scenario.services.items():
        with prepared.checking(f"services.{name}.requests.arrivals.path"):
            prepared.requests[name] = requests_of(prepared, name, block_size)
            _check_lengths(scenario, service, prepared.requests[name])
        _check_thinking(prepared, name, service)
        prepared.clients[name] = clients_of(name, service.requests, seed=scenario.seed, block_size=block_size)
    physics = job_physics(scenario)
    for name, stream in scenario.training.items():
        if problems := list(physics_problems(scenario, name, physics)):
            prepared.problems.extend(problems)
            continue
        with prepared.checking(f"training.{name}.trace.path"):
            prepared.jobs[name] = job_source(
                name,
                stream,
                seed=scenario.seed,
                folder=scenario.folder,
                start_of_day=seconds_into_week(scenario, stream.pools[0]),
                until=prepared.until,
                physics=physics,
            )
            prepared.notes.extend(_of_trace(name, prepared.jobs[name]))


def requests_of(prepared: Prepared, name: str, block_size: int | None = None) -> Source:
    """The stream of the requests of a service, from the first on. Raises TraceError."""
    scenario, service = prepared.scenario, prepared.scenario.services[name]
    return request_source(
        name,
        service.requests,
        seed=scenario.seed,
        folder=scenario.folder,
        start_of_day=seconds_into_week(scenario, service.first_pool),
        until=prepared.until,
        block_size=block_size,
    )


def _of_trace(name: str, source: JobSource) -> Iterator[str]:
    """What was not taken from a trace as it stands there."""
    if source.recording is not None and (source.recording.dropped or source.recording.changed):
        yield f"training.{name}: of its trace, {source.recording.sentence()}"


def _check_thinking(prepared: Prepared, name: str, service: Service) -> None:
    """Clients in a closed loop that never think, and are turned away, would ask for ever at the same instant."""
    for part in parts(service.requests):
        if isinstance(part.arrivals, ClosedArrivals) and not mean(part.arrivals.think_time) > 0:
            path = paths.join(("services", name, "requests", *part.path, "arrivals", "think_time"))
            message = "the clients of a closed loop must think for more than zero"
            prepared.problems.append(prepared.scenario.problem(path, message, "such as 1 ms"))


def _check_lengths(scenario: Scenario, service: Service, source: Source) -> None:
    traces = [part.arrivals for part in parts(service.requests) if isinstance(part.arrivals, TraceArrivals)]
    if traces and scenario.model(service.model).kind == "generative" and not source.has_lengths:
        message = "a generative model needs prompt_tokens and output_tokens"
        raise TraceError(scenario.folder / traces[0].path, 1, message)
    if service.kv_cache and service.kv_cache.prefix_blocks and hashes_of(source) is None:
        raise TraceError(scenario.folder / traces[0].path, 1, "`prefix_blocks` need hash_ids in every line")


def hashes_of(source: Source) -> BlockHashes | None:
    """The hashes of the blocks of a trace's prompts, where these are the only requests and have them."""
    return source.hashes if isinstance(source, RequestSource) else None


def _build_pools(prepared: Prepared) -> None:
    """The pools, and what fails in them: traces are read here."""
    scenario, placement = prepared.scenario, prepared.policies["placement"]
    for name, pool in scenario.pools.items():
        prepared.pools[name] = pool_state(scenario, name, placement)
        for number, spec in enumerate(pool.failures):
            with prepared.checking(f"pools.{name}.failures[{number}].trace"):
                source = failures_of(scenario, prepared.pools[name], number)
                prepared.failures.setdefault(name, []).append((spec.per, source))


def _place_services(prepared: Prepared) -> None:
    for place, group in places_of(prepared.scenario).items():
        with prepared.checking("policies.placement"):
            _place_replicas(prepared, place, group)


def _place_replicas(prepared: Prepared, place: Place, group: ReplicaGroup) -> None:
    """Give a group of replicas its accelerators, and build their laws."""
    scenario = prepared.scenario
    for_good = bool(place[1]) or not scenario.replicas_change(place[0])
    holdings = list(hold(place, group, prepared.pools, for_good=for_good))
    if len(holdings) < group.replicas.initial:
        message = f"there is room for {len(holdings)} of {group.replicas.initial} replicas"
        key = paths.join((*keys_of(place), "replicas"))
        prepared.problems.append(scenario.problem(key, message, "fewer, or more nodes"))
        return
    pools = list(Counter(holding.pool for holding in holdings).items())
    pools = pools[:-1] + _with_later_ones(place, group, pools[-1:])
    prepared.slots[place] = [Slot(pool, group.tensor_in(pool)) for pool, number in pools for _ in range(number)]
    for slot, holding in zip(prepared.slots[place], holdings, strict=False):
        slot.holding = holding
    for pool, number in pools:
        _build_laws(prepared, place, group, pool, number)


def _with_later_ones(place: Place, group: ReplicaGroup, last: list[tuple[str, int]]) -> list[tuple[str, int]]:
    """The pool of the last replicas at the start, and that of those which may come later: the first of the service."""
    later = 0 if place[1] else group.replicas.max - group.replicas.initial
    if not last or (last[0][0] != group.first_pool and later):
        return [*last, (group.first_pool, later)]
    return [(last[0][0], last[0][1] + later)]


def _build_laws(prepared: Prepared, place: Place, group: ReplicaGroup, pool: str, number: int) -> None:
    scenario, name = prepared.scenario, place[0]
    service, accelerator = scenario.services[name], scenario.accelerator(scenario.pools[pool].accelerator)
    with prepared.checking(f"services.{name}.model"):
        replica = replica_of(scenario, service, pool, group)
        if service.switching and isinstance(replica, SinglePassReplica):
            with prepared.checking(f"services.{name}.switching"):
                replica = with_load_times(scenario, service, pool, group, replica)
        if isinstance(replica, GenerativeReplica):
            with prepared.checking(f"services.{name}.kv_cache.prefix_blocks"):
                replica = without_kept(service, replica)
        prepared.replicas.setdefault(name, []).append(Placed(pool, replica, number, place[1]))
        if scenario.pools[pool].failures:
            prepared.restart[name, pool] = restart_time(scenario, service, pool, group)
    if accelerator.host_link_bandwidth is not None:
        return
    message = f"the bandwidth of {accelerator.name} to its host's memory is not known"
    inline = f"an accelerator `{{like: {accelerator.name}, host_link_bandwidth: 64 GB/s}}`"
    if service.kv_cache and service.kv_cache.preemption == "swap":
        key = f"services.{name}.kv_cache.preemption"
        prepared.problems.append(scenario.problem(key, message, f"{inline}, or `recompute`"))
    if service.groups and service.groups.kv_transfer.bandwidth is None:
        key = f"services.{name}.groups"
        prepared.problems.append(scenario.problem(key, message, f"{inline}, or `kv_transfer: {{bandwidth: 50 GB/s}}`"))


def _compile_rules(prepared: Prepared) -> None:
    """Rules of users' own by which requests are routed."""
    scenario = prepared.scenario
    for place, group in places_of(scenario).items():
        if ":" in group.routing:
            from sim.serving.own_rule import compiled_rule

            with prepared.checking(paths.join((*keys_of(place), "routing"))):
                rule = own_function("routing", group.routing, scenario.folder)
                prepared.rules[place] = compiled_rule(group.routing, rule)


def _check_jobs_end(prepared: Prepared) -> None:
    scenario = prepared.scenario
    if scenario.horizon != "jobs_done":
        return
    for name, stream in scenario.training.items():
        if stream.arrivals is not None:
            message = f"`{name}` never ends, so a horizon of `jobs_done` is never reached"
            prepared.problems.append(
                scenario.problem(f"training.{name}", message, "a trace, jobs, or a horizon in time")
            )


def seconds_into_week(scenario: Scenario, pool: str) -> float:
    """Local time of simulated second 0 at a pool's site, in seconds after Monday's midnight.

    `start` is read as UTC; the site's offset at that instant holds for the whole run.
    """
    zone = ZoneInfo(scenario.sites[scenario.pools[pool].site].timezone)
    local = scenario.start.replace(tzinfo=UTC).astimezone(zone)
    day = timedelta(hours=local.hour, minutes=local.minute, seconds=local.second, microseconds=local.microsecond)
    return local.weekday() * 86400.0 + day.total_seconds()


def queue_delay(service: Service) -> float:
    """Seconds for which a request may wait for its batch to fill."""
    return service.batching.max_queue_delay if isinstance(service.batching, DynamicBatching) else 0.0
