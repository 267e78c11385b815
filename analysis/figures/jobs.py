"""How long jobs waited and how long they took, by the size of their gang or by tenant."""

from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.figures.style import (
    COLOURS,
    DASHES,
    MOST_LINES,
    FloatArray,
    canvas,
    label_on_curves,
    log_durations,
    shares,
    shortened,
    thinned,
)
from analysis.run_folder import Run, opened, window
from analysis.wording import duration, figure, find, plural, share

MEASURES = {"queueing_s": "waiting time", "jct_s": "time from submission to end"}
By = Literal["gang", "tenant"]
_NAMED = {"gang": "size of gang (accelerators, on the curves)", "tenant": "tenant"}


def survival(seconds: FloatArray, observed: FloatArray) -> FloatArray:
    """Rows (seconds, share done by then) of the Kaplan-Meier estimate; `observed` is 0 where the wait was cut off.

    Kaplan and Meier, "Nonparametric estimation from incomplete observations", 1958.
    """
    times, index = np.unique(seconds, return_inverse=True)
    ended = np.bincount(index, weights=observed, minlength=len(times))
    at_risk = len(seconds) - np.concatenate([[0], np.cumsum(np.bincount(index, minlength=len(times)))[:-1]])
    done = 1.0 - np.cumprod(1.0 - ended / at_risk)
    return np.column_stack([times, done])[ended > 0]


def job_curves(source: Run | Path | str, by: By = "gang") -> pd.DataFrame:
    """Return the curves of `job_times` as numbers: measure, gang or tenant, jobs, seconds, share_done."""
    run = opened(source)
    counted = _counted(run)
    parts = []
    for measure in MEASURES:
        for name, members in _gangs(counted) if by == "gang" else _tenants(counted):
            points = thinned(survival(*_times(run, members, measure)), 80)
            columns: dict[str, Any] = {
                "measure": measure,
                by: name,
                "jobs": len(members),
                "seconds": points[:, 0],
                "share_done": points[:, 1],
            }
            parts.append(pd.DataFrame(columns))
    names = ["measure", by, "jobs", "seconds", "share_done"]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=names)


def job_times(source: Run | Path | str, by: By = "gang") -> Figure:
    """Draw the shares of jobs that started (left) and ended (right) within each time, by size of gang or by tenant."""
    run = opened(source)
    curves = job_curves(run, by)
    jobs = len(_counted(run))
    warmup, horizon = window(run)
    subtitle = (
        f"{plural(jobs, 'job')} that arrived from {duration(warmup)} to {duration(horizon)}, by {_NAMED[by]}; "
        "jobs cut off by the end count as long as they were seen (Kaplan-Meier)"
    )
    title = _title(run) if by == "gang" else _title_of_tenants(run)
    drawing, axes = canvas(title, subtitle, columns=2, height=3.7)
    for ax, (measure, name) in zip(axes, MEASURES.items(), strict=True):
        _panel(ax, curves[curves["measure"] == measure], by, name)
    axes[0].set_ylabel("share of jobs")
    axes[1].tick_params(labelleft=False)
    return drawing


def _panel(ax: Axes, curves: pd.DataFrame, by: By, name: str) -> None:
    positive = curves.loc[curves["seconds"] > 0, "seconds"]
    high = float(positive.max()) * 1.3 if len(positive) else 10.0
    low = min(max(float(positive.quantile(0.02)) / 1.5, high * 1e-5), high / 100) if len(positive) else 1.0
    log_durations(ax, low, high)
    shares(ax)
    ax.set_xlabel(f"{name} (logarithmic)")
    drawn = []
    for index, (group, points) in enumerate(curves.groupby(by, sort=False)):
        x = np.concatenate([[low], np.maximum(points["seconds"].to_numpy(dtype=float), low)])
        y = np.concatenate([[0.0], points["share_done"].to_numpy(dtype=float)])
        if y[-1] >= 1.0:
            x, y = np.append(x, high), np.append(y, 1.0)
        ax.plot(x, y, drawstyle="steps-post", color=COLOURS[index], linestyle=DASHES[index], linewidth=1.6)
        along = np.geomspace(low, x[-1], 200)
        drawn.append((along, y[np.searchsorted(x, along, side="right") - 1], shortened(str(group), 15), COLOURS[index]))
    label_on_curves(ax, drawn)


def _counted(run: Run) -> pd.DataFrame:
    warmup, horizon = window(run)
    jobs = run.jobs
    return jobs[(jobs["submit_s"] >= warmup) & (jobs["submit_s"] < horizon) & (jobs["status"] != "rejected")]


def _gangs(jobs: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    """Jobs by gang size; of more sizes than lines, neighbours become a range where that joins the fewest jobs."""
    sizes, counts = np.unique(jobs["accelerators"].to_numpy(dtype=float), return_counts=True)
    ranges = [(size, size, count) for size, count in zip(sizes.tolist(), counts.tolist(), strict=True)]
    while len(ranges) > MOST_LINES:
        joined = [(low[0], high[1], low[2] + high[2]) for low, high in pairwise(ranges)]
        place = min(range(len(joined)), key=lambda index: joined[index][2])
        ranges[place : place + 2] = [joined[place]]
    return [
        (f"{low:g}" if low == high else f"{low:g}–{high:g}", jobs[jobs["accelerators"].between(low, high)])
        for low, high, _ in ranges
    ]


def _tenants(jobs: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    """Jobs by tenant, those with the most jobs first; where they are more than lines, the rest together."""
    names = jobs["tenant"].value_counts(sort=False).sort_values(ascending=False, kind="stable").index
    shown = names if len(names) <= MOST_LINES else names[: MOST_LINES - 1]
    groups = [(str(name), jobs[jobs["tenant"] == name]) for name in shown]
    rest = jobs[jobs["tenant"].notna() & ~jobs["tenant"].isin(shown)]
    return [*groups, (f"{len(names) - len(shown)} others", rest)] if len(rest) else groups


def _times(run: Run, jobs: pd.DataFrame, measure: str) -> tuple[FloatArray, FloatArray]:
    known = jobs[measure].to_numpy(dtype=float)
    seen = window(run)[1] - jobs["submit_s"].to_numpy(dtype=float)
    observed = np.isfinite(known)
    return np.where(observed, known, np.maximum(seen, 0.0)), observed.astype(float)


def _title(run: Run) -> str:
    streams = find(run.summary, "training") or {}
    name = max(streams, key=lambda stream: find(streams, stream, "jobs", "submitted") or 0, default=None)
    if name is None:
        return "How long jobs waited and took"
    wait, took = find(streams, name, "queueing_s", "p50"), find(streams, name, "jct_s", "p50")
    jobs = _counted(run)
    at_once = float((jobs["queueing_s"] <= 0).mean()) if len(jobs) else None
    if wait == 0 and at_once is not None:
        return f"{name}: {share(at_once)} of jobs started at once; half had ended within {duration(took)}"
    return f"{name}: half of the jobs had started within {duration(wait)} and ended within {duration(took)}"


def _title_of_tenants(run: Run) -> str:
    tenants = find(run.summary, "tenants") or {}
    took = {name: half for name in tenants if (half := figure(find(tenants, name, "jct_s", "p50"))) is not None}
    if len(took) < 2:
        return "How long the jobs of each tenant waited and took"
    first, last = min(took, key=lambda name: took[name]), max(took, key=lambda name: took[name])
    return f"Half of the jobs had ended within {duration(took[first])} for {first}, {duration(took[last])} for {last}"
