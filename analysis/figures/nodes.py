"""Which nodes jobs held, and when: a thin row for each node, time along it, dark where it was held."""

from pathlib import Path
from typing import NamedTuple

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.figures.over_time import finish_time
from analysis.figures.style import INK, MUTED, FloatArray, canvas, shortened, time_unit
from analysis.run_folder import Run, opened, spells, window
from analysis.wording import duration, figure, find, plural, share

MOST_ROWS, MOST_COLUMNS, MOST_POOLS = 96, 180, 8
"""Of the picture: nodes and instants are averaged over so that a large fleet and a long time stay small."""


class _Rows(NamedTuple):
    """The nodes of a pool in groups of `together`."""

    pool: str
    nodes: int
    accelerators: float
    """On a node."""
    together: int

    @property
    def sizes(self) -> FloatArray:
        """The nodes of each group; the last may have fewer."""
        first: FloatArray = np.arange(0.0, self.nodes, self.together)
        return np.minimum(self.together, self.nodes - first)

    @property
    def names(self) -> list[str]:
        """Each group by its first and last node."""
        first = range(0, self.nodes, self.together)
        ends = [(node, min(node + self.together, self.nodes) - 1) for node in first]
        return [f"{self.pool} {low}" if low == high else f"{self.pool} {low}-{high}" for low, high in ends]


def node_numbers(source: Run | Path | str) -> pd.DataFrame:
    """Return the rows of `held_by_node` as numbers: time_s (end of each interval), and a column for each row."""
    run = opened(source)
    columns = {"time_s": _edges(run)[1:]}
    for rows in _pools(run):
        held = _held(run, rows).round(3)
        columns |= dict(zip(rows.names, held, strict=True))
    return pd.DataFrame(columns) if len(columns) > 1 else pd.DataFrame()


def held_by_node(source: Run | Path | str) -> Figure:
    """Draw the share of each node's accelerators that jobs held over simulated time, from white (none) to black."""
    run = opened(source)
    pools = _pools(run)
    held = node_numbers(run).drop(columns="time_s").to_numpy(dtype=float).T
    step = duration(float(np.diff(_edges(run))[0]))
    grouped = max(rows.together for rows in pools)
    what = f"a row {'a node' if grouped == 1 else f'for up to {grouped} nodes'}, mean over each {step}"
    subtitle = f"Share of accelerators that jobs held, {what}; at the right the average of the counted interval"
    height = 1.2 + min(max(0.12 * len(held), 0.5 * len(pools)), 4.5)
    averages = [_average(run, rows) for rows in pools]
    drawing, (ax,) = canvas(_title(pools, averages), subtitle, height=height, left=0.45)
    size, _ = time_unit(window(run)[1])
    last = float(_edges(run)[-1]) / size
    ax.imshow(
        held, cmap="Greys", vmin=0, vmax=1, aspect="auto", interpolation="none", extent=(0.0, last, float(len(held)), 0)
    )
    ax.grid(visible=False)
    if len(held) <= 40:
        ax.hlines(range(1, len(held)), 0, last, color="white", linewidth=0.8)
    _name_pools(ax, pools, averages)
    finish_time(run, [ax])
    warmup = window(run)[0] / size
    if warmup:
        ax.axvline(warmup, color=INK, linewidth=1.0, linestyle=(0, (4, 2)))
        ax.set_xlabel(ax.get_xlabel().replace("warm-up shaded", "warm-up up to the dashed line"))
    _grey_scale(drawing)
    return drawing


def _name_pools(ax: Axes, pools: list[_Rows], averages: list[FloatArray]) -> None:
    """Name the pools at the left, with lines between them, and say at the right what of each was held."""
    first, ticks = 0, []
    for rows, average in zip(pools, averages, strict=True):
        after = first + len(rows.names)
        ticks.append(((first + after) / 2, f"{shortened(rows.pool, 12)}\n{plural(rows.nodes, 'node')}"))
        whole = share(np.average(average, weights=rows.sizes))
        ax.text(1.012, (first + after) / 2, whole, transform=ax.get_yaxis_transform(), va="center", size=8.5)
        if first:
            ax.axhline(first, color=INK, linewidth=1.0)
        first = after
    ax.set_yticks([place for place, _ in ticks], [name for _, name in ticks])
    ax.tick_params(axis="y", left=False)


