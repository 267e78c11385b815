"""What became of the jobs of each tenant, what they took, and whether the tenant had its share."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sim.accounts import Bill
from sim.job_bills import JobBills
from sim.training.fairness import finish_time_fairness
from sim.training.job import Job
from sim.training.summary import counts_and_times, submitted_within

if TYPE_CHECKING:
    from sim.results import Run

Summary = dict[str, Any]


def tenants_summary(run: "Run") -> Summary:
    """A block for each tenant that the scenario or a job names."""
    by_tenant = jobs_by_tenant(run)
    bills, shares = JobBills(run.prepared.scenario, run.ledger), _shares(run, by_tenant)
    return {name: _tenant(run, bills, name, by_tenant.get(name, ()), shares) for name in run.jobs.tenants}


def jobs_by_tenant(run: "Run") -> dict[str | None, list[Job]]:
    """All jobs of a run in order of submission, by tenant; None: those that have none."""
    found: dict[str | None, list[Job]] = {}
    for job in run.jobs.jobs.values():
        found.setdefault(job.tenant, []).append(job)
    return found


def tenant_bill(run: "Run", bills: JobBills, jobs: Sequence[Job]) -> Bill:
    """What some jobs took in the window."""
    return bills.of(jobs, run.opening.time, run.closing.time)


def _tenant(run: "Run", bills: JobBills, name: str, jobs: Sequence[Job], shares: dict[str | None, float]) -> Summary:
    opening, closing = run.opening.time, run.closing.time
    counted = submitted_within(jobs, opening, closing, run.ended)
    accepted = [job for job in jobs if job.status != "rejected"]
    share = {pool: shares.get(name, 0.0) * float(state.most_free.sum()) for pool, state in run.jobs.pools.items()}
    bill = tenant_bill(run, bills, jobs)
    return {
        **counts_and_times(counted, run.ended, run.prepared.limits_of("tenants", name)),
        "fairness": finish_time_fairness(accepted, share, run.ended, (opening, closing)),
        "accelerator_hours": bill.accelerator_hours,
        "energy_kwh": bill.energy_kwh,
        "cost_usd": bill.cost_usd,
        "carbon_kg": bill.carbon_kg,
    }


def _shares(run: "Run", by_tenant: dict[str | None, list[Job]]) -> dict[str | None, float]:
    """The fair share of each tenant that has submitted a job, by weight; jobs without a tenant share as one more."""
    tenants = run.jobs.tenants
    weights = {name: 1.0 if name is None else tenants[name].weight for name in by_tenant}
    return {name: weight / sum(weights.values()) for name, weight in weights.items()}
