"""The summary of a run: every figure by its dotted path."""

import platform
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from sim.accounts import HOUR, KWH, Accounts, Bill, add
from sim.audit import audit
from sim.fleet.ledger import State
from sim.group_summary import groups_summary
from sim.hardware.tables import GenerativeReplica
from sim.pool_summary import pool_summary, power_block
from sim.scenario.requests import RequestClasses, parts
from sim.serving import layout
from sim.serving.service_plan import ServicePlan
from sim.serving.summary import (
    classes_of,
    counts_of_classes,
    latency_blocks,
    latency_blocks_of_class,
    presence,
    request_counts,
    slo_block,
)
from sim.tenant_summary import tenants_summary
from sim.training.job_plane import QUEUE_FULL
from sim.training.summary import accelerator_hours_by, stream_summary, submitted_within

if TYPE_CHECKING:
    from sim.results import Run

SCHEMA_VERSION = 1
PACKAGES = ("fleetsim", "numpy", "numba", "simpy", "scipy", "pandas", "pydantic")

Summary = dict[str, Any]


def summarize(run: "Run") -> Summary:
    """The summary of a run (the names are those of the results' contract)."""
    accounts = Accounts(run.prepared.scenario, run.ledger, run.opening, run.closing)
    return {
        "schema_version": SCHEMA_VERSION,
        "run": _run(run),
        "services": {name: _service(run, accounts, index) for index, name in enumerate(run.prepared.scenario.services)},
        "training": {name: _stream(run, accounts, name) for name in run.prepared.scenario.training},
        "tenants": tenants_summary(run),
        "pools": {name: pool_summary(run, accounts, name) for name in run.prepared.scenario.pools},
        "sites": {name: site_summary(run, accounts, name) for name in run.prepared.scenario.sites},
        "phases": phases_summary(run, accounts),
        "fleet": fleet_summary(run, accounts),
        "audit": audit(run, accounts),
        "notes": [*run.prepared.notes, *_unused_jobs(run)],
    }


def _run(run: "Run") -> Summary:
    scenario = run.prepared.scenario
    requests = int(run.closing.services["index"].sum())
    return {
        "name": scenario.name,
        "seed": scenario.seed,
        "start": scenario.start.isoformat(),
        "horizon_s": run.closing.time,
        "warmup_s": run.opening.time,
        "warmup_by_metric": None if run.prepared.warm_up is None else run.prepared.warm_up.by_metric,
        "scenario_sha256": scenario.sha256,
        "inputs_sha256": run.inputs_sha256,
        "versions": dict(versions()),
        "requests": requests,
        "decisions": run.decisions,
        "wall_s": run.wall,
        "requests_per_wall_s": requests / run.wall,
    }


