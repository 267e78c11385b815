"""Bars that lie, made of parts: a row for each name, its parts side by side, what it comes to at its end."""

from collections.abc import Mapping, Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator

from analysis.figures.style import INK, legend_above, shortened

LEGEND_COLUMNS = 6
_SPARE = ("#D55E00", "#CC79A7", "#000000")


def legend_room(parts: int) -> float:
    """Inches above the axes that the legend of so many parts takes."""
    return 0.2 * -(-parts // LEGEND_COLUMNS)


def stacked_bars(ax: Axes, table: pd.DataFrame, looks: Mapping[str, tuple[str, str]], ends: Sequence[str]) -> None:
    """Draw a bar for each row of the table, a part for each column with its (colour, hatch), and words at the ends."""
    left = pd.Series(0.0, index=table.index)
    spare = iter(_SPARE * len(table.columns))
    for part in table.columns:
        colour, hatch = looks.get(str(part)) or (next(spare), "--")
        ax.barh(
            range(len(table)),
            table[part],
            left=left,
            height=0.62,
            color=colour,
            hatch=hatch,
            edgecolor="white",
            linewidth=0.8,
            label=str(part).replace("_", " "),
        )
        left = left + table[part]
    for row, words in enumerate(ends):
        where = (float(left.iloc[row]), float(row))
        ax.annotate(words, where, (5, 0), textcoords="offset points", va="center", size=8.5, color=INK)
    ax.set_yticks(range(len(table)), [shortened(str(name), 20) for name in table.index])
    ax.invert_yaxis()
    ax.set_xlim(0, float(left.max()) * 1.02)
    ax.xaxis.set_major_locator(MaxNLocator(nbins=6))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
    ax.grid(visible=False, axis="y")
    legend_above(ax, LEGEND_COLUMNS)
