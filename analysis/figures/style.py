"""The look that all charts share: colours, titles, labels on the curves, and bytes that do not change."""

import io
import re
import textwrap
from collections.abc import Sequence
from html import escape
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from analysis.wording import duration, number

FloatArray = np.ndarray[Any, np.dtype[np.float64]]

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#000000")
"""Okabe and Ito's colours, without those too pale for a thin line on white."""
DASHES = ("-", (0, (5, 2)), (0, (1, 1.2)), (0, (6, 2, 1, 2)), (0, (3, 1, 1, 1, 1, 1)))
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "p", "h", "*")
INK, MUTED, RULE = "#1c2733", "#5b6773", "#d9dee3"
MOST_LINES = 5
MOST_POINTS = 360
"""Points of one line: a chart is about so many pixels wide."""

_WIDTH = 7.6
_PLACED = re.compile(r' (?:d|x|y)="[^"]*"')
_DECIMALS = re.compile(r"(\.\d\d)\d+")
_AROUND_COMMANDS = re.compile(r"(?<=[\d\s])\s*([A-Zz])\s*")
_IDLE = re.compile(
    r' transform="rotate\(-?0 [^"]*"|<metadata>.*?</metadata>|(?<=\n) +|font-family: [^;"]*(?:; )?', re.DOTALL
)
"""What an SVG says without effect: turns by nothing, an empty description, indentation, its font at every word."""
_FONTS = ["DejaVu Sans", "Verdana", "Arial"]
_MARGIN_LEFT, _MARGIN_RIGHT, _MARGIN_BELOW = 0.72, 1.02, 0.52
TIMES = (1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1.0, 10.0, 60.0, 600.0, 3600.0, 36000.0, 86400.0, 864000.0, 8640000.0)
"""Seconds that people say, for ticks of a logarithmic axis."""


_APART = 0.12
"""Of the length of an axis: what lies between two ticks with names."""


def canvas(
    title: str,
    subtitle: str,
    *,
    height: float = 3.6,
    rows: int = 1,
    columns: int = 1,
    left: float = 0.0,
    right: float = 0.0,
    above: float = 0.0,
    between: float | None = None,
) -> tuple[Figure, list[Axes]]:
    """Draw an empty chart: the finding, below it what is shown.

    Lengths are in inches: `left`, `right` and `above` widen those margins, `between` is the room between rows.
    """
    heading = textwrap.wrap(title, 74) or [""]
    lines = textwrap.wrap(subtitle, 100)
    top = 0.36 + 0.22 * len(heading) + 0.17 * len(lines) + above
    total = height + top - 0.6
    inside = height - 0.6 - _MARGIN_BELOW
    gap = 0.22 if between is None else rows * between / (inside - (rows - 1) * between)
    figure = Figure(figsize=(_WIDTH, total))
    figure.suptitle(
        "\n".join(heading), x=0.012, y=1 - 0.1 / total, ha="left", va="top", size=12, weight="bold", color=INK
    )
    figure.text(
        0.012, 1 - (0.14 + 0.22 * len(heading)) / total, "\n".join(lines), ha="left", va="top", size=8.5, color=MUTED
    )
    grid = figure.add_gridspec(
        rows,
        columns,
        left=(_MARGIN_LEFT + left) / _WIDTH,
        right=1 - (_MARGIN_RIGHT + right) / _WIDTH,
        top=1 - top / total,
        bottom=_MARGIN_BELOW / total,
        hspace=gap,
        wspace=0.16,
    )
    axes = [figure.add_subplot(grid[row, column]) for row in range(rows) for column in range(columns)]
    for ax in axes:
        _plain(ax)
    return figure, axes


def _plain(ax: Axes) -> None:
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        ax.spines[side].set_color(MUTED)
    ax.tick_params(labelsize=8.5, colors=MUTED, labelcolor=INK, length=3)
    ax.grid(visible=True, color=RULE, linewidth=0.6)
    ax.set_axisbelow(True)
    for axis in (ax.xaxis, ax.yaxis):
        axis.label.set(size=9, color=INK)


def log_durations(ax: Axes, low: float, high: float) -> None:
    """Give the axes a logarithmic x axis from `low` to `high` seconds with ticks that people say (10 ms, 1 h)."""
    ax.set_xscale("log")
    ax.set_xlim(low, high)
    ticks: list[float] = []
    for tick in TIMES:
        apart = not ticks or np.log(tick / ticks[-1]) >= _APART * np.log(high / low)
        if low * 0.999 <= tick <= high * 1.001 and apart:
            ticks.append(tick)
    ax.xaxis.set_major_locator(FixedLocator(ticks if len(ticks) > 1 else list(np.geomspace(low, high, 4)[1:3])))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: duration(value)))


def shares(ax: Axes) -> None:
    """Give the axes a y axis of shares from 0 to 1 as percentages."""
    ax.set_ylim(0, 1.015)
    ax.yaxis.set_major_locator(FixedLocator([0, 0.25, 0.5, 0.75, 1]))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value * 100:.0f} %"))


def counts(ax: Axes, largest: float) -> None:
    """Give the axes a y axis of counts from zero, with whole numbers as ticks."""
    ax.set_ylim(0, max(1.0, largest * 1.06))
    ax.yaxis.set_major_locator(MaxNLocator(nbins=4, integer=True, min_n_ticks=1))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: number(value)))


