"""How much of each pool was held and busy, and the power it drew, over simulated time."""

from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from analysis.figures.over_time import (
    band,
    bands_words,
    finish_time,
    from_zero,
    half_widths,
    interval,
    over_replications,
    series,
)
from analysis.figures.style import (
    COLOURS,
    DASHES,
    INK,
    MOST_LINES,
    MUTED,
    canvas,
    label_ends,
    shares,
    shortened,
    time_unit,
)
from analysis.run_folder import Run, opened, window
from analysis.wording import find, number, power, share

MOST_STRIPS = 8
_STACK = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#999999")


def utilization_numbers(source: Run | Path | str) -> pd.DataFrame:
    """Return the strips of `utilization_over_time` as numbers, two columns for each pool."""
    run = opened(source)
    held, busy = (series(run, "pool", metric) for metric in ("allocated", "busy"))
    pools = _largest(run, held)
    table = held[pools].add_suffix(" held").join(busy.reindex(columns=pools).add_suffix(" busy"), how="outer")
    for metric, what in (("allocated", "held"), ("busy", "busy")):
        half = half_widths(run, "pool", metric)
        if len(half):
            table = table.join(half.reindex(columns=pools).add_suffix(f" {what} ±"))
    return table.reset_index()


def utilization_over_time(source: Run | Path | str) -> Figure:
    """Draw the share of each pool's accelerators that was held and that was busy, as strips coloured from 0 to 1.

    Of a replicated run they are lines with bands.
    """
    run = opened(source)
    if over_replications(run):
        return _utilization_lines(run)
    held, busy = series(run, "pool", "allocated"), series(run, "pool", "busy")
    pools = _largest(run, held)
    note = f"; the {MOST_STRIPS} largest of {len(held.columns)} pools" if len(held.columns) > MOST_STRIPS else ""
    what = f"Share of installed accelerators, {interval(run, held)}; average of the counted interval at the right{note}"
    height = 1.5 + 0.66 * len(pools)
    figure, axes = canvas(_utilization_title(run, pools), what, rows=len(pools), height=height, left=0.9)
    colours = mpl.colormaps["cividis"].with_extremes(bad="#ffffff")
    size, _ = time_unit(window(run)[1])
    warmup = window(run)[0] / size
    for ax, name in zip(axes, pools, strict=True):
        ax.grid(visible=False)
        cells = np.vstack([busy.reindex(held.index)[name].to_numpy(dtype=float), held[name].to_numpy(dtype=float)])
        last = float(held.index[-1])
        if not np.isfinite(cells).all() or last < window(run)[1]:
            ax.patch.set(hatch="////", edgecolor=MUTED)
        ax.imshow(
            np.ma.masked_invalid(cells),
            cmap=colours,
            vmin=0,
            vmax=1,
            aspect="auto",
            interpolation="none",
            origin="lower",
            extent=(0.0, last / size, 0.0, 2.0),
        )
        ax.axhline(1.0, color="white", linewidth=1.5)
        ax.axvspan(0, warmup, color="white", alpha=0.65, linewidth=0)
        ax.set_yticks([0.5, 1.5], ["busy", "held"])
        ax.text(
            -0.115,
            0.5,
            shortened(str(name), 14),
            transform=ax.transAxes,
            ha="right",
            va="center",
            size=9,
            weight="bold",
            color=INK,
        )
        for height, metric in ((0.25, "busy"), (0.75, "allocated")):
            average = find(run.summary, "pools", str(name), "utilization", metric)
            ax.text(1.012, height, share(average), transform=ax.transAxes, va="center", size=8.5, color=INK)
    finish_time(run, axes)
    _colour_scale(figure)
    return figure


def _utilization_lines(run: Run) -> Figure:
    held, busy = series(run, "pool", "allocated"), series(run, "pool", "busy")
    pools = _largest(run, held)
    note = f"; the {MOST_STRIPS} largest of {len(held.columns)} pools" if len(held.columns) > MOST_STRIPS else ""
    what = f"Share of installed accelerators, {interval(run, held)}{bands_words(run)}{note}"
    height = 1.2 + 1.25 * len(pools)
    figure, axes = canvas(_utilization_title(run, pools), what, rows=len(pools), height=height, left=0.1)
    size, _ = time_unit(window(run)[1])
    for ax, name in zip(axes, pools, strict=True):
        ends = []
        for index, (metric, frame, word) in enumerate((("allocated", held, "held"), ("busy", busy, "busy"))):
            values, moments = frame[name].to_numpy(dtype=float), frame.index.to_numpy() / size
            half = half_widths(run, "pool", metric)
            if name in half:
                band(ax, moments, values, half[name].to_numpy(dtype=float), COLOURS[index])
            ax.plot(moments, values, color=COLOURS[index], linestyle=DASHES[index], linewidth=1.4)
            ends.append((float(values[-1]), word, COLOURS[index]))
        shares(ax)
        label_ends(ax, ends)
        ax.set_title(str(name), loc="left", size=9, weight="bold", color=INK, pad=3)
    finish_time(run, axes)
    return figure


