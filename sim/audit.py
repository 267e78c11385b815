"""Laws that every run must obey, checked on its own figures: exact identities, so they need no statistics.

The two sides of a law come from separate code: counters at events against stamps of requests and jobs, the ledger
against the request plane, sums of parts against wholes.
"""

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.accounts import KWH, Accounts, add, sum_known
from sim.fleet.ledger import State
from sim.job_bills import JobBills
from sim.serving.summary import request_counts, unfinished, whole_services
from sim.telemetry import pool_power
from sim.tenant_summary import jobs_by_tenant, tenant_bill
from sim.training.summary import busy_seconds

if TYPE_CHECKING:
    from sim.results import Run

TOLERANCE = 1e-9
"""Relative; rounding of sums of millions of terms stays well below."""

Law = dict[str, Any]


def audit(run: "Run", accounts: Accounts) -> list[Law]:
    """Check every law; each says where, what was expected and found, and whether it holds."""
    return [
        *_conservation(run),
        *_little(run),
        *_utilization(run),
        *_capacity(run, accounts),
        *_energy(run, accounts),
        *_bills(run, accounts),
        *_jobs(run, accounts),
    ]


def law(name: str, where: str, expected: float | None, found: float | None, scale: float = 0.0) -> Law:
    """Compare two sides; `scale` is a size below which differences do not count as relative."""
    if expected is None or found is None:
        holds = expected is None and found is None
    else:
        largest = max(abs(expected), abs(found), scale)
        holds = math.isfinite(expected) and math.isfinite(found) and abs(expected - found) <= TOLERANCE * largest
    return {"law": name, "where": where, "expected": expected, "found": found, "holds": holds}


def _conservation(run: "Run") -> Iterator[Law]:
    for index, name in enumerate(run.prepared.scenario.services):
        counts = request_counts(run.request_plane.plane, index, run.ended)
        ends = ("completed", "rejected", "timed_out", "abandoned", "lost", "in_flight")
        found = sum(counts[end] for end in ends)
        yield law("requests are conserved", f"services.{name}", float(counts["arrived"]), float(found))
    for name, stream in run.jobs.streams.items():
        statuses = [job.status for job in stream.jobs]
        waiting, running = statuses.count("queued"), statuses.count("running")
        yield law("waiting jobs are conserved", f"training.{name}", float(stream.waiting), float(waiting))
        yield law("running jobs are conserved", f"training.{name}", float(stream.running), float(running))


def _little(run: "Run") -> Iterator[Law]:
    """Little's law over the window: the integral of a count equals the sum of the times that requests spent there."""
    start, end = run.opening.time, run.closing.time
    names = run.prepared.scenario.services
    records = whole_services(run.request_plane.plane) if names else ()
    for index, (name, service) in enumerate(zip(names, records, strict=True)):
        opening, closing = run.opening.services[index], run.closing.services[index]
        waited, ran, sent = unfinished(run.request_plane.plane, index, start, end)
        transfers = [("transferring", sent)] if run.prepared.scenario.services[name].groups else []
        for state, rest in (("waiting", waited), ("running", ran), *transfers):
            area = float(closing[f"{state}_area"] - opening[f"{state}_area"])
            total = float(service[f"{state}_sum"]) + rest
            yield law(f"Little's law, {state}", f"services.{name}", area, total, scale=end - start)


def _utilization(run: "Run") -> Iterator[Law]:
    """Busy time of a service: what its replicas booked against what the ledger holds."""
    start, end = run.opening, run.closing
    for index, name in enumerate(run.prepared.scenario.services):
        owner = run.ledger.owners[name]
        busy = float(end.busy_accelerators[index] - start.busy_accelerators[index])
        held = float((end.seconds[:, owner] - start.seconds[:, owner]).sum())
        idle = [State.RESIDENT, State.STARTING, State.IDLE]
        resident = float((end.seconds[:, owner, idle] - start.seconds[:, owner, idle]).sum())
        yield law(
            "utilization law: busy and resident time make up the time held", f"services.{name}", held, busy + resident
        )
        if (end.services[index]["generative"], run.request_plane.services[index].max_batch) == (0, 1):
            in_service = float((end.busy[index] - start.busy[index]).sum())
            area = float(end.services[index]["running_area"] - start.services[index]["running_area"])
            yield law("utilization law: requests in service are busy replicas", f"services.{name}", in_service, area)
    for name, stream in run.jobs.streams.items():
        owner = run.ledger.owners[name]
        busy = float((end.seconds[:, owner, State.BUSY] - start.seconds[:, owner, State.BUSY]).sum())
        found = sum(busy_seconds(job, start.time, end.time) for job in stream.jobs)
        yield law("utilization law: busy time is the sum over jobs", f"training.{name}", busy, found)


