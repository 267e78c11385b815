"""The sections of the report, in the order in which they are read."""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from analysis import figures
from analysis.report import fleet_tables
from analysis.report.elements import Chart, Section, Table, chart
from analysis.report.findings import worst_first
from analysis.report.page import filled
from analysis.run_folder import Run, limits, window
from analysis.wording import duration, energy, find, joules, mass, money, number, share

MOST_LATENCY_CHARTS = 4
MOST_SERVICES = 40
"""Rows of a table of services, those nearest to missing their limits; summary.json has them all."""


def sections(run: Run) -> list[Section]:
    """All sections that have something to show."""
    warmup, horizon = window(run)
    counted = f"Counted are requests and jobs that arrived from {duration(warmup)} to {duration(horizon)}."
    candidates = [
        Section("Services", counted, [*_service_tables(run), *_latency_charts(run), *_over_time(run, "service")]),
        Section("Training", counted, [*_training_tables(run), *_job_charts(run)]),
        Section("Utilization", "", [fleet_tables.pools(run.summary), *_utilization_charts(run)]),
        Section(
            "Energy, cost and carbon",
            "",
            [
                *_energy_charts(run),
                fleet_tables.bill(run.summary),
                fleet_tables.parts(run.summary),
                fleet_tables.sites(run.summary),
            ],
        ),
        Section(
            "Fleet and assumptions",
            "",
            [
                fleet_tables.fleet(run),
                fleet_tables.setup(run),
                fleet_tables.policy(run),
                *fleet_tables.assumptions(run.summary),
            ],
        ),
        Section(
            "Audit",
            "Each law is checked with figures counted separately on its two sides.",
            [fleet_tables.audit(run.summary)],
        ),
        Section("Provenance", "", [fleet_tables.provenance(run.summary)]),
    ]
    return filled(candidates)


def _shown(run: Run) -> tuple[dict[str, Any], str]:
    """Return the services to be listed, and what to say of the others."""
    services = run.summary.get("services") or {}
    if len(services) <= MOST_SERVICES:
        return services, ""
    return {
        name: services[name] for name in worst_first(run)[:MOST_SERVICES]
    }, f" (the worst {MOST_SERVICES} of {len(services)})"


def _service_tables(run: Run) -> Iterable[Table]:
    services, others = _shown(run)
    columns = (
        "service",
        "arrived",
        "completed",
        "rejected",
        "timed out",
        "lost",
        "in flight",
        "undecided",
        "within limits",
        "goodput /s",
    )
    yield Table(
        f"Requests{others}",
        columns,
        [
            [
                name,
                *(
                    number(find(s, "requests", key))
                    for key in ("arrived", "completed", "rejected", "timed_out", "lost", "in_flight", "undecided")
                ),
                share(find(s, "slo", "attainment")),
                number(find(s, "slo", "goodput_per_s")),
            ]
            for name, s in services.items()
        ],
    )
    yield Table(
        f"Latency{others}",
        ("service", "time", "mean", "p50", "p90", "p95", "p99", "p99.9", "max", "limit"),
        list(_latency_rows(run)),
        2,
    )
    yield Table(
        f"Work and energy{others}",
        (
            "service",
            "requests /s",
            "output tokens /s",
            "mean batch",
            "accelerator hours",
            "energy",
            "per request",
            "per output token",
            "cost",
            "carbon",
        ),
        [
            [
                name,
                number(find(s, "throughput", "requests_per_s")),
                number(find(s, "throughput", "output_tokens_per_s")),
                number(find(s, "batch_size_mean")),
                number(find(s, "accelerator_hours")),
                energy(find(s, "energy_kwh")),
                joules(find(s, "energy_j_per_request")),
                joules(find(s, "energy_j_per_output_token")),
                money(find(s, "cost_usd")),
                mass(find(s, "carbon_kg")),
            ]
            for name, s in services.items()
        ],
    )


def _latency_rows(run: Run) -> Iterable[list[str]]:
    names = {
        "queueing_s": "queueing",
        "ttft_s": "first token (TTFT)",
        "tpot_s": "per output token (TPOT)",
        "e2e_s": "end to end (E2E)",
    }
    for service, values in _shown(run)[0].items():
        allowed = limits(run, service)
        for metric, name in names.items():
            block = find(values, metric)
            if block is not None:
                statistics = (duration(find(block, key)) for key in ("mean", "p50", "p90", "p95", "p99", "p999", "max"))
                yield [service, name, *statistics, duration(allowed.get(metric))]


def _latency_charts(run: Run) -> Iterable[Chart]:
    for name in worst_first(run)[:MOST_LATENCY_CHARTS]:
        yield from chart(partial(figures.latency_ccdf, run, name), figures.latency_curves(run, name), f"latency-{name}")


def _over_time(run: Run, kind: str) -> Iterable[Chart]:
    draw = figures.queue_over_time if kind == "service" else figures.jobs_over_time
    return chart(partial(draw, run), figures.queue_numbers(run, kind), f"queue-{kind}")


def _training_tables(run: Run) -> Iterable[Table]:
    streams = run.summary.get("training") or {}
    columns = (
        "stream",
        "submitted",
        "completed",
        "rejected",
        "running",
        "queued",
        "accelerator hours",
        "useful (ETTR)",
        "energy",
        "cost",
        "carbon",
    )
    yield Table(
        "Jobs",
        columns,
        [
            [
                name,
                *(number(find(s, "jobs", key)) for key in ("submitted", "completed", "rejected", "running", "queued")),
                number(find(s, "accelerator_hours")),
                share(find(s, "ettr")),
                energy(find(s, "energy_kwh")),
                money(find(s, "cost_usd")),
                mass(find(s, "carbon_kg")),
            ]
            for name, s in streams.items()
        ],
    )
    kinds: dict[str, tuple[str, Callable[[Any], str]]] = {
        "queueing_s": ("waiting", duration),
        "jct_s": ("submission to end (JCT)", duration),
        "slowdown": ("slowdown", number),
    }
    rows = [
        [name, label, *(show(find(s, key, statistic)) for statistic in ("mean", "p50", "p90", "p95", "p99", "max"))]
        for name, s in streams.items()
        for key, (label, show) in kinds.items()
        if find(s, key) is not None
    ]
    yield Table("Waiting and duration", ("stream", "time", "mean", "p50", "p90", "p95", "p99", "max"), rows, 2)


def _job_charts(run: Run) -> Iterable[Chart]:
    yield from chart(partial(figures.job_times, run), figures.job_curves(run), "jobs")
    yield from _over_time(run, "training")


def _utilization_charts(run: Run) -> Iterable[Chart]:
    yield from chart(partial(figures.utilization_over_time, run), figures.utilization_numbers(run), "utilization")
    yield from chart(partial(figures.power_over_time, run), figures.power_numbers(run), "power")


def _energy_charts(run: Run) -> Iterable[Chart]:
    for by, draw in (("owner", figures.energy_by_owner), ("pool", figures.energy_by_pool)):
        yield from chart(partial(draw, run), figures.energy_numbers(run, by).round(9), f"energy-by-{by}")
