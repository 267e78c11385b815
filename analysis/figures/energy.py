"""Where the energy went: by who held the accelerators, and by what the accelerators were doing."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from analysis.figures.bars import legend_room, stacked_bars
from analysis.figures.style import canvas
from analysis.run_folder import Run, opened
from analysis.wording import energy, figure, find, share

MOST_BARS = 12
_HOSTS, _REST = "hosts", "other"
_STATES = {
    "off": ("#f2f2f2", ""),
    "down": ("#f2f2f2", "xx"),
    "sleeping": ("#e3e3e3", ""),
    "idle": ("#c9ced3", ""),
    "resident": ("#9aa3ab", ""),
    "start_up": ("#F0E442", ""),
    "starting": ("#F0E442", ""),
    "prefill": ("#E69F00", ""),
    "decode": ("#0072B2", ""),
    "batch": ("#56B4E9", "||"),
    "switch": ("#F0E442", "//"),
    "busy": ("#0072B2", ""),
    "serving": ("#0072B2", ""),
    "training": ("#009E73", "\\\\"),
    "held": ("#CC79A7", ""),
    _HOSTS: ("#6b4c3b", "//"),
    _REST: ("#CC79A7", "--"),
}
"""Colour and hatch; the order is that of the segments, what draws power without work first."""
_UNITS = ((1e6, "GWh"), (1e3, "MWh"), (1.0, "kWh"), (1e-3, "Wh"))
_USES = {
    "batch": "for batches",
    "switch": "for switching models",
    "prefill": "for prefill",
    "decode": "for decoding",
    "busy": "while busy",
    "resident": "with nothing to run",
    "idle": "with nothing to run",
    "hosts": "in hosts",
    "training": "in accelerators at work",
}


def energy_numbers(source: Run | Path | str, by: str) -> pd.DataFrame:
    """Return the bars of `energy_by_owner` (`by` owner) or `energy_by_pool` (pool) in kWh, a column for each part."""
    summary = opened(source).summary
    bars = _owners(summary) if by == "owner" else _pools(summary)
    if not bars:
        return pd.DataFrame()
    table = pd.DataFrame.from_dict(bars, orient="index")
    states = [str(column) for column in table.columns]
    known = [state for state in _STATES if state in states]
    table = table[known + sorted(state for state in states if state not in known)]
    table = table.loc[:, (table.fillna(0.0).abs() > 0).any()]
    return table.rename_axis(by).reset_index()


def energy_by_owner(source: Run | Path | str) -> Figure:
    """Energy of each service by phase, of each training stream, and of accelerators that nobody held."""
    run = opened(source)
    table = energy_numbers(run, "owner")
    return _bars(
        table,
        "owner",
        "Accelerators and hosts before PUE, attributed to who held them, by what they did",
        "took",
    )


def energy_by_pool(source: Run | Path | str) -> Figure:
    """Energy of each pool by the state its accelerators were in, and of its hosts."""
    run = opened(source)
    return _bars(
        energy_numbers(run, "pool"),
        "pool",
        "Accelerators by state, and their hosts, before PUE",
        "drew",
    )


def _owners(summary: Mapping[str, Any]) -> dict[str, dict[str, float]]:
    bars = {}
    for name, service in (summary.get("services") or {}).items():
        by_phase = find(service, "energy_kwh_by_phase") or {}
        bars[name] = _parts({**by_phase, **_hosts(service)}, find(service, "energy_kwh"))
    for name, stream in (summary.get("training") or {}).items():
        whole = figure(find(stream, "energy_kwh")) or 0.0
        bars[name] = {"training": whole - sum(_hosts(stream).values()), **_hosts(stream)}
    bars["unassigned"] = _unassigned(summary, bars)
    return {name: parts for name, parts in bars.items() if sum(parts.values()) > 0}


def _unassigned(summary: Mapping[str, Any], held: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    """What the fleet drew beyond its holders: idle accelerators, and their share of the hosts."""
    total = figure(find(summary, "fleet", "energy_kwh")) or 0.0
    rest = total - sum(sum(parts.values()) for parts in held.values())
    if rest <= 1e-6 * total:
        return {}
    hosts = sum(_hosts(pool).get(_HOSTS, 0.0) for pool in (summary.get("pools") or {}).values())
    hosts -= sum(parts.get(_HOSTS, 0.0) for parts in held.values())
    hosts = min(max(hosts, 0.0), rest)
    return {"idle": rest - hosts, _HOSTS: hosts}


def _hosts(owner: Mapping[str, Any]) -> dict[str, float]:
    known = figure(find(owner, "host_energy_kwh"))
    return {} if known is None else {_HOSTS: known}


def _pools(summary: Mapping[str, Any]) -> dict[str, dict[str, float]]:
    pools = summary.get("pools") or {}
    bars = {name: _parts(_with_hosts(pool), find(pool, "energy_kwh")) for name, pool in pools.items()}
    return {name: parts for name, parts in bars.items() if sum(parts.values()) > 0}


def _with_hosts(pool: Mapping[str, Any]) -> dict[str, Any]:
    states = dict(find(pool, "energy_kwh_by_state") or {})
    hosts, total = figure(find(pool, "host_energy_kwh")), figure(find(pool, "energy_kwh"))
    known = sum(value for value in states.values() if figure(value) is not None)
    if hosts and total and known + hosts <= total * (1 + 1e-6):
        states[_HOSTS] = hosts
    return states


def _parts(by: Mapping[str, Any] | None, total: Any) -> dict[str, float]:
    parts = {name: known for name, value in (by or {}).items() if (known := figure(value)) is not None}
    whole = figure(total) or 0.0
    rest = whole - sum(parts.values())
    return parts | ({_REST: rest} if rest > 1e-6 * whole else {})


def _title(table: pd.DataFrame, totals: "pd.Series[float]", verb: str) -> str:
    """Who took how much of the fleet's energy; where there is only one, what for."""
    first = totals.index[0]
    part = totals.iloc[0] / totals.sum()
    if len(totals) > 1:
        how_much = "most" if part > 0.5 else "the largest part"
        return f"{first} {verb} {how_much} of the energy: {energy(totals.iloc[0])}, {share(part)} of the fleet"
    what, most = str(table.loc[first].idxmax()), share(table.loc[first].max() / totals.iloc[0])
    return f"{first} {verb} {energy(totals.iloc[0])}, {most} of it {_USES.get(what, what)}"


def _bars(table: pd.DataFrame, by: str, subtitle: str, verb: str) -> Figure:
    table = table.set_index(by).fillna(0.0)
    totals = table.sum(axis=1).sort_values(ascending=False, kind="stable")
    shown = table.loc[totals.index[:MOST_BARS]]
    more = f"; the {MOST_BARS} largest of {len(totals)}" if len(totals) > MOST_BARS else ""
    title = _title(table, totals, verb)
    above = legend_room(len(table.columns))
    figure_, (ax,) = canvas(title, subtitle + more, height=1.25 + 0.34 * len(shown), left=0.5, above=above)
    size, unit = next((size, unit) for size, unit in _UNITS if totals.iloc[0] >= 2 * size or unit == "Wh")
    stacked_bars(ax, shown / size, _STATES, [energy(totals[name]) for name in shown.index])
    ax.set_xlabel(f"energy ({unit})")
    return figure_
