"""A metric of a study where nothing that varied is a number: a dot with its interval for each point."""

from collections.abc import Sequence

import pandas as pd
from matplotlib.figure import Figure

from analysis.figures.estimates import bounds, intervals, value_axis
from analysis.figures.style import COLOURS, INK, MARKERS, canvas, shortened
from analysis.quantities import in_words, scale_of, worded
from analysis.wording import plural

MOST_ROWS = 30


def response_dots(table: pd.DataFrame, metric: str, paths: Sequence[str], title: str, subtitle: str) -> Figure:
    """Draw a row for each point, coloured by the values of the second path."""
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
    ax.set_xlim(*bounds(shown, size))
    value_axis(ax.xaxis)
    ax.set_xlabel(f"{in_words(metric)}{f' ({unit})' if unit else ''}")
    return chart
