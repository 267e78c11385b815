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
from analysis.run_folder import Run, ensemble, level_of, opened, replications, window
from analysis.statistics.intervals import student
from analysis.wording import duration, exact, number, plural


def recorded(source: Run | Path | str, kind: str, metric: str) -> pd.DataFrame:
    """One metric of all things of a kind: a row for each moment (index time_s), a column for each name.

    Of a replicated run it is the mean over replications.
    """
    run = opened(source)
    means = ensemble(run)
    if len(means):
        return _wide(means, kind, metric, "mean")
    return _wide(run.telemetry, kind, metric, "value")


def _wide(table: pd.DataFrame, kind: str, metric: str, value: str) -> pd.DataFrame:
    rows = table[(table["kind"] == kind) & (table["metric"] == metric)]
    return rows.astype({"name": str, value: float}).pivot(index="time_s", columns="name", values=value).sort_index()


def series(source: Run | Path | str, kind: str, metric: str) -> pd.DataFrame:
    """Return what was `recorded`, averaged over groups of equally many intervals: at most `MOST_POINTS` rows."""
    return averaged(recorded(source, kind, metric))


def half_widths(source: Run | Path | str, kind: str, metric: str) -> pd.DataFrame:
    """Return half the widths of the t intervals of `series` at each moment; empty of a single run.

    Moments that are averaged keep the mean of their standard errors, which is no less than that of their mean.
    """
    run = opened(source)
    level, many = level_of(run.summary), replications(run)
    if level is None or many == 1:
        return pd.DataFrame()
    return averaged(_wide(ensemble(run), kind, metric, "sem")) * student(level, many - 1)


def averaged(wide: pd.DataFrame) -> pd.DataFrame:
    """Return a table over time averaged over groups of equally many intervals: at most `MOST_POINTS` rows."""
    size = -(-len(wide) // MOST_POINTS) if len(wide) else 1
    if size == 1:
        return wide
    group = np.arange(len(wide)) // size
    ends = wide.index.to_series().groupby(group).max()
    return wide.groupby(group).mean().set_index(pd.Index(ends, name="time_s"))


def queue_numbers(source: Run | Path | str, kind: str) -> pd.DataFrame:
    """Return the lines of `queue_over_time` (`kind` service) or `jobs_over_time` (training) as numbers.

    Of a replicated run half the widths of their intervals follow, marked ±.
    """
    run = opened(source)
    waiting, running, _ = _waiting_and_running(run, kind)
    table = waiting.add_suffix(" waiting").join(running.add_suffix(" running"), how="outer")
    for metric, what in ((_WAITING[kind], "waiting"), ("running", "running")):
        half = half_widths(run, kind, metric)
        if len(half):
            table = table.join(half.reindex(columns=waiting.columns).add_suffix(f" {what} ±"))
    return table.reset_index()


_WAITING = {"service": "queue_length", "training": "queued"}


def queue_over_time(source: Run | Path | str) -> Figure:
    """Draw requests waiting (above) and running (below) by service over simulated time."""
    return _two_panels(opened(source), "service", "request")


def jobs_over_time(source: Run | Path | str) -> Figure:
    """Jobs waiting (above) and running (below) by stream over simulated time."""
    return _two_panels(opened(source), "training", "job")


def _waiting_and_running(run: Run, kind: str) -> tuple[pd.DataFrame, pd.DataFrame, int]:
    """Both tables of the busiest names, and how many names there are."""
    waiting = series(run, kind, _WAITING[kind])
    running = series(run, kind, "running")
    shown = running.mean().sort_values(ascending=False, kind="stable").index[:MOST_LINES]
    return waiting.reindex(columns=shown), running[shown], len(running.columns)


def _two_panels(run: Run, kind: str, noun: str) -> Figure:
    waiting, running, among = _waiting_and_running(run, kind)
    others = f"; the {MOST_LINES} busiest of {among}" if among > MOST_LINES else ""
    what = f"{noun.capitalize()}s in the system, {_how(run, kind, running)}{others}{bands_words(run)}"
    figure, (above, below) = canvas(_longest_queue(run, kind, noun), what, rows=2, height=4.6)
    _, horizon = window(run)
    panels = ((above, waiting, _WAITING[kind], "waiting"), (below, running, "running", "running"))
    for ax, frame, metric, word in panels:
        _lines(ax, frame, half_widths(run, kind, metric), horizon)
        ax.set_ylabel(f"{noun}s {word}")
    finish_time(run, [above, below])
    figure.align_ylabels()
    return figure


def _lines(ax: Axes, frame: pd.DataFrame, half: pd.DataFrame, span: float) -> None:
    size, _ = time_unit(span)
    ends = []
    for index, name in enumerate(frame.columns):
        values = frame[name].to_numpy(dtype=float)
        if name in half:
            band(ax, frame.index.to_numpy() / size, values, half[name].to_numpy(dtype=float), COLOURS[index])
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
    largest = float(np.nanmax(frame.to_numpy(dtype=float))) if ends else 1.0
    above = (frame + half.reindex_like(frame)).to_numpy(dtype=float)
    counts(ax, min(float(np.nanmax(above)), 2 * largest) if np.isfinite(above).any() else largest)
    label_ends(ax, ends)


def band(ax: Axes, moments: FloatArray, values: FloatArray, half: FloatArray, colour: str) -> None:
    """Draw the interval around a line of figures that are not negative."""
    low = np.maximum(values - half, 0.0)
    ax.fill_between(moments, low, values + half, color=colour, alpha=0.22, linewidth=0)


def from_zero(moments: FloatArray) -> FloatArray:
    """Return the ends of intervals with the start of the first, whose value begins at simulated time 0."""
    return np.append(0.0, moments)


def _longest_queue(run: Run, kind: str, noun: str) -> str:
    waiting = recorded(run, kind, _WAITING[kind])
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
    if over_replications(run):
        mean = f"{mean or ' on average'}{over_replications(run) if mean else over_replications(run)[4:]}"
    return f"{name}: at most {longest} waited{mean}, at {_clock(run, moment)}"


def _clock(run: Run, moment: float) -> str:
    size, unit = time_unit(window(run)[1])
    return f"{unit[:-1]} {number(round(moment / size, 1))}"


def interval(run: Run, frame: pd.DataFrame) -> str:
    """Return which mean each moment of a table stands for, in words."""
    return f"mean over each {duration(_step(run, frame))}{over_replications(run)}"


def over_replications(run: Run) -> str:
    """Return what is averaged where a run was replicated, to be added to what a moment stands for."""
    many = replications(run)
    return f" and over {many} replications" if many > 1 and len(ensemble(run)) else ""


def bands_words(run: Run) -> str:
    """Return what bands stand for; empty of a single run."""
    level = level_of(run.summary)
    return f"; bands are pointwise {exact(level * 100, 6)} % t intervals" if level and over_replications(run) else ""


def _how(run: Run, kind: str, frame: pd.DataFrame) -> str:
    """Return what each moment of a table of counts stands for: jobs are counted at instants, requests all the time."""
    if kind == "service":
        return interval(run, frame)
    seen = _step(run, recorded(run, kind, "running"))
    counted = f"counted every {duration(seen)}"
    if _step(run, frame) != seen:
        return f"{counted}, {interval(run, frame)}"
    return f"{counted}, mean{over_replications(run).removeprefix(' and')}" if over_replications(run) else counted


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