def time_unit(span: float) -> tuple[float, str]:
    """Return the unit for an axis of simulated time over `span` seconds: (its seconds, its name)."""
    for size, name in ((86400.0, "days"), (3600.0, "hours"), (60.0, "minutes")):
        if span >= 4 * size:
            return size, name
    return 1.0, "seconds"


def time_axis(ax: Axes, span: float, warmup: float) -> None:
    """Give the axes an x axis of simulated time whose data are in `time_unit(span)`, with the warm-up shaded."""
    size, _ = time_unit(span)
    ax.set_xlim(0, span / size)
    steps = [1, 2, 3, 6, 10] if size == 3600 else [1, 2, 2.5, 5, 10]
    ax.xaxis.set_major_locator(MaxNLocator(nbins=8, steps=steps))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: number(round(value, 6))))
    if warmup > 0:
        ax.axvspan(0, warmup / size, color="#eef1f4", linewidth=0, zorder=-1)


def label_ends(ax: Axes, ends: Sequence[tuple[float, str, str]]) -> None:
    """Put names at the right of the frame, beside where each line ends: (y in data, name, colour); none touch."""
    if not ends:
        return
    figure = ax.figure
    height = ax.get_window_extent().height / figure.dpi * 72
    gap = 11.5 / height
    low, high = ax.get_ylim()
    order = sorted(range(len(ends)), key=lambda index: ends[index][0])
    wanted = [(ends[index][0] - low) / (high - low) for index in order]
    for place, position in zip(order, spread(wanted, gap), strict=True):
        _, name, colour = ends[place]
        ax.text(
            1.012, position, shortened(name, 15), transform=ax.transAxes, color=colour, size=8.5, va="center", ha="left"
        )


def spread(wanted: Sequence[float], gap: float) -> list[float]:
    """Ascending positions at least `gap` apart and near to the ascending `wanted` in [0, 1]: one pass each way."""
    placed: list[float] = []
    for position in wanted:
        placed.append(max(position, placed[-1] + gap) if placed else max(0.0, position))
    ceiling = 1.0
    for index in range(len(placed) - 1, -1, -1):
        placed[index] = min(placed[index], ceiling)
        ceiling = placed[index] - gap
    return placed


def label_on_curves(ax: Axes, curves: Sequence[tuple[FloatArray, FloatArray, str, str]]) -> None:
    """Names on the curves themselves, at heights of their own and apart from one another: (x, y, name, colour)."""
    to_axes = (ax.transData + ax.transAxes.inverted()).transform
    placed: list[tuple[float, float]] = []
    for index, (x, y, name, colour) in enumerate(curves):
        wanted = 0.5 if len(curves) == 1 else 0.78 - 0.56 * index / (len(curves) - 1)
        across, height = to_axes(np.column_stack([x, y])).T
        outside = (across < 0.1) | (across > 0.92)
        taken = np.zeros(len(x), bool)
        for left, low in placed:
            taken |= (np.abs(across - left) < 0.16) & (np.abs(height - low) < 0.08)
        nearest = int(np.argmin(np.abs(height - wanted) + 10.0 * outside + 5.0 * taken))
        placed.append((float(across[nearest]), float(height[nearest])))
        box = {"facecolor": "white", "edgecolor": "none", "pad": 1.2, "alpha": 0.9}
        ax.text(x[nearest], y[nearest], name, color=colour, size=8.5, weight="bold", ha="center", va="center", bbox=box)


def thinned(values: FloatArray, most: int = MOST_POINTS) -> FloatArray:
    """At most `most` of the rows, evenly chosen, the first and the last among them."""
    if len(values) <= most:
        return values
    chosen: FloatArray = values[np.unique(np.linspace(0, len(values) - 1, most).round().astype(int))]
    return chosen


def shortened(name: str, most: int) -> str:
    """Return a name of at most `most` characters."""
    return name if len(name) <= most else f"{name[: most - 1]}…"


def svg(figure: Figure) -> str:
    """Return the chart as an SVG element: the same bytes each time, named for screen readers by its title."""
    for text in figure.findobj(Text):
        text.set_parse_math(False)
    file = io.StringIO()
    with mpl.rc_context({"svg.hashsalt": "fleetsim", "svg.fonttype": "none", "font.sans-serif": _FONTS}):
        figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None})
    drawn = _PLACED.sub(lambda place: _AROUND_COMMANDS.sub(r"\1", _DECIMALS.sub(r"\1", place.group())), file.getvalue())
    drawn = _IDLE.sub("", drawn)
    label = escape(" ".join(str(figure.get_suptitle()).split()), quote=True)
    root = f'<svg role="img" aria-label="{label}" font-family="{", ".join(_FONTS)}, sans-serif" '
    return drawn[drawn.index("<svg") :].replace("<svg ", root, 1).rstrip()


def legend_above(ax: Axes, columns: int, handles: list[Artist] | None = None) -> None:
    """Say above the axes what the fillings mean: those that carry a label, or `handles`."""
    ax.legend(
        handles=ax.get_legend_handles_labels()[0] if handles is None else handles,
        loc="lower left",
        bbox_to_anchor=(-0.01, 1.0),
        ncols=columns,
        fontsize=8.5,
        frameon=False,
        labelcolor=INK,
        handlelength=1.0,
        columnspacing=1.2,
        borderpad=0.2,
    )
