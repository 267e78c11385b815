"""Whether each tenant fared better in the shared fleet than it would have on a share of its own."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from analysis.figures.style import COLOURS, INK, canvas, shortened
from analysis.run_folder import Run, interval, level_of, opened, replications
from analysis.wording import exact, figure, find, number

MOST_ROWS = 16
_TICKS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0)


def fairness_numbers(source: Run | Path | str) -> pd.DataFrame:
    """Return the dots of `finish_time_fairness` as numbers, the worst off first: tenant, fairness, low, high.

    `low` and `high` are those of the interval over replications, where there is one.
    """
    summary = opened(source).summary
    rows: list[dict[str, Any]] = []
    for name in summary.get("tenants") or {}:
        value, found = (
            figure(find(summary, "tenants", name, "fairness")),
            interval(summary, "tenants", name, "fairness"),
        )
        if value:
            ends = {end: figure(find(found, end)) if found else None for end in ("low", "high")}
            rows.append({"tenant": name, "fairness": value, **ends})
    table = pd.DataFrame(rows, columns=["tenant", "fairness", "low", "high"])
    kinds = {"fairness": float, "low": float, "high": float}
    return table.astype(kinds).sort_values("fairness", ascending=False, kind="stable", ignore_index=True)


def finish_time_fairness(source: Run | Path | str) -> Figure:
    """Draw how long each tenant's jobs took in the shared fleet, relative to its fair share of the fleet alone."""
    run = opened(source)
    table = fairness_numbers(run)
    shown = table.head(MOST_ROWS)
    more = f"; the {MOST_ROWS} worst off of {len(table)} tenants" if len(table) > MOST_ROWS else ""
    level = level_of(run.summary)
    bars = f"; bars are {exact(level * 100, 6)} % intervals" if level and replications(run) > 1 else ""
    subtitle = (
        "Time in the system of a tenant's jobs over what it would have been had its share of the fleet been its own "
        f"(finish-time fairness of Themis){bars}{more}"
    )
    drawing, (ax,) = canvas(fairness_words(table), subtitle, height=1.25 + 0.3 * len(shown), left=0.5)
    rows = np.arange(len(shown))
    ax.axvline(1.0, color=INK, linewidth=1.0)
    ax.hlines(rows, np.minimum(shown["fairness"], 1.0), np.maximum(shown["fairness"], 1.0), color=COLOURS[0], alpha=0.5)
    known = shown["low"].notna()
    ax.hlines(rows[known], shown["low"][known].clip(lower=1e-3), shown["high"][known], color=INK, linewidth=2.2)
    ax.plot(shown["fairness"], rows, "o", color=COLOURS[0], markersize=6)
    for row, value in enumerate(shown["fairness"]):
        ax.text(1.012, row, number(value), transform=ax.get_yaxis_transform(), va="center", size=8.5, color=INK)
    ax.set_yticks(rows, [shortened(str(name), 20) for name in shown["tenant"]])
    ax.set_ylim(len(shown) - 0.5, -0.5)
    ax.grid(visible=False, axis="y")
    ax.set_xscale("log")
    ends = [*shown["fairness"], *shown["low"].dropna().clip(lower=1e-2), *shown["high"].dropna(), 0.5, 2.0]
    ax.set_xlim(min(ends) / 1.15, max(ends) * 1.15)
    ax.xaxis.set_major_locator(FixedLocator([tick for tick in _TICKS if min(ends) / 1.15 <= tick <= max(ends) * 1.15]))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    ax.set_xlabel("times as long as on a share of its own (logarithmic); above 1: worse off for sharing")
    return drawing


def fairness_words(table: pd.DataFrame) -> str:
    """Return what the dots of `finish_time_fairness` say: who loses by sharing, if anybody."""
    first, worse = table.iloc[0], table[(table["fairness"] > 1) & ~(table["low"] <= 1)]
    if first["fairness"] <= 1:
        return f"Sharing made no tenant wait longer: {first['tenant']} comes nearest to that"
    if worse.empty:
        return (
            f"Whether {first['tenant']} loses by sharing is open: the interval of {number(first['fairness'])} reaches 1"
        )
    first = worse.iloc[0]
    others = f", and {len(worse) - 1} more lose by it" if len(worse) > 1 else ""
    return f"Jobs of {first['tenant']} took {number(first['fairness'])} times as long as on its own share{others}"
