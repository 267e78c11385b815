"""The section of the training jobs: streams and tenants in tables and charts."""

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

from analysis import figures
from analysis.report.elements import Cell, Chart, Table, chart
from analysis.report.estimates import estimate, figures_table, thin_note
from analysis.run_folder import Run
from analysis.wording import figure, find

MOST_TENANTS = 40
"""Rows of the table of tenants, those that took the most; summary.json has them all."""
STATISTICS = {"mean": "mean", "p50": "p50", "p90": "p90", "p95": "p95", "p99": "p99", "max": "max"}
_JOBS: Mapping[tuple[str, ...], str] = {
    ("jobs", "submitted"): "submitted",
    ("jobs", "completed"): "completed",
    ("jobs", "rejected"): "rejected",
    ("jobs", "running"): "running",
    ("jobs", "queued"): "queued",
    ("accelerator_hours",): "accelerator hours",
    ("ettr",): "useful (ETTR)",
    ("energy_kwh",): "energy",
    ("cost_usd",): "cost",
    ("carbon_kg",): "carbon",
}
_STOPS: Mapping[tuple[str, ...], str] = {
    ("preemptions",): "preemptions",
    ("failures",): "failures",
    ("resizes",): "resizes",
    ("accelerator_hours_by", "checkpoint"): "hours in checkpoints",
    ("accelerator_hours_by", "restart"): "hours restarting",
    ("accelerator_hours_by", "lost"): "hours lost",
    ("accelerator_hours_by", "unused"): "hours held unused",
}
_DEADLINES: Mapping[tuple[str, ...], str] = {("deadlines", name): name for name in ("met", "missed", "undecided")}
_TENANTS: Mapping[tuple[str, ...], str] = {
    ("jobs", "submitted"): "submitted",
    ("jobs", "completed"): "completed",
    ("queueing_s", "mean"): "wait mean",
    ("jct_s", "mean"): "JCT mean",
    ("jct_s", "p90"): "JCT p90",
    ("fairness",): "fairness",
    ("accelerator_hours",): "accelerator hours",
    ("energy_kwh",): "energy",
    ("cost_usd",): "cost",
    ("carbon_kg",): "carbon",
}
_FAIR = (
    "Fairness: time in the system over what it would have been had the tenant's share of the fleet been its own; "
    "above 1 it is worse off for sharing (Themis)."
)


def job_tables(summary: Mapping[str, Any]) -> Iterable[Table]:
    """What became of jobs, how long they took, what interrupted them; by stream, and by tenant where there are any."""
    streams: Mapping[str, Any] = summary.get("training") or {}
    yield figures_table(summary, "Jobs", "training", "stream", [(name,) for name in streams], _JOBS)
    names = {"queueing_s": "waiting", "jct_s": "submission to end (JCT)", "slowdown": "slowdown"}
    rows: list[list[str | Cell]] = [
        [name, word, *(estimate(summary, "training", name, block, key) for key in STATISTICS)]
        for name, stream in streams.items()
        for block, word in names.items()
        if find(stream, block) is not None
    ]
    yield Table("Waiting and duration", ("stream", "time", *STATISTICS.values()), rows, 2, note=thin_note(rows))
    for title, columns in (("Interruptions and what they cost", _STOPS), ("Deadlines", _DEADLINES)):
        told = [(name,) for name in streams if any(figure(find(streams, name, *keys)) for keys in columns)]
        yield figures_table(summary, title, "training", "stream", told, columns)
    yield _tenants(summary)


def _tenants(summary: Mapping[str, Any]) -> Table:
    tenants: Mapping[str, Any] = summary.get("tenants") or {}
    most = sorted(tenants, key=lambda name: -(figure(find(tenants, name, "accelerator_hours")) or 0.0))[:MOST_TENANTS]
    others = f" (those who took the most, {MOST_TENANTS} of {len(tenants)})" if len(tenants) > len(most) else ""
    table = figures_table(summary, f"Tenants{others}", "tenants", "tenant", [(name,) for name in most], _TENANTS)
    return Table(table.title, table.columns, table.rows, note=" ".join(filter(None, (_FAIR, table.note))))


def job_charts(run: Run) -> Iterable[Chart]:
    """Waiting and completion times, fairness, lost work, queues, and few jobs one by one."""
    yield from chart(partial(figures.job_times, run), figures.job_curves(run), "jobs")
    by_tenant = figures.job_curves(run, "tenant")
    if by_tenant["tenant"].nunique() > 1:
        yield from chart(partial(figures.job_times, run, "tenant"), by_tenant, "jobs-by-tenant")
    yield from chart(partial(figures.finish_time_fairness, run), figures.fairness_numbers(run), "fairness")
    yield from chart(partial(figures.work_by_use, run), figures.work_numbers(run), "work")
    yield from chart(partial(figures.jobs_over_time, run), figures.queue_numbers(run, "training"), "queue-training")
    yield from chart(partial(figures.job_gantt, run), figures.gantt_numbers(run), "gantt")
