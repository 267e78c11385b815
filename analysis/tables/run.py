"""A run in the terminal."""

from collections.abc import Iterable, Mapping
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from analysis.quantities import THIN, THIN_NOTE, plus_minus, worded
from analysis.run_folder import interval, with_classes, without_interval
from analysis.tables.layout import estimated, plain_table
from analysis.wording import UNKNOWN, duration, energy, exact, figure, find, mass, money, number
from sim.scenario import paths

MOST_ROWS = 40
"""Of a table."""


def print_summary(summary: Mapping[str, Any], console: Console) -> None:
    """Print services, training, pools, the totals of the fleet and the verdict of the audit; fits 100 columns."""
    console.print(_headline(summary))
    every = [_section(summary, *section) for section in _SECTIONS]
    for table in every:
        if table.row_count:
            console.print(table)
    console.print(_totals(summary))
    shown = _intervals(summary, "".join(str(cell) for table in every for each in table.columns for cell in each.cells))
    if shown:
        console.print(shown)
    for note in summary.get("notes") or []:
        console.print(f"[yellow]note[/] {escape(str(note))}")
    console.print(_verdict(summary))


def _headline(summary: Mapping[str, Any]) -> str:
    run = summary.get("run") or {}
    name = escape(str(run.get("name") or "run"))
    pace = run.get("requests_per_wall_s")
    speed = f", {number(round(pace))} requests/s" if pace else ""
    many = run.get("replications")
    times = f" {many} times" if many else ""
    return (
        f"[bold]{name}[/]  {duration(run.get('horizon_s'))} simulated{times} "
        f"(counted after {duration(run.get('warmup_s'))}), seed {run.get('seed', UNKNOWN)}, "
        f"in {duration(run.get('wall_s'))}{speed}"
    )


_SERVICE = {
    ("requests", "arrived"): "arrived",
    ("requests", "completed"): "completed",
    ("ttft_s", "p50"): "TTFT p50",
    ("ttft_s", "p99"): "TTFT p99",
    ("tpot_s", "p50"): "TPOT p50",
    ("e2e_s", "p50"): "E2E p50",
    ("e2e_s", "p99"): "E2E p99",
    ("slo", "attainment"): "in SLO",
    ("energy_j_per_request",): "per request",
}
_LOSSES = {
    ("requests", "rejected"): "rejected",
    ("requests", "timed_out"): "timed out",
    ("requests", "abandoned"): "abandoned",
    ("requests", "lost"): "lost",
    ("requests", "retries"): "retries",
    ("requests", "cut_sessions"): "sessions cut",
    ("preemptions",): "preemptions",
    ("switches",): "switches",
}
"""Of services; as what stops jobs, only for those that have some."""
_STREAM = {
    ("jobs", "submitted"): "jobs",
    ("jobs", "completed"): "completed",
    ("jobs", "rejected"): "rejected",
    ("jobs", "censored"): "at the end",
    ("queueing_s", "mean"): "wait mean",
    ("queueing_s", "p90"): "wait p90",
    ("jct_s", "mean"): "JCT mean",
    ("jct_s", "p90"): "JCT p90",
}
_POOL = {
    ("accelerators",): "accelerators",
    ("utilization", "allocated"): "held",
    ("utilization", "busy"): "busy",
    ("power_w", "mean"): "power mean",
    ("power_w", "peak"): "power peak",
    ("energy_kwh",): "energy",
}
_STOPS = {
    ("preemptions",): "preemptions",
    ("failures",): "failures",
    ("resizes",): "resizes",
    ("ettr",): "useful",
    ("deadlines", "met"): "in time",
    ("deadlines", "missed"): "late",
    ("deadlines", "undecided"): "undecided",
}
_TENANT = {
    ("jobs", "submitted"): "jobs",
    ("queueing_s", "mean"): "wait mean",
    ("jct_s", "mean"): "JCT mean",
    ("fairness",): "fairness",
    ("accelerator_hours",): "hours held",
    ("energy_kwh",): "energy",
    ("cost_usd",): "cost",
    ("carbon_kg",): "carbon",
}
_SECTIONS = (
    ("Services", "services", _SERVICE),
    ("Further counts", "services", _LOSSES),
    ("Training", "training", _STREAM),
    ("Interruptions and deadlines", "training", _STOPS),
    ("Tenants", "tenants", _TENANT),
    ("Pools", "pools", _POOL),
)


