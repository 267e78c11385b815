"""What charts of estimates share: intervals drawn upright or lying flat, the range of an axis, points along a path."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator

from analysis.figures.study import numeric
from analysis.wording import exact, figure


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


def along(part: pd.DataFrame, x: str) -> tuple[list[float], pd.DataFrame]:
    """Return the points along a numeric path, in ascending order."""
    values, _ = numeric(list(part[x])) or ([0.0] * len(part), "")
    order = sorted(range(len(values)), key=values.__getitem__)
    return [values[place] for place in order], part.iloc[order]


def bounds(table: pd.DataFrame, size: float) -> tuple[float, float]:
    """Return the range of an axis with all estimates and intervals; from zero where that costs little room."""
    values = table[["mean", "low", "high"]].to_numpy(dtype=float) / size
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    if 0 <= low < 0.4 * high:
        low = 0.0
    room = 0.06 * ((high - low) or abs(high) or 1.0)
    return low if low == 0 else low - room, high + room


def value_axis(axis: Any) -> None:
    """Give an axis of values few ticks with the digits they need."""
    axis.set_major_locator(MaxNLocator(nbins=6))
    axis.set_major_formatter(FuncFormatter(lambda value, _: exact(round(value, 9), 5)))
