"""How a metric of a study answers to what was varied: lines, dots with intervals, or a map of two numbers."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator

from analysis.figures.response_map import response_map
from analysis.figures.study import numeric, ordered, path_words, response_numbers, varied
from analysis.figures.style import COLOURS, DASHES, INK, MARKERS, MOST_LINES, MUTED, canvas, label_ends, shortened
from analysis.quantities import THIN_NOTE, in_words, scale_of, worded
from analysis.wording import exact, figure, plural

MOST_ROWS = 30
MOST_PANELS = 6
_FEW = 5
"""Values of a number up to which it may be told apart by lines."""


def response(data: Mapping[str, Any], metric: str) -> Figure:
    """Draw a metric of a study (the contents of study.json) over what was varied, with intervals.

    A number on x with a line for each value of a second path; dots where nothing varied is a number; a map of two
    numbers with many values; panels for a third path, or for each path of a design that is no grid. Raises ValueError
    where no point has an estimate.
    """
    table = response_numbers(data, metric).dropna(subset=["mean"])
    if table.empty:
        raise ValueError(f"no point has an estimate of {metric}")
    title, subtitle = _title(table, metric), _subtitle(data, table, metric)
    paths = varied(data, table)
    numbers = [path for path in paths if numeric(list(table[path])) is not None]
    if data.get("design") in ("sobol", "latin_hypercube") and numbers:
        return _scattered(table, metric, numbers, paths, title, subtitle)
    if data.get("design") == "paired" and numbers:
        numbers, paths = numbers[:1], numbers[:1]
    if not numbers or (
        len(paths) > 1 and len(numbers) == 1 and table[_others(paths, numbers)[0]].nunique() > MOST_LINES
    ):
        return _dots(table, metric, paths, title, subtitle)
    x, *rest = numbers[:1] + _others(paths, numbers[:1])
    if rest and rest[0] in numbers and table[rest[0]].nunique() > _FEW >= table[x].nunique():
        x, rest = rest[0], [x, *rest[1:]]
    groups = _panels(table, rest[1:])
    if rest and table[rest[0]].nunique() > _FEW:
        return response_map(groups, metric, x, rest[0], paths, title, _subtitle(data, table, metric, cells=True))
    return _lines(groups, metric, x, rest[:1], paths, title, subtitle)


def _others(paths: Sequence[str], chosen: Sequence[str]) -> list[str]:
    return [path for path in paths if path not in chosen]


def _panels(table: pd.DataFrame, paths: Sequence[str]) -> list[tuple[str, pd.DataFrame]]:
    """The points by their values of the paths that are neither x nor lines, each with its name."""
    if not paths:
        return [("", table)]
    names = table[list(paths)].agg(", ".join, axis=1)
    return [
        (f"{', '.join(path_words(path, paths) for path in paths)}: {name}", table[names == name])
        for name in list(dict.fromkeys(names))[:MOST_PANELS]
    ]


def _lines(
    groups: Sequence[tuple[str, pd.DataFrame]],
    metric: str,
    x: str,
    lines: Sequence[str],
    paths: Sequence[str],
    title: str,
    subtitle: str,
) -> Figure:
    chart, axes = canvas(title, subtitle, rows=len(groups), height=1.2 + 2.4 * len(groups), left=0.14, right=0.3)
    every = pd.concat([group for _, group in groups])
    size, unit = scale_of(metric, float(every["mean"].abs().max()))
    bounds = _bounds(every, size)
    kinds = ordered(every[lines[0]]) if lines else [""]
    for ax, (name, group) in zip(axes, groups, strict=True):
        series = [(kind, group[group[lines[0]] == kind] if lines else group) for kind in kinds]
        _draw_lines(ax, series, x, size)
        ax.set_ylim(*bounds)
        label_ends(ax, _ends(series, x, size))
        _value_axis(ax.yaxis)
        if name:
            ax.set_title(name, loc="left", size=9, color=INK, pad=3)
    for ax in axes[:-1]:
        ax.tick_params(labelbottom=False)
    axes[len(axes) // 2].set_ylabel(f"{in_words(metric)}{f' ({unit})' if unit else ''}")
    values = numeric(list(every[x]))
    axes[-1].set_xlabel(path_words(x, paths) + (f" ({values[1]})" if values and values[1] else ""))
    if lines:
        heading = shortened(path_words(lines[0], paths), 22)
        axes[0].text(1.012, 1.0, heading, transform=axes[0].transAxes, size=8.5, color=MUTED, va="bottom")
    return chart


def _draw_lines(ax: Axes, series: Sequence[tuple[str, pd.DataFrame]], x: str, size: float) -> None:
    ticks: set[float] = set()
    for index, (_, part) in enumerate(series):
        if part.empty:
            continue
        at, values = _along(part, x)
        ticks |= set(at)
        colour, marker = COLOURS[index % len(COLOURS)], MARKERS[index % len(MARKERS)]
        ax.plot(at, values["mean"] / size, color=colour, linestyle=DASHES[index % len(DASHES)], linewidth=1.4)
        intervals(ax, at, values, size, colour, marker)
    if len(ticks) <= 12 and all(tick.is_integer() for tick in ticks):
        ax.xaxis.set_major_locator(FixedLocator(sorted(ticks)))
    else:
        ax.xaxis.set_major_locator(MaxNLocator(nbins=8))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: exact(round(value, 9), 6)))
    ax.margins(x=0.04)


def _along(part: pd.DataFrame, x: str) -> tuple[list[float], pd.DataFrame]:
    """The points along a numeric path, in ascending order."""
    values, _ = numeric(list(part[x])) or ([0.0] * len(part), "")
    order = sorted(range(len(values)), key=values.__getitem__)
    return [values[place] for place in order], part.iloc[order]


def intervals(
    ax: Axes, at: Sequence[float], values: pd.DataFrame, size: float, colour: str, marker: str, *, flat: bool = False
) -> None:
    """Draw estimates with their intervals, upright or lying flat; what has no interval is hollow."""
    for place, row in zip(at, values.to_dict("records"), strict=True):
        middle, low, high = (figure(row[end]) for end in ("mean", "low", "high"))
        if middle is None:
            continue
        bare = low is None or high is None or row["flagged"]
        if low is not None and high is not None:
            along, across = [low / size, high / size], [place, place]
            ax.plot(*((along, across) if flat else (across, along)), color=colour, linewidth=1.6, solid_capstyle="butt")
        point = (middle / size, place) if flat else (place, middle / size)
        ax.plot(
            *point,
            marker=marker,
            color=colour,
            markersize=5.5,
            linestyle="",
            markerfacecolor="white" if bare else colour,
        )


def _ends(series: Sequence[tuple[str, pd.DataFrame]], x: str, size: float) -> list[tuple[float, str, str]]:
    ends = []
    for index, (name, part) in enumerate(series):
        if name and len(part):
            _, values = _along(part, x)
            ends.append((float(values["mean"].iloc[-1]) / size, name, COLOURS[index % len(COLOURS)]))
    return ends


def _bounds(table: pd.DataFrame, size: float) -> tuple[float, float]:
    """The range of an axis with all estimates and intervals; from zero where that costs little room."""
    values = table[["mean", "low", "high"]].to_numpy(dtype=float) / size
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    if 0 <= low < 0.4 * high:
        low = 0.0
    room = 0.06 * ((high - low) or abs(high) or 1.0)
    return low if low == 0 else low - room, high + room


def _value_axis(axis: Any) -> None:
    axis.set_major_locator(MaxNLocator(nbins=6))
    axis.set_major_formatter(FuncFormatter(lambda value, _: exact(round(value, 9), 5)))


def _dots(table: pd.DataFrame, metric: str, paths: Sequence[str], title: str, subtitle: str) -> Figure:
    """A row for each point, coloured by the values of the second path."""
    shown = table.head(MOST_ROWS)
    more = f"; the first {MOST_ROWS} of {plural(len(table), 'point')}" if len(table) > MOST_ROWS else ""
    chart, (ax,) = canvas(title, subtitle + more, height=1.0 + 0.27 * len(shown), left=1.3, right=0.3)
    size, unit = scale_of(metric, float(shown["mean"].abs().max()))
    kinds = list(dict.fromkeys(shown[paths[1]])) if len(paths) > 1 else [""]
    for place, (_, row) in enumerate(shown.iterrows()):
        kind = kinds.index(row[paths[1]]) if len(paths) > 1 else 0
        one = row.to_frame().T
        intervals(ax, [place], one, size, COLOURS[kind % len(COLOURS)], MARKERS[kind % len(MARKERS)], flat=True)
        ax.annotate(
            worded(metric, row["mean"]),
            (1.0, place),
            xycoords=("axes fraction", "data"),
            xytext=(6, 0),
            textcoords="offset points",
            va="center",
            size=8.5,
            color=INK,
        )
    names = [", ".join(row[path] for path in paths) if paths else row["label"] for _, row in shown.iterrows()]
    ax.set_yticks(range(len(shown)), [shortened(name, 30) for name in names])
    ax.set_ylim(len(shown) - 0.4, -0.6)
    ax.grid(visible=False, axis="y")
    ax.set_xlim(*_bounds(shown, size))
    _value_axis(ax.xaxis)
    ax.set_xlabel(f"{in_words(metric)}{f' ({unit})' if unit else ''}")
    return chart


def _scattered(
    table: pd.DataFrame, metric: str, numbers: Sequence[str], paths: Sequence[str], title: str, subtitle: str
) -> Figure:
    """A panel for each path of a design whose points lie anywhere."""
    shown = numbers[:MOST_PANELS]
    chart, axes = canvas(
        title,
        f"{subtitle}; all paths vary at once, a panel for each",
        rows=len(shown),
        height=0.7 + 1.95 * len(shown),
        left=0.14,
        between=0.55,
    )
    size, unit = scale_of(metric, float(table["mean"].abs().max()))
    for ax, path in zip(axes, shown, strict=True):
        at, values = _along(table, path)
        intervals(ax, at, values, size, COLOURS[0], MARKERS[0])
        ax.set_ylim(*_bounds(table, size))
        _value_axis(ax.yaxis)
        found = numeric(list(table[path]))
        ax.set_xlabel(path_words(path, paths) + (f" ({found[1]})" if found and found[1] else ""))
        ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: exact(round(value, 9), 6)))
    axes[len(axes) // 2].set_ylabel(f"{in_words(metric)}{f' ({unit})' if unit else ''}")
    return chart


def _title(table: pd.DataFrame, metric: str) -> str:
    """The lowest and the highest estimate, and where; or that no two of them can be told apart."""
    lowest, highest = (table.iloc[place] for place in (table["mean"].argmin(), table["mean"].argmax()))
    name = in_words(metric)
    if len(table) == 1 or lowest["mean"] == highest["mean"]:
        return f"{name} is {worded(metric, lowest['mean'])}"
    ends = [f"{worded(metric, row['mean'])} ({shortened(str(row['label']), 60)})" for row in (lowest, highest)]
    return f"{name} goes from {ends[0]} to {ends[1]}"


def _subtitle(data: Mapping[str, Any], table: pd.DataFrame, metric: str, *, cells: bool = False) -> str:
    rows = [row for row in data.get("estimates") or [] if row["metric"] == metric]
    level = next((row.get("level") for row in rows if row.get("level")), 0.95)
    counts = sorted({int(n) for n in table["n"].dropna()})
    looks = "" if not counts else f"{counts[0]}" if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
    replications = f", {looks} replications each" if looks else ""
    bare = table["low"].isna() | table["high"].isna() | table["flagged"].astype(bool)
    note = THIN_NOTE if cells else f"hollow: {THIN_NOTE.partition(' ')[2]}"
    percent = exact(float(level) * 100, 6)
    shown = f"small: half the width of the {percent} % interval" if cells else f"bars are {percent} % intervals"
    return f"Estimates of {plural(len(table), 'point')}{replications}; {shown}{f'; {note}' if bare.any() else ''}"
