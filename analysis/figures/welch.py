"""How a fleet that starts empty settles: Welch's plot of what the warm-up rule watches."""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from analysis.figures.over_time import finish_time
from analysis.figures.style import COLOURS, INK, MUTED, FloatArray, canvas, thinned, time_unit
from analysis.quantities import in_words
from analysis.run_folder import Run, ensemble, opened, replications, window
from analysis.wording import duration, exact, find, plural, unit_of
from sim.pilot import METRICS, SECTIONS
from sim.scenario import paths
from sim.warmup import mser5

MOST_PANELS = 4
_PART = 20
"""The moving average is taken over a part of the moments: one in so many, and no fewer than five."""
_COLUMNS = ("metric", "time_s", "mean", "moving_average")


def transients(source: Run | Path | str) -> pd.DataFrame:
    """Return how long each watched metric takes to settle: metric, seconds, reliable, and where this was found.

    That is what the pilot runs found, where the warm-up was left open; else MSER-5 of the mean over replications.
    """
    run = opened(source)
    found = find(run.summary, "run", "warmup_by_metric")
    if found:
        rows = [(path, each["seconds"], each["reliable"], "pilot runs") for path, each in found.items()]
    else:
        rows = []
        for path, series in _watched(run).items():
            cut = mser5(series["mean"].to_numpy(dtype=float))
            seconds = float(series["time_s"].iloc[cut.index - 1]) if cut.index else 0.0
            rows.append((path, seconds, cut.reliable, "these replications"))
    table = pd.DataFrame(rows, columns=["metric", "seconds", "reliable", "found_in"])
    return table.sort_values("seconds", ascending=False, kind="stable", ignore_index=True)


def welch_numbers(source: Run | Path | str) -> pd.DataFrame:
    """Return the lines of `welch`: metric, time_s, mean, moving_average."""
    run = opened(source)
    watched = _watched(run)
    parts = []
    for path in _shown(run, watched):
        series = watched[path]
        smooth = moving_average(series["mean"].to_numpy(dtype=float), _half(len(series)))
        columns = np.column_stack([series["time_s"], series["mean"], smooth]).astype(float)
        part = pd.DataFrame(thinned(columns), columns=list(_COLUMNS[1:]))
        parts.append(part.assign(metric=path)[list(_COLUMNS)])
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=list(_COLUMNS))


def welch(source: Run | Path | str) -> Figure:
    """Draw the mean over replications of the metrics that take longest to settle, and its moving average.

    The warm-up of the run and the point that MSER-5 asks for are marked. Raises ValueError for a run that was not
    replicated.
    """
    run = opened(source)
    table = welch_numbers(run)
    if table.empty:
        raise ValueError("Welch's plot needs replications")
    shown = list(dict.fromkeys(table["metric"]))
    title, subtitle = _title(run), _subtitle(run, len(shown))
    figure, axes = canvas(
        title, subtitle, rows=len(shown), height=1.1 + 1.2 * len(shown), left=0.1, above=0.1, between=0.34
    )
    for ax, path in zip(axes, shown, strict=True):
        _panel(ax, run, table[table["metric"] == path], path)
    finish_time(run, axes)
    return figure


def moving_average(values: FloatArray, half: int) -> FloatArray:
    """Return means over up to `half` values on either side, as many on both; nan at the end (Welch 1983)."""
    sums = np.concatenate([[0.0], np.cumsum(values)])
    place = np.arange(len(values))
    reach = np.minimum(np.minimum(place, len(values) - 1 - place), half)
    means: FloatArray = (sums[place + reach + 1] - sums[place - reach]) / (2 * reach + 1)
    return np.where(place + half < len(values), means, np.nan)


def _half(moments: int) -> int:
    return max(2, moments // _PART // 2)


def _watched(run: Run) -> dict[str, pd.DataFrame]:
    """The ensemble of each metric that the warm-up rule watches, by its path."""
    table = ensemble(run)
    watched = table[table["metric"].isin(METRICS)]
    found = {}
    for (kind, name, metric), series in watched.groupby(["kind", "name", "metric"], sort=False):
        path = ("fleet", str(metric)) if kind == "fleet" else (SECTIONS[str(kind)], str(name), str(metric))
        found[paths.join(path)] = series.sort_values("time_s")
    return found


def _shown(run: Run, watched: dict[str, pd.DataFrame]) -> list[str]:
    """The paths that take longest; the power of the fleet says nothing new of a fleet with one pool."""
    alone = sum(path.startswith("pools.") and path.endswith("power_w") for path in watched) == 1
    left_out = {"fleet.power_w"} if alone else set()
    return [path for path in transients(run)["metric"] if path in watched.keys() - left_out][:MOST_PANELS]


def _panel(ax: Axes, run: Run, lines: pd.DataFrame, path: str) -> None:
    size, _ = time_unit(window(run)[1])
    moments = lines["time_s"].to_numpy(dtype=float) / size
    largest = float(lines["mean"].abs().max())
    scale, unit = unit_of("power", largest) if path.endswith("power_w") else (1.0, "")
    if path.endswith(".busy"):
        scale, unit = 0.01, "%"
    ax.plot(moments, lines["mean"] / scale, color=COLOURS[0], alpha=0.4, linewidth=0.8)
    ax.plot(moments, lines["moving_average"] / scale, color=COLOURS[0], linewidth=2.0)
    every = transients(run).set_index("metric")["seconds"]
    if path in every:
        point, foot = float(every[path]) / size, ax.get_xaxis_transform()
        ax.plot([point], [0], marker="v", color=COLOURS[1], markersize=8, clip_on=False, transform=foot, zorder=5)
    ax.axvline(window(run)[0] / size, color=INK, linewidth=1.2, linestyle=(0, (4, 2)))
    ax.set_ylim(bottom=0)
    ax.yaxis.set_major_locator(MaxNLocator(nbins=4))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: exact(round(value, 9), 5)))
    ax.set_title(f"{_words(path)}{f' ({unit})' if unit else ''}", loc="left", size=9, color=INK, pad=3)
    ax.tick_params(axis="y", labelcolor=MUTED)


def _words(path: str) -> str:
    return in_words(path).replace("queue length", "requests waiting").replace(" queued", " jobs waiting")


def _title(run: Run) -> str:
    every = transients(run)
    warmup = window(run)[0]
    longest = every.iloc[0]
    if not every["reliable"].all():
        short = every[~every["reliable"].astype(bool)]
        return (
            f"{_words(str(short.iloc[0]['metric']))} had not settled by half of the run: the run is too short to tell"
        )
    if longest["seconds"] > warmup:
        beyond = f"beyond the warm-up of {duration(warmup)}" if warmup else "and there is no warm-up"
        return f"{_words(str(longest['metric']))} settles after {duration(longest['seconds'])}, {beyond}"
    return f"The fleet has settled within the warm-up of {duration(warmup)}"


def _subtitle(run: Run, shown: int) -> str:
    moments = next(iter(_watched(run).values()))["time_s"].to_numpy(dtype=float)
    step = float(np.median(np.diff(moments))) if len(moments) > 1 else 0.0
    window_words = duration(step * (2 * _half(len(moments)) + 1))
    every = len(transients(run))
    which = f"the {shown} of {every} watched metrics that take longest" if every > shown else plural(every, "metric")
    return (
        f"Welch's plot: {which}; mean over {replications(run)} replications (faint) and its moving average over "
        f"{window_words} (bold); dashed: end of the warm-up; triangle: where MSER-5 would cut"
    )
