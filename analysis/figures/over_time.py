"""Queues as they changed over simulated time, and what charts over time share."""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.figures.style import (
    COLOURS,
    DASHES,
    MOST_LINES,
    MOST_POINTS,
    FloatArray,
    canvas,
    counts,
    label_ends,
    time_axis,
    time_unit,
)
from analysis.run_folder import Run, opened, window
from analysis.wording import duration, number, plural


def recorded(source: Run | Path | str, kind: str, metric: str) -> pd.DataFrame:
    """One metric of all things of a kind: a row for each moment (index time_s), a column for each name."""
    table = opened(source).telemetry
    rows = table[(table["kind"] == kind) & (table["metric"] == metric)]
    return rows.astype({"name": str, "value": float}).pivot(index="time_s", columns="name", values="value").sort_index()


def series(source: Run | Path | str, kind: str, metric: str) -> pd.DataFrame:
    """Return what was `recorded`, averaged over groups of equally many intervals: at most `MOST_POINTS` rows."""
    wide = recorded(source, kind, metric)
    size = -(-len(wide) // MOST_POINTS) if len(wide) else 1
    if size == 1:
        return wide
    group = np.arange(len(wide)) // size
    ends = wide.index.to_series().groupby(group).max()
    return wide.groupby(group).mean().set_index(pd.Index(ends, name="time_s"))


def queue_numbers(source: Run | Path | str, kind: str) -> pd.DataFrame:
    """Return the lines of `queue_over_time` (`kind` service) or `jobs_over_time` (training) as numbers."""
    waiting, running, _ = _waiting_and_running(opened(source), kind)
    return waiting.add_suffix(" waiting").join(running.add_suffix(" running"), how="outer").reset_index()


def queue_over_time(source: Run | Path | str) -> Figure:
    """Draw requests waiting (above) and running (below) by service over simulated time."""
    return _two_panels(opened(source), "service", "request")


def jobs_over_time(source: Run | Path | str) -> Figure:
    """Jobs waiting (above) and running (below) by stream over simulated time."""
    return _two_panels(opened(source), "training", "job")


def _waiting_and_running(run: Run, kind: str) -> tuple[pd.DataFrame, pd.DataFrame, int]:
    """Both tables of the busiest names, and how many names there are."""
    waiting = series(run, kind, "queue_length" if kind == "service" else "queued")
    running = series(run, kind, "running")
    shown = running.mean().sort_values(ascending=False, kind="stable").index[:MOST_LINES]
    return waiting.reindex(columns=shown), running[shown], len(running.columns)


def _two_panels(run: Run, kind: str, noun: str) -> Figure:
    waiting, running, among = _waiting_and_running(run, kind)
    others = f"; the {MOST_LINES} busiest of {among}" if among > MOST_LINES else ""
    what = f"{noun.capitalize()}s in the system, {_how(run, kind, running)}{others}"
    figure, (above, below) = canvas(_longest_queue(run, kind, noun), what, rows=2, height=4.6)
    _, horizon = window(run)
    for ax, frame, label in ((above, waiting, f"{noun}s waiting"), (below, running, f"{noun}s running")):
        _lines(ax, frame, horizon)
        ax.set_ylabel(label)
    finish_time(run, [above, below])
    figure.align_ylabels()
    return figure


def _lines(ax: Axes, frame: pd.DataFrame, span: float) -> None:
    size, _ = time_unit(span)
    ends = []
    for index, name in enumerate(frame.columns):
        values = frame[name].to_numpy(dtype=float)
        ax.plot(
            from_zero(frame.index.to_numpy() / size),
            np.append(values[:1], values),
            color=COLOURS[index],
            linestyle=DASHES[index],
            linewidth=1.3,
        )
        known = values[np.isfinite(values)]
        if len(known):
            ends.append((float(known[-1]), str(name), COLOURS[index]))
    largest = np.nanmax(frame.to_numpy(dtype=float)) if ends else 1.0
    counts(ax, float(largest))
    label_ends(ax, ends)


def from_zero(moments: FloatArray) -> FloatArray:
    """Return the ends of intervals with the start of the first, whose value begins at simulated time 0."""
    return np.append(0.0, moments)


def _longest_queue(run: Run, kind: str, noun: str) -> str:
    waiting = recorded(run, kind, "queue_length" if kind == "service" else "queued")
    waiting = waiting[waiting.index > window(run)[0]]
    peaks = waiting.max().dropna()
    if peaks.empty:
        return f"{noun.capitalize()}s waiting and running"
    if peaks.max() == 0:
        return f"No {noun} was seen waiting"
    name = peaks.idxmax()
    moment = float(waiting.index[int(np.nanargmax(waiting[name].to_numpy(dtype=float)))])
    longest = plural(round(peaks.max()) if peaks.max() >= 10 else round(peaks.max(), 2), noun)
    mean = f" on average over {duration(_step(run, waiting))}" if kind == "service" else ""
    return f"{name}: at most {longest} waited{mean}, at {_clock(run, moment)}"


def _clock(run: Run, moment: float) -> str:
    size, unit = time_unit(window(run)[1])
    return f"{unit[:-1]} {number(round(moment / size, 1))}"


def interval(run: Run, frame: pd.DataFrame) -> str:
    """Return which mean each moment of a table stands for, in words."""
    return f"mean over each {duration(_step(run, frame))}"


def _how(run: Run, kind: str, frame: pd.DataFrame) -> str:
    """Return what each moment of a table of counts stands for: jobs are counted at instants, requests all the time."""
    if kind == "service":
        return interval(run, frame)
    seen = _step(run, recorded(run, kind, "running"))
    counted = f"counted every {duration(seen)}"
    return counted if _step(run, frame) == seen else f"{counted}, {interval(run, frame)}"


def _step(run: Run, frame: pd.DataFrame) -> float:
    """Return the seconds between two moments of a table."""
    moments = frame.index.to_numpy(dtype=float)
    if len(moments) > 1:
        return float(np.median(np.diff(moments)))
    return float(moments[0]) if len(moments) else window(run)[1]


def finish_time(run: Run, axes: list[Axes]) -> None:
    """Give axes that stand above one another the simulated time of a run as their common x axis."""
    warmup, horizon = window(run)
    for ax in axes:
        time_axis(ax, horizon, warmup)
    for ax in axes[:-1]:
        ax.tick_params(labelbottom=False)
    note = ", warm-up shaded" if warmup > 0 else ""
    axes[-1].set_xlabel(f"simulated time ({time_unit(horizon)[1]}{note})")
