"""What a run leaves behind of its jobs: one row a job, and one row for each node of each time in which a job ran."""

from typing import TYPE_CHECKING, Any

from sim.accounts import KWH
from sim.job_bills import JobBills
from sim.training.job import Job
from sim.training.summary import busy_seconds

if TYPE_CHECKING:
    import pandas as pd

    from sim.results import Run

_JOBS = (
    "job_id stream tenant pool accelerators submit_s start_s end_s status queueing_s jct_s attained_accelerator_s "
    "preemptions failures resizes energy_j cost_usd carbon_kg"
)
_SPELLS = "job_id stream tenant pool node accelerators start_s end_s outcome"


def jobs_frame(run: "Run") -> "pd.DataFrame":
    """One row a job, over the whole run. Cost and carbon are those of the accelerators and of what they drew."""
    import pandas as pd

    bills = JobBills(run.prepared.scenario, run.ledger)
    records = [_job(run, bills, job) for stream in run.jobs.streams.values() for job in stream.jobs]
    return pd.DataFrame(records, columns=_JOBS.split())


def _job(run: "Run", bills: JobBills, job: Job) -> tuple[Any, ...]:
    pool = job.spells[-1].holding.pool if job.spells else None
    times = (job.submit, job.start, job.end)
    waited, completion = job.start - job.submit, job.end - job.submit
    identity = (job.id, job.stream, job.tenant, pool, job.gang)
    counts = (job.preemptions, job.failures, job.resizes)
    bill = bills.of([job], 0.0, run.ended)
    paid = (bill.energy_kwh * KWH, bill.cost_usd, bill.carbon_kg)
    return (*identity, *times, job.status, waited, completion, busy_seconds(job, 0.0, run.ended), *counts, *paid)


def spells_frame(run: "Run") -> "pd.DataFrame":
    """One row for each node of each spell: `accelerators` of the node that were held, those without work included.

    `outcome`: completed, preempted, resized, failed, or running, and then `end_s` is null.
    """
    import pandas as pd

    records = [
        (job.id, job.stream, job.tenant, spell.holding.pool, node, held, spell.start, spell.end, spell.outcome)
        for stream in run.jobs.streams.values()
        for job in stream.jobs
        for spell in job.spells
        for node, held in spell.holding.nodes
    ]
    table = pd.DataFrame(records, columns=_SPELLS.split())
    return table.assign(end_s=table["end_s"].where(table["outcome"] != "running"))