def _section(summary: Mapping[str, Any], title: str, section: str, columns: Mapping[tuple[str, ...], str]) -> Table:
    """A row for each name, a column for each of the figures under its keys, with its interval below it."""
    named: Mapping[str, Any] = summary.get(section) or {}
    told = _stopped(named, columns) if columns in (_STOPS, _LOSSES) else list(named)
    if columns is _LOSSES:
        columns = {each: word for each, word in columns.items() if _any(named, told, each)}
    table = plain_table(title, "", *columns.values())
    for name in told[:MOST_ROWS]:
        for place in with_classes(summary, name) if columns is _SERVICE else [(name,)]:
            keys = [(section, *place, *each) for each in columns]
            figures = (_figure(summary, find(summary, *each), *each) for each in keys)
            table.add_row("  " * (len(place) > 1) + escape(place[-1]), *figures)
    if len(told) > MOST_ROWS:
        table.caption = f"{len(told) - MOST_ROWS} more in summary.json"
    return table


def _stopped(named: Mapping[str, Any], columns: Mapping[tuple[str, ...], str]) -> list[str]:
    """The streams whose jobs were stopped, or had deadlines; the services that lost requests, or put some back."""
    keys = [keys for keys in columns if keys != ("ettr",)]
    return [name for name in named if any(_any(named, [name], each) for each in keys)]


def _any(named: Mapping[str, Any], names: Iterable[str], keys: tuple[str, ...]) -> bool:
    return any(figure(find(named, name, *keys)) for name in names)


def _figure(summary: Mapping[str, Any], value: Any, *keys: str) -> str:
    path = paths.join(keys)
    known = interval(summary, *keys) if keys[-1] != "accelerators" else None
    return worded(path, value) if known is None else estimated(path, {**known, "mean": value}, below=True)


def _intervals(summary: Mapping[str, Any], shown: str) -> str:
    """What the half-widths are, and what a mark means; empty where there are none."""
    every = summary.get("intervals") or {}
    level = next((each["level"] for each in every.values() if each.get("level")), None)
    if level is None:
        return ""
    many = find(summary, "run", "replications")
    over = f"over {many} replications" if many else "from batches of the run"
    thin = f"   {THIN_NOTE}" if THIN in shown else ""
    said = f"± half the width of the {exact(level * 100, 6)} % interval {over}{thin}"
    if not without_interval(summary):
        return f"[dim]{said}[/]"
    missing = "one run cannot carry an interval for the other figures: --replications 10 does"
    return f"[dim]{said}; {missing}[/]" if "±" in shown else f"[dim]{missing.replace('the other', 'these')}[/]"


def _totals(summary: Mapping[str, Any]) -> str:
    fleet = summary.get("fleet") or {}
    used, facility = energy(fleet.get("energy_kwh")), energy(fleet.get("facility_energy_kwh"))
    losses = f" ({facility} with the facility)" if facility not in (used, UNKNOWN) else ""
    used += _half(summary, "energy_kwh")
    cost, carbon = money(fleet.get("cost_usd")), mass(fleet.get("carbon_kg"))
    paid = (
        "cost unknown"
        if cost == UNKNOWN
        else f"{cost}{_half(summary, 'cost_usd')} ({money(fleet.get('cost_usd_per_h'))} an hour)"
    )
    emitted = "carbon unknown" if carbon == UNKNOWN else f"{carbon}{_half(summary, 'carbon_kg')} CO2e"
    return f"[bold]Fleet[/]  {used}{losses}   {paid}   {emitted}"


def _half(summary: Mapping[str, Any], key: str) -> str:
    half = plus_minus(f"fleet.{key}", interval(summary, "fleet", key))
    return f" {half}" if half else ""


def _verdict(summary: Mapping[str, Any]) -> str:
    laws = summary.get("audit") or []
    broken = [law for law in laws if not law.get("holds")]
    if not laws:
        return "[yellow]Audit[/]  no law was checked"
    if not broken:
        return f"[bold green]Audit[/]  all {len(laws)} laws hold"
    lines = [
        f"  {escape(str(law.get('law')))} at {escape(str(law.get('where')))}: "
        f"expected {exact(law.get('expected'))}, found {exact(law.get('found'))}"
        for law in broken
    ]
    return "\n".join([f"[bold red]Audit[/]  {len(broken)} of {len(laws)} laws are broken", *lines])
