"""A metric of a study over a number that was varied: a line for each value of a second path, or scattered points."""

from collections.abc import Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator

from analysis.figures.estimates import along, bounds, intervals, value_axis
from analysis.figures.study import numeric, ordered, path_words
from analysis.figures.style import COLOURS, DASHES, INK, MARKERS, MUTED, canvas, label_ends, shortened
from analysis.quantities import in_words, scale_of
from analysis.wording import exact

MOST_PANELS = 6


def response_lines(
    groups: Sequence[tuple[str, pd.DataFrame]],
    metric: str,
    x: str,
    lines: Sequence[str],
    paths: Sequence[str],
    title: str,
    subtitle: str,
) -> Figure:
    """Draw a panel for each group of points: `x` across, a line for each value of the path in `lines`, if any."""
    chart, axes = canvas(title, subtitle, rows=len(groups), height=1.2 + 2.4 * len(groups), left=0.14, right=0.3)
    every = pd.concat([group for _, group in groups])
    size, unit = scale_of(metric, float(every["mean"].abs().max()))
    ends = bounds(every, size)
    kinds = ordered(every[lines[0]]) if lines else [""]
    for ax, (name, group) in zip(axes, groups, strict=True):
        series = [(kind, group[group[lines[0]] == kind] if lines else group) for kind in kinds]
        _draw_lines(ax, series, x, size)
        ax.set_ylim(*ends)
        label_ends(ax, _ends(series, x, size))
        value_axis(ax.yaxis)
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
        at, values = along(part, x)
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


def _ends(series: Sequence[tuple[str, pd.DataFrame]], x: str, size: float) -> list[tuple[float, str, str]]:
    ends = []
    for index, (name, part) in enumerate(series):
        if name and len(part):
            _, values = along(part, x)
            ends.append((float(values["mean"].iloc[-1]) / size, name, COLOURS[index % len(COLOURS)]))
    return ends


def response_scatter(
    table: pd.DataFrame, metric: str, numbers: Sequence[str], paths: Sequence[str], title: str, subtitle: str
) -> Figure:
    """Draw a panel for each numeric path of a design whose points lie anywhere."""
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
        at, values = along(table, path)
        intervals(ax, at, values, size, COLOURS[0], MARKERS[0])
        ax.set_ylim(*bounds(table, size))
        value_axis(ax.yaxis)
        found = numeric(list(table[path]))
        ax.set_xlabel(path_words(path, paths) + (f" ({found[1]})" if found and found[1] else ""))
        ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: exact(round(value, 9), 6)))
    axes[len(axes) // 2].set_ylabel(f"{in_words(metric)}{f' ({unit})' if unit else ''}")
    return chart