def _capacity(run: "Run", accounts: Accounts) -> Iterator[Law]:
    """Every accelerator is in exactly one state, and none is held twice."""
    for name, index in run.ledger.pools.items():
        size = run.prepared.scenario.pools[name].accelerators
        seconds = float(accounts.seconds[index].sum())
        yield law("states make up the time of all accelerators", f"pools.{name}", size * accounts.window, seconds)
        slots = [slot for own in run.prepared.slots.values() for slot in own if slot.pool == name]
        held = sum(slot.holding.accelerators for slot in slots if slot.holding is not None)
        running = [job.spells[-1].holding for job in run.jobs.running.values()]
        running += [each.holding for each in run.jobs.reservations if each.holding is not None]
        held += sum(holding.accelerators for holding in running if holding.pool == name)
        pool = run.prepared.pools[name]
        yield law(
            "no accelerator is held twice", f"pools.{name}", float(pool.usable_total - pool.free.sum()), float(held)
        )
        negative = float(np.minimum(accounts.seconds[index], 0.0).sum())
        yield law("capacity is never exceeded", f"pools.{name}", 0.0, negative, scale=seconds)


def _energy(run: "Run", accounts: Accounts) -> Iterator[Law]:
    """Energy is the sum over states of watts and seconds, and of the power drawn over time."""
    samples = run.window
    elapsed = np.diff([sample.time for sample in samples])
    watts = pool_power(samples)
    for name, index in run.ledger.pools.items():
        total = float((accounts.joules[index] + accounts.host_joules[index]).sum())
        yield law("energy is the integral of power", f"pools.{name}", total, float((watts[:, index] * elapsed).sum()))
        constant = accounts.seconds[index] * run.ledger.watts[index]
        served = [run.ledger.owners[service] for service in run.prepared.scenario.services]
        constant[served, State.BUSY] = 0.0
        parts = float(constant.sum()) + float((accounts.seconds[index] * run.ledger.host_watts[index]).sum())
        parts += float(accounts.joules[index, served, State.BUSY].sum())
        yield law("energy is watts times seconds over all states", f"pools.{name}", total, parts)
    for index, name in enumerate(run.prepared.scenario.services):
        owner = run.ledger.owners[name]
        booked = float(accounts.joules[:, owner, State.BUSY].sum())
        drawn = float((run.closing.joules[index] - run.opening.joules[index]).sum())
        yield law("busy energy is that of the replicas' steps", f"services.{name}", booked, drawn)


def _bills(run: "Run", accounts: Accounts) -> Iterator[Law]:
    """Owners, states and sites each sum to the fleet: energy, cost and carbon."""
    fleet = accounts.of_fleet()
    owners = [accounts.of_owner(owner) for owner in run.ledger.owners]
    sites = [accounts.of_site(site) for site in run.prepared.scenario.sites]
    by_state = float(accounts.joules.sum() + accounts.host_joules.sum()) / KWH
    yield law("energy of states sums to the fleet", "fleet", fleet.energy_kwh, by_state)
    for what, parts in (("owners", owners), ("sites", sites)):
        yield law(
            f"energy of {what} sums to the fleet", "fleet", fleet.energy_kwh, sum(bill.energy_kwh for bill in parts)
        )
        yield law(
            f"cost of {what} sums to the fleet", "fleet", fleet.cost_usd, sum_known(bill.cost_usd for bill in parts)
        )
        yield law(
            f"carbon of {what} sums to the fleet", "fleet", fleet.carbon_kg, sum_known(bill.carbon_kg for bill in parts)
        )


def _jobs(run: "Run", accounts: Accounts) -> Iterator[Law]:
    """What jobs took, counted from the times in which they ran, is what the ledger says of their streams."""
    if not run.jobs.streams:
        return
    bills = JobBills(run.prepared.scenario, run.ledger)
    tenants = add(tenant_bill(run, bills, jobs) for jobs in jobs_by_tenant(run).values())
    streams = add(accounts.of_owner(name) for name in run.jobs.streams)
    for what, expected, found in (
        ("accelerator hours", streams.accelerator_hours, tenants.accelerator_hours),
        ("energy", streams.energy_kwh, tenants.energy_kwh),
        ("cost", streams.cost_usd, tenants.cost_usd),
        ("carbon", streams.carbon_kg, tenants.carbon_kg),
    ):
        yield law(f"{what} of tenants, and of jobs without one, sum to the streams", "training", expected, found)
