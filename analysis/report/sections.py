"""The sections of the report, in the order in which they are read."""

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

from analysis import figures
from analysis.report import fleet_tables, method
from analysis.report.elements import Cell, Chart, Section, Table, chart
from analysis.report.estimates import estimate, estimated_words, thin_note
from analysis.report.findings import worst_first
from analysis.report.group_table import group_table
from analysis.report.page import filled
from analysis.run_folder import Run, limits, place_name, window, with_classes
from analysis.wording import duration, find

MOST_LATENCY_CHARTS = 4
_STATISTICS = {"mean": "mean", "p50": "p50", "p90": "p90", "p95": "p95", "p99": "p99", "p999": "p99.9", "max": "max"}
_WORK: Mapping[tuple[str, ...], str] = {
    ("throughput", "requests_per_s"): "requests",
    ("throughput", "output_tokens_per_s"): "output tokens",
    ("batch_size_mean",): "mean batch",
    ("accelerator_hours",): "accelerator hours",
    ("energy_kwh",): "energy",
    ("energy_j_per_request",): "per request",
    ("energy_j_per_output_token",): "per output token",
    ("cost_usd",): "cost",
    ("carbon_kg",): "carbon",
}
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
    yield _figures(run.summary, f"Requests{others}", "services", "service", every, columns)
    rows = list(_latency_rows(run))
    heads = ("service", "time", *_STATISTICS.values(), "limit")
    yield Table(f"Latency{others}", heads, rows, 2, note=thin_note(rows))
    yield _figures(run.summary, f"Work and energy{others}", "services", "service", [(name,) for name in shown], _WORK)
    yield group_table(run.summary, shown)


def _figures(
    summary: Mapping[str, Any],
    title: str,
    section: str,
    word: str,
    places: Iterable[tuple[str, ...]],
    columns: Mapping[tuple[str, ...], str],
) -> Table:
    """A row for each place in a section of the summary, a column for each of the figures under its keys."""
    rows = [[place_name(place), *(estimate(summary, section, *place, *keys) for keys in columns)] for place in places]
    return Table(title, (word, *columns.values()), rows, note=thin_note(rows))


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
    yield from _over_time(run, "service")


def _by_hour(run: Run) -> Iterable[Chart]:
    numbers = figures.hour_numbers(run)
    if len(numbers):
        yield from chart(partial(figures.missed_by_hour, run), numbers, "by-hour")


def _over_time(run: Run, kind: str) -> Iterable[Chart]:
    draw = figures.queue_over_time if kind == "service" else figures.jobs_over_time
    return chart(partial(draw, run), figures.queue_numbers(run, kind), f"queue-{kind}")


def _training_tables(run: Run) -> Iterable[Table]:
    streams = run.summary.get("training") or {}
    yield _figures(run.summary, "Jobs", "training", "stream", [(name,) for name in streams], _JOBS)
    names = {"queueing_s": "waiting", "jct_s": "submission to end (JCT)", "slowdown": "slowdown"}
    statistics = {key: word for key, word in _STATISTICS.items() if key != "p999"}
    rows = [
        [name, word, *(estimate(run.summary, "training", name, block, key) for key in statistics)]
        for name, stream in streams.items()
        for block, word in names.items()
        if find(stream, block) is not None
    ]
    columns = ("stream", "time", *statistics.values())
    yield Table("Waiting and duration", columns, rows, 2, note=thin_note(rows))


def _job_charts(run: Run) -> Iterable[Chart]:
    yield from chart(partial(figures.job_times, run), figures.job_curves(run), "jobs")
    yield from _over_time(run, "training")


def _welch(run: Run) -> Iterable[Chart]:
    numbers = figures.welch_numbers(run)
    if len(numbers):
        yield from chart(partial(figures.welch, run), numbers, "welch")


def _utilization_charts(run: Run) -> Iterable[Chart]:
    yield from chart(partial(figures.utilization_over_time, run), figures.utilization_numbers(run), "utilization")
    yield from chart(partial(figures.power_over_time, run), figures.power_numbers(run), "power")


def _energy_charts(run: Run) -> Iterable[Chart]:
    for by, draw in (("owner", figures.energy_by_owner), ("pool", figures.energy_by_pool)):
        yield from chart(partial(draw, run), figures.energy_numbers(run, by).round(9), f"energy-by-{by}")