def _colour_scale(figure: Figure) -> None:
    ax = figure.add_axes((0.87, 0.2 / figure.get_figheight(), 0.1, 0.09 / figure.get_figheight()))
    ax.imshow(
        np.linspace(0, 1, 64)[None, :], cmap="cividis", vmin=0, vmax=1, aspect="auto", extent=(0.0, 1.0, 0.0, 1.0)
    )
    ax.set_yticks([])
    ax.set_xticks([0, 1], ["0", "100 %"])
    ax.tick_params(labelsize=7.5, labelcolor=MUTED, length=0, pad=2)
    for spine in ax.spines.values():
        spine.set_visible(False)


def _largest(run: Run, held: pd.DataFrame) -> list[str]:
    """Return the largest pools by installed accelerators."""
    size = {name: find(run.summary, "pools", str(name), "accelerators") or 0 for name in held.columns}
    return sorted(size, key=lambda name: -size[name])[:MOST_STRIPS]


def _utilization_title(run: Run, pools: list[str]) -> str:
    busiest = [(find(run.summary, "pools", str(name), "utilization", "busy"), name) for name in pools]
    known = [(value, name) for value, name in busiest if value is not None]
    if not known:
        return "Utilization of the pools"
    value, name = max(known, key=lambda pair: pair[0])
    held = find(run.summary, "pools", str(name), "utilization", "allocated")
    if len(known) == 1:
        return f"{name} was busy {share(value)} of the time and held {share(held)}"
    return f"{name} was the busiest pool: {share(value)} busy, {share(held)} held"


def power_numbers(source: Run | Path | str) -> pd.DataFrame:
    """Return the areas of `power_over_time` as numbers: watts by pool, the steadiest first."""
    watts = series(source, "pool", "power_w")
    if watts.empty:
        return watts.reset_index()
    swing = (watts.max() - watts.min()).sort_values(kind="stable")
    if len(swing) > MOST_LINES:
        largest = set(watts.mean().sort_values(ascending=False, kind="stable").index[: MOST_LINES - 1])
        rest = [name for name in watts.columns if name not in largest]
        watts = watts.drop(columns=rest).assign(**{"all others": watts[rest].sum(axis=1)})
        swing = (watts.max() - watts.min()).sort_values(kind="stable")
    return watts[list(swing.index)].reset_index()


def power_over_time(source: Run | Path | str) -> Figure:
    """Electric power of the pools over simulated time, stacked, the steadiest pool at the bottom."""
    run = opened(source)
    watts = power_numbers(run).set_index("time_s")
    total = watts.sum(axis=1)
    counted = total[total.index > window(run)[0]]
    peak, over = power(counted.max()), interval(run, watts).removeprefix("mean over each ")
    title = f"The fleet draws {power(counted.mean())} on average, and at most {peak} over {over}"
    figure, (ax,) = canvas(title, f"Accelerators and hosts by pool, before PUE, {interval(run, watts)}")
    size, _ = time_unit(window(run)[1])
    largest = float(total.max())
    scale, unit = (1e6, "MW") if largest >= 2e6 else (1e3, "kW") if largest >= 2e3 else (1.0, "W")
    moments = from_zero(watts.index.to_numpy() / size)
    floor = np.zeros(len(moments))
    ends = []
    for index, name in enumerate(watts.columns):
        values = watts[name].fillna(0.0).to_numpy() / scale
        top = floor + np.append(values[:1], values)
        ax.fill_between(moments, floor, top, color=_STACK[index], alpha=0.85, edgecolor="white", linewidth=0.8)
        ends.append(((floor[-1] + top[-1]) / 2, str(name), INK))
        floor = top
    ax.plot(moments, floor, color=INK, linewidth=1.0)
    ax.set_ylim(0, largest / scale * 1.08 or 1.0)
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: number(value)))
    ax.set_ylabel(f"power ({unit})")
    label_ends(ax, ends)
    finish_time(run, [ax])
    return figure
