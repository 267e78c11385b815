"""A run in the terminal."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from analysis.tables.layout import plain_table
from analysis.wording import UNKNOWN, duration, energy, exact, find, joules, mass, money, number, power, share


def print_summary(summary: Mapping[str, Any], console: Console) -> None:
    """Print services, training, pools, the totals of the fleet and the verdict of the audit; fits 100 columns."""
    console.print(_headline(summary))
    for table in (_services(summary), _training(summary), _pools(summary)):
        if table.row_count:
            console.print(table)
    console.print(_totals(summary))
    for note in summary.get("notes") or []:
        console.print(f"[yellow]note[/] {escape(str(note))}")
    console.print(_verdict(summary))


def _headline(summary: Mapping[str, Any]) -> str:
    run = summary.get("run") or {}
    name = escape(str(run.get("name") or "run"))
    pace = run.get("requests_per_wall_s")
    speed = f", {number(round(pace))} requests/s" if pace else ""
    return (
        f"[bold]{name}[/]  {duration(run.get('horizon_s'))} simulated (counted after {duration(run.get('warmup_s'))}), "
        f"seed {run.get('seed', UNKNOWN)}, in {duration(run.get('wall_s'))}{speed}"
    )


def _services(summary: Mapping[str, Any]) -> Table:
    columns = (
        "arrived",
        "completed",
        "TTFT p50",
        "TTFT p99",
        "TPOT p50",
        "E2E p50",
        "E2E p99",
        "in SLO",
        "per request",
    )
    table = plain_table("Services", "", *columns)
    for name, service in (summary.get("services") or {}).items():
        table.add_row(
            escape(name),
            number(find(service, "requests", "arrived")),
            number(find(service, "requests", "completed")),
            *_quantiles(
                service, ("ttft_s", "p50"), ("ttft_s", "p99"), ("tpot_s", "p50"), ("e2e_s", "p50"), ("e2e_s", "p99")
            ),
            share(find(service, "slo", "attainment")),
            joules(find(service, "energy_j_per_request")),
        )
    return table


def _quantiles(block: Mapping[str, Any], *keys: Sequence[str]) -> list[str]:
    return [duration(find(block, *key)) for key in keys]


def _training(summary: Mapping[str, Any]) -> Table:
    columns = ("jobs", "completed", "rejected", "at the end", "wait mean", "wait p90", "JCT mean", "JCT p90")
    table = plain_table("Training", "", *columns)
    for name, stream in (summary.get("training") or {}).items():
        table.add_row(
            escape(name),
            *(number(find(stream, "jobs", key)) for key in ("submitted", "completed", "rejected", "censored")),
            *_quantiles(stream, ("queueing_s", "mean"), ("queueing_s", "p90"), ("jct_s", "mean"), ("jct_s", "p90")),
        )
    return table


def _pools(summary: Mapping[str, Any]) -> Table:
    table = plain_table("Pools", "", "accelerators", "held", "busy", "power mean", "power peak", "energy")
    for name, pool in (summary.get("pools") or {}).items():
        table.add_row(
            escape(name),
            number(find(pool, "accelerators")),
            share(find(pool, "utilization", "allocated")),
            share(find(pool, "utilization", "busy")),
            power(find(pool, "power_w", "mean")),
            power(find(pool, "power_w", "peak")),
            energy(find(pool, "energy_kwh")),
        )
    return table


def _totals(summary: Mapping[str, Any]) -> str:
    fleet = summary.get("fleet") or {}
    used, facility = energy(fleet.get("energy_kwh")), energy(fleet.get("facility_energy_kwh"))
    losses = f" ({facility} with the facility)" if facility not in (used, UNKNOWN) else ""
    cost, carbon = money(fleet.get("cost_usd")), mass(fleet.get("carbon_kg"))
    paid = "cost unknown" if cost == UNKNOWN else f"{cost} ({money(fleet.get('cost_usd_per_h'))} an hour)"
    emitted = "carbon unknown" if carbon == UNKNOWN else f"{carbon} CO2e"
    return f"[bold]Fleet[/]  {used}{losses}   {paid}   {emitted}"


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
