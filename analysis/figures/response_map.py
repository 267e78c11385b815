"""A metric over two numbers that were varied, as a map with the numbers in its cells."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from analysis.figures.study import ordered, path_words
from analysis.figures.style import INK, MUTED, canvas
from analysis.quantities import THIN, in_words, plus_minus, scale_of, worded
from analysis.wording import SPACE, exact

MOST_NUMBERS = 12
"""Columns up to which a cell has room for its number."""


def response_map(
    groups: Sequence[tuple[str, pd.DataFrame]],
    metric: str,
    x: str,
    y: str,
    paths: Sequence[str],
    title: str,
    subtitle: str,
) -> Figure:
    """Draw a map for each group of points: `x` across, `y` upwards, the metric as colour and number."""
    every = pd.concat([group for _, group in groups])
    rows, columns = (ordered(every[path]) for path in (y, x))
    height = 1.0 + len(groups) * (0.36 * len(rows) + 0.3)
    what = f"{subtitle}; hatched cells have no estimate"
    chart, axes = canvas(title, what, rows=len(groups), height=height, left=0.3, right=0.1)
    size, unit = scale_of(metric, float(every["mean"].abs().max()))
    scale = Normalize(float(every["mean"].min()), float(every["mean"].max()))
    for ax, (name, group) in zip(axes, groups, strict=True):
        _cells(ax, group, metric, (x, y), (columns, rows), scale)
        ax.set_yticks(range(len(rows)), rows)
        ax.set_xticks(range(len(columns)), columns)
        ax.set_ylabel(path_words(y, paths))
        if name:
            ax.set_title(name, loc="left", size=9, color=INK, pad=3)
    for ax in axes[:-1]:
        ax.tick_params(labelbottom=False)
    axes[-1].set_xlabel(path_words(x, paths))
    _legend(chart, axes, scale, f"{in_words(metric)}{f' ({unit})' if unit else ''}", size)
    return chart


def _cells(
    ax: Axes,
    group: pd.DataFrame,
    metric: str,
    paths: tuple[str, str],
    names: tuple[list[str], list[str]],
    scale: Normalize,
) -> None:
    columns, rows = names
    colours = mpl.colormaps["cividis"].with_extremes(bad=(0, 0, 0, 0))
    cells = np.full((len(rows), len(columns)), np.nan)
    for row in group.to_dict("records"):
        place = rows.index(row[paths[1]]), columns.index(row[paths[0]])
        cells[place] = row["mean"]
        if len(columns) <= MOST_NUMBERS:
            _number(ax, place, row, metric, "white" if scale(row["mean"]) < 0.55 else INK)
    ax.grid(visible=False)
    ax.patch.set(hatch="////", edgecolor=MUTED)
    ax.imshow(
        np.ma.masked_invalid(cells), cmap=colours, norm=scale, aspect="auto", origin="lower", interpolation="none"
    )


def _number(ax: Axes, place: tuple[int, int], row: Mapping[Any, Any], metric: str, colour: str) -> None:
    text = worded(metric, row["mean"]).replace(f"{SPACE}%", "")
    half = plus_minus(metric, row) or THIN
    ax.text(place[1], place[0] + 0.15, text, ha="center", va="center", size=7.5, color=colour)
    ax.text(place[1], place[0] - 0.25, half, ha="center", va="center", size=6, color=colour)


def _legend(chart: Figure, axes: Sequence[Axes], scale: Normalize, words: str, size: float) -> None:
    box = axes[0].get_position()
    ax = chart.add_axes((box.x1 + 0.02, box.y0, 0.018, box.height))
    ax.imshow(
        np.linspace(scale.vmin or 0.0, scale.vmax or 1.0, 64)[:, None],
        cmap="cividis",
        norm=scale,
        aspect="auto",
        origin="lower",
        extent=(0.0, 1.0, (scale.vmin or 0.0) / size, (scale.vmax or 1.0) / size),
    )
    ax.set_xticks([])
    ax.yaxis.tick_right()
    ax.yaxis.set_label_position("right")
    ax.tick_params(labelsize=7.5, labelcolor=INK, length=0, pad=2)
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: exact(round(value, 9), 5)))
    ax.set_ylabel(words, size=8, color=INK)
    for spine in ax.spines.values():
        spine.set_visible(False)