@cache
def versions() -> dict[str, str]:
    """Versions of Python and of the packages that decide a run's figures."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found


def _service(run: "Run", accounts: Accounts, index: int) -> Summary:
    plane = run.request_plane
    plan = plane.services[index]
    spec = run.prepared.scenario.services[plan.name]
    generative = isinstance(plan.replica, GenerativeReplica)
    classes = classes_of(plane.plane, index)
    return {
        "requests": request_counts(plane.plane, index, run.ended),
        **latency_blocks(plane.plane, index, generative=generative),
        "slo": _slo(run, accounts, classes, spec.promised),
        **service_work(run, accounts, index),
        **groups_summary(run, index),
        **({"classes": _classes(run, accounts, index)} if isinstance(spec.requests, RequestClasses) else {}),
    }


def _slo(run: "Run", accounts: Accounts, classes: Sequence[int], promised: Iterable[str]) -> Summary | None:
    if not promised:
        return None
    return slo_block(run.request_plane.plane, classes, promised, run.ended, accounts.window)


def _classes(run: "Run", accounts: Accounts, index: int) -> Summary:
    """What became of the requests of each class; what they took cannot be told apart."""
    plane, plan = run.request_plane.plane, run.request_plane.services[index]
    service, generative = run.prepared.scenario.services[plan.name], isinstance(plan.replica, GenerativeReplica)
    found = {}
    for class_index, part in zip(classes_of(plane, index), parts(service.requests), strict=True):
        change = {
            name: run.closing.classes[class_index][name] - run.opening.classes[class_index][name]
            for name in layout.COUNTED
        }
        found[part.path[0]] = {
            "priority": getattr(part.stream, "priority", 0),
            "requests": counts_of_classes(plane, [class_index], run.ended),
            **latency_blocks_of_class(plane, class_index, generative=generative),
            "slo": _slo(run, accounts, [class_index], service.promise(part)),
            **_demand(change, accounts.window, generative=generative),
            **({"preemptions": int(change["preemptions"])} if generative else {}),
        }
    return found


def service_work(run: "Run", accounts: Accounts, index: int) -> Summary:
    """What a service was asked for and did between the opening and the closing."""
    plan, window = run.request_plane.services[index], accounts.window
    change = {name: run.closing.services[index][name] - run.opening.services[index][name] for name in _COUNTERS}
    batches = change["batches"]
    there = presence(plan, run.opening.services[index], run.closing.services[index], window)
    generative = isinstance(plan.replica, GenerativeReplica)
    summary: Summary = {
        **_demand(change, window, generative=generative),
        "batch_size_mean": float(change["batched"] / batches) if batches else None,
        "replicas": there.block,
        "utilization": _share((run.closing.busy[index] - run.opening.busy[index]).sum(), there.replica_seconds),
    }
    if isinstance(plan.replica, GenerativeReplica):
        summary["kv_utilization_mean"] = _share(change["kv_area"], there.token_seconds)
        summary["preemptions"] = int(change["preemptions"])
        summary["prefix_hit_rate"] = _prefix_hit_rate(plan, change)
    if plan.switching:
        summary["switches"] = int(change["switches"])
    return summary | _service_energy(run, accounts, index, float(change["finished"]), float(change["output_tokens"]))


def _prefix_hit_rate(plan: ServicePlan, change: Mapping[str, Any]) -> float | None:
    """The share of the prompts' tokens that started, for the first time, with their KV cache there already."""
    if plan.prefix_blocks is None and plan.prefix_hit_rate == 0.0:
        return 0.0
    return float(change["skipped_tokens"] / change["admitted_tokens"]) if change["admitted_tokens"] else None


def _share(part: Any, whole: float) -> float | None:
    return float(part) / whole if whole else None


def _demand(change: Mapping[str, Any], window: float, *, generative: bool) -> Summary:
    """What the arrivals of a window brought, and what was done in it. `change`: of the counters over the window."""
    offered = {"requests": "arrived"}
    done = {"requests": "finished"}
    if generative:
        offered |= {"prompt_tokens": "offered_prompt_tokens", "output_tokens": "offered_output_tokens"}
        done |= {"prompt_tokens": "prompt_tokens", "output_tokens": "output_tokens"}
    else:
        offered["work"] = "offered_work"
    return {
        block: {f"{what}_per_s": float(change[counter]) / window for what, counter in counters.items()}
        for block, counters in (("offered", offered), ("throughput", done))
    }


_COUNTERS = (
    "arrived",
    "finished",
    "batches",
    "batched",
    "switches",
    "skipped_tokens",
    "admitted_tokens",
    "prompt_tokens",
    "output_tokens",
    "preemptions",
    "kv_area",
    "offered_prompt_tokens",
    "offered_output_tokens",
    "offered_work",
)


def _service_energy(run: "Run", accounts: Accounts, index: int, finished: float, tokens: float) -> Summary:
    plan = run.request_plane.services[index]
    bill = accounts.of_owner(plan.name)
    by_phase = (run.closing.joules[index] - run.opening.joules[index]) / KWH
    start_up = float(accounts.joules[:, run.ledger.owners[plan.name], State.STARTING].sum()) / KWH
    phases = {
        name: float(joules)
        for name, joules in zip(layout.PHASES, by_phase, strict=True)
        if name != "switch" or plan.switching
    }
    idle = bill.energy_kwh - bill.host_energy_kwh - float(by_phase.sum()) - start_up
    per_phase = {**phases, "idle": idle, "start_up": start_up}
    joules = bill.energy_kwh * KWH
    return {
        "accelerator_hours": bill.accelerator_hours,
        "energy_kwh": bill.energy_kwh,
        "host_energy_kwh": bill.host_energy_kwh,
        "energy_j_per_request": joules / finished if finished else None,
        "energy_j_per_output_token": joules / tokens
        if tokens and isinstance(plan.replica, GenerativeReplica)
        else None,
        "energy_kwh_by_phase": per_phase,
        "cost_usd": bill.cost_usd,
        "carbon_kg": bill.carbon_kg,
    }


