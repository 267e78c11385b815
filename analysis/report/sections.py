"""The sections of the report, in the order in which they are read."""

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

from analysis import figures
from analysis.report import fleet_tables, method
from analysis.report.elements import Cell, Chart, Section, Table, chart
from analysis.report.estimates import estimate, estimated_words, figures_table, thin_note
from analysis.report.findings import worst_first
from analysis.report.group_table import group_table
from analysis.report.job_parts import job_charts, job_tables
from analysis.report.page import filled
from analysis.run_folder import Run, limits, place_name, window, with_classes
from analysis.wording import duration, find

MOST_LATENCY_CHARTS = 4
_STATISTICS = {"mean": "mean", "p50": "p50", "p90": "p90", "p95": "p95", "p99": "p99", "p999": "p99.9", "max": "max"}
_WORK: Mapping[tuple[str, ...], str] = {
    ("throughput", "requests_per_s"): "requests",
    ("throughput", "output_tokens_per_s"): "output tokens",
    ("accelerator_hours",): "accelerator hours",
    ("energy_kwh",): "energy",
    ("energy_j_per_request",): "per request",
    ("energy_j_per_output_token",): "per output token",
    ("cost_usd",): "cost",
    ("carbon_kg",): "carbon",
}
_INSIDE: Mapping[tuple[str, ...], str] = {
    ("utilization",): "busy",
    ("batch_size_mean",): "mean batch",
    ("kv_utilization_mean",): "KV cache in use",
    ("prefix_hit_rate",): "prompts found in cache",
    ("preemptions",): "preemptions",
    ("switches",): "models switched",
    ("requests", "cut_sessions"): "sessions cut off",
}
MOST_SERVICES = 40
"""Rows of a table of services, those nearest to missing their limits; summary.json has them all."""


def sections(run: Run) -> list[Section]:
    """All sections that have something to show."""
    warmup, horizon = window(run)
    counted = f"Counted are requests and jobs that arrived from {duration(warmup)} to {duration(horizon)}."
    counted += estimated_words(run)
    candidates = [
        Section(
            "Services",
            counted,
            [*_service_tables(run), *_service_charts(run)],
        ),
        Section("Training", counted, [*job_tables(run.summary), *job_charts(run)]),
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
        Section("Method", method.INTRODUCTION, [*method.tables(run), *_welch(run)]),
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
    shown, others = _shown(run)
    counted = (
        "arrived",
        "completed",
        "rejected",
        "timed_out",
        "abandoned",
        "retries",
        "lost",
        "in_flight",
        "undecided",
    )
    requests = (*(("requests", name) for name in counted), ("slo", "attainment"), ("slo", "goodput_per_s"))
    words = (*(name.replace("_", " ") for name in counted), "within limits", "goodput")
    every = [place for name in shown for place in with_classes(run.summary, name)]
    columns: dict[tuple[str, ...], str] = dict(zip(requests, words, strict=True))
    yield figures_table(run.summary, f"Requests{others}", "services", "service", every, columns)
    rows = list(_latency_rows(run))
    heads = ("service", "time", *_STATISTICS.values(), "limit")
    yield Table(f"Latency{others}", heads, rows, 2, note=thin_note(rows))
    yield figures_table(
        run.summary, f"Work and energy{others}", "services", "service", [(name,) for name in shown], _WORK
    )
    known = {
        keys: word for keys, word in _INSIDE.items() if any(find(each, *keys) is not None for each in shown.values())
    }
    yield figures_table(
        run.summary, f"Batches and caches{others}", "services", "service", [(name,) for name in shown], known
    )
    yield group_table(run.summary, shown)


def _latency_rows(run: Run) -> Iterable[list[str | Cell]]:
    names = {
        "queueing_s": "queueing",
        "ttft_s": "first token (TTFT)",
        "tpot_s": "per output token (TPOT)",
        "itl_s": "between two tokens (ITL)",
        "e2e_s": "end to end (E2E)",
    }
    for place in [place for service in _shown(run)[0] for place in with_classes(run.summary, service)]:
        allowed = limits(run, *place)
        for metric, name in names.items():
            if find(run.summary, "services", *place, metric) is not None:
                statistics = (estimate(run.summary, "services", *place, metric, key) for key in _STATISTICS)
                yield [place_name(place), name, *statistics, duration(allowed.get(metric))]


def _latency_charts(run: Run) -> Iterable[Chart]:
    for name in worst_first(run)[:MOST_LATENCY_CHARTS]:
        yield from chart(partial(figures.latency_ccdf, run, name), figures.latency_curves(run, name), f"latency-{name}")


def _service_charts(run: Run) -> Iterable[Chart]:
    yield from _latency_charts(run)
    yield from _by_hour(run)
    yield from chart(partial(figures.queue_over_time, run), figures.queue_numbers(run, "service"), "queue-service")


def _by_hour(run: Run) -> Iterable[Chart]:
    numbers = figures.hour_numbers(run)
    if len(numbers):
        yield from chart(partial(figures.missed_by_hour, run), numbers, "by-hour")


def _welch(run: Run) -> Iterable[Chart]:
    numbers = figures.welch_numbers(run)
    if len(numbers):
        yield from chart(partial(figures.welch, run), numbers, "welch")


def _utilization_charts(run: Run) -> Iterable[Chart]:
    yield from chart(partial(figures.utilization_over_time, run), figures.utilization_numbers(run), "utilization")
    yield from chart(partial(figures.held_by_node, run), figures.node_numbers(run), "nodes")
    yield from chart(partial(figures.power_over_time, run), figures.power_numbers(run), "power")


def _energy_charts(run: Run) -> Iterable[Chart]:
    for by, draw in (("owner", figures.energy_by_owner), ("pool", figures.energy_by_pool)):
        yield from chart(partial(draw, run), figures.energy_numbers(run, by).round(9), f"energy-by-{by}")
