"""Which hours of the day cost a service its promise."""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator

from analysis.figures.style import COLOURS, DASHES, MOST_LINES, canvas, label_ends
from analysis.run_folder import Run, opened, place_name, replications, with_classes
from analysis.wording import find, share

HOURS = 24


def hour_numbers(source: Run | Path | str) -> pd.DataFrame:
    """Return the lines of `missed_by_hour`: hour, and for each service, or class, the share that missed its limits.

    Nothing where fewer than two hours are known of all of them.
    """
    run = opened(source)
    table = pd.DataFrame({"hour": np.arange(HOURS)})
    for name in run.summary.get("services") or {}:
        service, *classes = with_classes(run.summary, name)
        for place in classes or [service]:
            met = find(run.summary, "services", *place, "slo", "by_hour_of_day")
            if met is not None:
                table[place_name(place)] = 1.0 - np.array(met, dtype=float)
    known = table.drop(columns="hour").notna().sum(axis=1)
    return table if (known > 0).sum() > 1 else table.iloc[:0]


def missed_by_hour(source: Run | Path | str) -> Figure:
    """Draw the share of requests that missed their limits by the local hour of the day in which they arrived."""
    run = opened(source)
    table = hour_numbers(run).set_index("hour")
    shown = table.mean().sort_values(ascending=False, kind="stable").index[:MOST_LINES]
    others = f"; the {MOST_LINES} worst of {len(table.columns)}" if len(table.columns) > MOST_LINES else ""
    many = replications(run)
    among = f", mean over {many} replications" if many > 1 else ""
    subtitle = f"Share of requests that missed their limits, by the local hour of their arrival{among}{others}"
    figure, (ax,) = canvas(_worst(table), subtitle)
    ends = []
    for index, name in enumerate(shown):
        values = table[name].to_numpy(dtype=float)
        edges = np.append(values, values[-1:])
        ax.step(np.arange(HOURS + 1), edges, where="post", color=COLOURS[index], linestyle=DASHES[index], linewidth=1.5)
        ends.append((float(values[np.isfinite(values)][-1]), str(name), COLOURS[index]))
    largest = float(np.nanmax(table[shown].to_numpy(dtype=float)))
    ax.set_ylim(0, 1.06 * largest or 1.0)
    ax.yaxis.set_major_locator(MaxNLocator(nbins=4))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value * 100:.3g} %"))
    ax.set_ylabel("missed their limits")
    ax.set_xlim(0, HOURS)
    ax.xaxis.set_major_locator(FixedLocator(list(range(0, HOURS + 1, 3))))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.0f}:00"))
    label_ends(ax, ends)
    return figure


def _worst(table: pd.DataFrame) -> str:
    name = table.max().idxmax()
    hour = int(np.nanargmax(table[name].to_numpy(dtype=float)))
    missed = float(table[name].max())
    if missed == 0.0:
        return "No request missed its limits at any hour"
    return f"{name}: {share(missed)} of those that came from {hour}:00 to {hour + 1}:00 missed their limits"