def _grey_scale(drawing: Figure) -> None:
    ax = drawing.add_axes((0.87, 0.2 / drawing.get_figheight(), 0.1, 0.09 / drawing.get_figheight()))
    scale = np.linspace(0, 1, 64)[None, :]
    ax.imshow(scale, cmap=mpl.colormaps["Greys"], vmin=0, vmax=1, aspect="auto", extent=(0.0, 1.0, 0.0, 1.0))
    ax.set_yticks([])
    ax.set_xticks([0, 1], ["0", "100 %"])
    ax.tick_params(labelsize=7.5, labelcolor=MUTED, length=0, pad=2)


def _pools(run: Run) -> list[_Rows]:
    """The largest pools of which jobs held something."""
    used = set(spells(run)["pool"])
    size = {
        str(name): (int(nodes), float(accelerators))
        for name, pool in (find(run.summary, "pools") or {}).items()
        if name in used and (nodes := figure(find(pool, "nodes"))) and (accelerators := find(pool, "accelerators"))
    }
    shown = sorted(size, key=lambda name: -size[name][0])[:MOST_POOLS]
    together = -(-sum(size[name][0] for name in shown) // MOST_ROWS)
    return [_Rows(name, size[name][0], size[name][1] / size[name][0], together) for name in shown]


def _edges(run: Run) -> FloatArray:
    """The instants (s) between which is averaged."""
    edges: FloatArray = np.linspace(0.0, window(run)[1], MOST_COLUMNS + 1)
    return edges


def _average(run: Run, rows: _Rows) -> FloatArray:
    """The share of each group of nodes that was held in the counted interval."""
    warmup, horizon = window(run)
    mine = spells(run)[lambda table: table["pool"] == rows.pool]
    seconds = (mine["end_s"].clip(upper=horizon) - mine["start_s"].clip(lower=warmup)).clip(lower=0.0)
    group = mine["node"].to_numpy(dtype=int) // rows.together
    held = np.bincount(group, weights=seconds * mine["accelerators"].astype(float), minlength=len(rows.sizes))
    average: FloatArray = held / (rows.sizes * rows.accelerators * (horizon - warmup))
    return average


def _held(run: Run, rows: _Rows) -> FloatArray:
    """The share of each group of nodes that was held in each interval; shape (groups, intervals).

    A spell adds to its first interval in part and to all later ones wholly, and takes the same away from its end on.
    """
    mine = spells(run)[lambda table: table["pool"] == rows.pool]
    group = mine["node"].to_numpy(dtype=int) // rows.together
    held = mine["accelerators"].to_numpy(dtype=float)
    shape = len(rows.names), MOST_COLUMNS
    partly, from_then = np.zeros((shape[0], shape[1] + 1)), np.zeros((shape[0], shape[1] + 2))
    for sign, moments in ((1.0, mine["start_s"]), (-1.0, mine["end_s"])):
        place = np.minimum(moments.to_numpy(dtype=float) / window(run)[1], 1.0) * MOST_COLUMNS
        column = np.floor(place).astype(int)
        np.add.at(partly, (group, column), sign * held * (column + 1 - place))
        np.add.at(from_then, (group, column + 1), sign * held)
    total = partly[:, : shape[1]] + np.cumsum(from_then, axis=1)[:, : shape[1]]
    shares: FloatArray = np.clip(total / (rows.sizes[:, None] * rows.accelerators), 0.0, 1.0)
    return shares


def _title(pools: list[_Rows], averages: list[FloatArray]) -> str:
    average = np.concatenate(averages)
    names = [name for rows in pools for name in rows.names]
    if len(names) == 1:
        return f"Jobs held {share(average[0])} of {names[0]}"
    low, high = int(np.argmin(average)), int(np.argmax(average))
    what = "node" if max(rows.together for rows in pools) == 1 else "nodes"
    return (
        f"Jobs held {share(average[high])} of {what} {names[high]}, the fullest, and {share(average[low])} of "
        f"{names[low]}, the emptiest"
    )
