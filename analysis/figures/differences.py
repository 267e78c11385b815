"""How systems differ from a baseline: a difference with its interval for each metric and system."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from analysis.difference_words import excludes_zero, thin
from analysis.figures.style import COLOURS, INK, MARKERS, MUTED, canvas, shortened
from analysis.quantities import THIN, THIN_NOTE, difference, in_words, relative, scale_of
from analysis.wording import exact, figure, listed, number, plural

MOST_SYSTEMS = 12
MOST_METRICS = 8
COLUMNS = ("system", "metric", "baseline", "value", "difference", "low", "high", "level", "method", "n", "flagged")
_ENDS = ("difference", "low", "high")


def difference_numbers(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of `paired_differences` as numbers: the frame, with the differences relative to the baseline."""
    table = frame.copy()
    base = pd.to_numeric(table["baseline"], errors="coerce").abs().to_numpy(dtype=float)
    known = np.where(base > 0, base, np.nan)
    for end in _ENDS:
        table[f"relative_{end}"] = pd.to_numeric(table[end], errors="coerce").to_numpy(dtype=float) / known
    return table


def paired_differences(frame: pd.DataFrame, baseline: str = "the baseline") -> Figure:
    """Draw the differences of systems from a baseline with their intervals, a panel for each metric.

    `frame` has a row for each metric and system: system, metric, baseline (its value), value, difference, low, high,
    level, method, n, flagged. Differences are relative to the baseline's value, and absolute where that is 0 or
    unknown. Raises ValueError where the frame is empty.
    """
    if frame.empty:
        raise ValueError("there are no differences to draw")
    table = difference_numbers(frame)
    metrics = list(dict.fromkeys(table["metric"]))
    systems = _shown(table)
    panels = metrics[:MOST_METRICS]
    one, between = 0.2 + 0.235 * len(systems), 0.52
    chart, axes = canvas(
        _title(table, baseline),
        _subtitle(table, systems, metrics),
        rows=len(panels),
        height=1.12 + len(panels) * one + (len(panels) - 1) * between,
        left=0.86,
        right=0.5,
        above=0.2,
        between=between,
    )
    for ax, metric in zip(axes, panels, strict=True):
        _panel(ax, table[table["metric"] == metric], str(metric), systems)
    axes[-1].set_xlabel(f"difference from {shortened(baseline, 60)}")
    return chart


def _shown(table: pd.DataFrame) -> list[str]:
    """The systems that are drawn: all, or those that differ most from the baseline."""
    systems = [str(name) for name in dict.fromkeys(table["system"])]
    if len(systems) <= MOST_SYSTEMS:
        return systems
    size = table["relative_difference"].abs().groupby(table["system"].astype(str)).max()
    largest = set(size.sort_values(ascending=False, kind="stable").index[:MOST_SYSTEMS])
    return [name for name in systems if name in largest]


def _panel(ax: Axes, rows: pd.DataFrame, metric: str, systems: list[str]) -> None:
    by_system = {str(row["system"]): row for row in rows.to_dict("records")}
    absolute = bool(rows["relative_difference"].isna().all())
    largest = rows[list(_ENDS)].apply(pd.to_numeric, errors="coerce").abs().max().max()
    size, unit = scale_of(metric, float(largest) if np.isfinite(largest) else 0.0) if absolute else (0.01, "%")
    ax.axvline(0, color=INK, linewidth=1.2, zorder=1)
    for place, system in enumerate(systems):
        _row(ax, by_system.get(system), metric, place, "" if absolute else "relative_", size)
    ax.set_ylim(len(systems) - 0.4, -0.6)
    ax.set_yticks(range(len(systems)), [shortened(system, 22) for system in systems])
    ax.grid(visible=False, axis="y")
    ax.margins(x=0.06)
    ax.xaxis.set_major_locator(MaxNLocator(nbins=6))
    suffix = " points" if absolute and unit == "%" else f" {unit}" if unit else ""
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{exact(round(value, 9), 5)}{suffix}"))
    ax.set_title(in_words(metric), loc="left", size=9.5, weight="bold", color=INK, pad=4)


def _row(ax: Axes, row: Any, metric: str, place: int, prefix: str, size: float) -> None:
    middle, low, high = (figure((row or {}).get(f"{prefix}{end}")) for end in _ENDS)
    if row is None or middle is None:
        text = "unknown"
    else:
        sure, colour = excludes_zero(row), COLOURS[place % len(COLOURS)]
        if low is not None and high is not None:
            ax.plot([low / size, high / size], [place, place], color=colour, linewidth=2.6 if sure else 1.2)
        ax.plot(
            [middle / size],
            [place],
            marker=MARKERS[place % len(MARKERS)],
            color=colour,
            markerfacecolor=colour if sure else "white",
            markersize=6.5,
            linestyle="",
        )
        part = f" ({relative(row['relative_difference'])})" if prefix else ""
        text = difference(metric, row["difference"]) + part + (f" {THIN}" if thin(row) else "")
    weight = "bold" if row is not None and excludes_zero(row) else "normal"
    ax.annotate(
        text,
        (1.0, place),
        xycoords=("axes fraction", "data"),
        xytext=(6, 0),
        textcoords="offset points",
        va="center",
        size=8.5,
        weight=weight,
        color=INK if row is not None else MUTED,
    )


def _title(table: pd.DataFrame, baseline: str) -> str:
    rows = table.to_dict("records")
    certain = [row for row in rows if excludes_zero(row)]
    if not certain:
        return f"No difference from {shortened(baseline, 40)} can be told from chance"
    row = max(certain, key=lambda each: abs(figure(each["relative_difference"]) or 0.0))
    more = "higher" if row["difference"] > 0 else "lower"
    part = relative(row["relative_difference"])
    size = difference(row["metric"], row["difference"])
    by = size[1:] if figure(row["relative_difference"]) is None else f"{part[1:]} ({size[1:]})"
    system = shortened(str(row["system"]), 30)
    return f"{system}: {in_words(row['metric'])} is {by} {more} than with {shortened(baseline, 30)}"


def _subtitle(table: pd.DataFrame, systems: list[str], metrics: list[str]) -> str:
    levels = sorted({figure(level) for level in table["level"]} - {None}, key=lambda level: level or 0.0)
    level = f"{number(round(float(levels[0] or 0) * 100, 4))} %" if levels else ""
    methods = listed(sorted({str(method) for method in table["method"]}))
    among = len(set(table["system"].astype(str)))
    most = f"; the {len(systems)} of {among} systems that differ most" if among > len(systems) else ""
    cut = f"; the first {MOST_METRICS} of {len(metrics)} metrics" if len(metrics) > MOST_METRICS else ""
    counts = sorted({int(n) for n in table["n"].dropna()})
    looks = (
        f", {number(counts[0])}{'' if len(counts) == 1 else f' to {number(counts[-1])}'} replications" if counts else ""
    )
    note = f"; {THIN_NOTE}" if any(thin(row) for row in table.to_dict("records")) else ""
    return (
        f"Difference of {plural(among, 'system')} with {level} intervals ({methods}){looks}; filled and bold where the "
        f"interval excludes zero{most}{cut}{note}"
    )