def _stream(run: "Run", accounts: Accounts, name: str) -> Summary:
    opening, closing = run.opening.time, run.closing.time
    jobs = run.jobs.streams[name].jobs
    in_window = submitted_within(jobs, opening, closing, run.ended)
    by_use = accelerator_hours_by(jobs, opening, closing)
    held = sum(by_use.values())
    return {
        **stream_summary(in_window, run.ended, run.prepared.limits_of("training", name)),
        "accelerator_hours_by": by_use,
        "ettr": by_use["useful"] / held if held else None,
        **stream_bill(accounts, name),
    }


def stream_bill(accounts: Accounts, name: str) -> Summary:
    """What a stream of jobs took."""
    bill = accounts.of_owner(name)
    return {
        "accelerator_hours": bill.accelerator_hours,
        "energy_kwh": bill.energy_kwh,
        "host_energy_kwh": bill.host_energy_kwh,
        "cost_usd": bill.cost_usd,
        "carbon_kg": bill.carbon_kg,
    }


def site_summary(run: "Run", accounts: Accounts, name: str) -> Summary:
    """What a site took, its facility included."""
    scenario = run.prepared.scenario
    pools = [pool for pool, spec in scenario.pools.items() if spec.site == name]
    bill, pue = accounts.of_site(name), scenario.sites[name].pue
    power = {key: None if watts is None else watts * pue for key, watts in power_block(run, pools).items()}
    return {
        "facility_energy_kwh": bill.facility_energy_kwh,
        "power_w": {**power, "interval_s": scenario.output.telemetry, "share_over_limit": None},
        "cost_usd": bill.cost_usd,
        "carbon_kg": bill.carbon_kg,
    }


def phases_summary(run: "Run", accounts: Accounts) -> Summary:
    """What inference and training took."""
    owners: Mapping[str, Mapping[str, Any]] = {
        "inference": run.prepared.scenario.services,
        "training": run.prepared.scenario.training,
    }
    return {phase: _phase(add(accounts.of_owner(owner) for owner in names)) for phase, names in owners.items()}


def _phase(bill: Bill) -> Summary:
    return {
        "accelerator_hours": bill.accelerator_hours,
        "energy_kwh": bill.energy_kwh,
        "cost_usd": bill.cost_usd,
        "carbon_kg": bill.carbon_kg,
    }


def fleet_summary(run: "Run", accounts: Accounts) -> Summary:
    """What the whole fleet took."""
    bill, hours = accounts.of_fleet(), accounts.window / HOUR
    return {
        "accelerators": sum(pool.accelerators for pool in run.prepared.scenario.pools.values()),
        "energy_kwh": bill.energy_kwh,
        "facility_energy_kwh": bill.facility_energy_kwh,
        "cost_usd": bill.cost_usd,
        "cost_usd_per_h": None if bill.cost_usd is None else bill.cost_usd / hours,
        "cost_usd_by": {"hardware": bill.hardware_usd, "electricity": bill.electricity_usd},
        "carbon_kg": bill.carbon_kg,
        "carbon_kg_by": {"operational": bill.operational_kg, "embodied": bill.embodied_kg},
    }


def _unused_jobs(run: "Run") -> list[str]:
    """Name the jobs that could never run."""
    notes = []
    for name, stream in run.jobs.streams.items():
        never = [job for job in stream.jobs if job.reason not in ("", QUEUE_FULL)]
        if never:
            named = ", ".join(job.id for job in never[:5]) + (" ..." if len(never) > 5 else "")
            notes.append(f"{len(never)} jobs of {name} can never run and were rejected: {named} ({never[0].reason})")
    return notes
