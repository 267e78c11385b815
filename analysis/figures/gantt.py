"""Few jobs one by one: when each came, waited, ran, was stopped and ended."""

from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from analysis.figures.over_time import finish_time
from analysis.figures.style import COLOURS, INK, MOST_LINES, MUTED, canvas, legend_above, shortened, time_unit
from analysis.run_folder import Run, opened, spells, window
from analysis.wording import plural

MOST_JOBS = 60
_HATCHES = ("", "////", "....", "xxxx", "\\\\\\\\")
_STOPS = {"preempted": ("<", "white"), "failed": ("X", "black"), "resized": ("D", "white")}
"""Marker and its filling at the end of a spell."""


def gantt_numbers(source: Run | Path | str) -> pd.DataFrame:
    """Return the bars of `job_gantt` as numbers, one row a spell; none where there are too many jobs to be drawn.

    Columns: job_id, group (tenant, or stream where it has none), gang, submit_s, accelerators, pool, start_s, end_s,
    outcome.
    """
    run = opened(source)
    jobs, held = run.jobs, spells(run)
    if not 0 < len(jobs) <= MOST_JOBS or held.empty:
        return pd.DataFrame()
    keys = ["job_id", "pool", "start_s", "end_s", "outcome"]
    bars = held.groupby(keys, sort=False)["accelerators"].sum().reset_index()
    about = jobs.assign(group=jobs["tenant"].fillna(jobs["stream"]), gang=jobs["accelerators"])
    told = about[about["status"] != "rejected"][["job_id", "group", "gang", "submit_s"]]
    found = told.merge(bars, on="job_id", how="left").sort_values(["submit_s", "job_id", "start_s"], kind="stable")
    return found[["job_id", "group", "gang", "submit_s", "accelerators", "pool", "start_s", "end_s", "outcome"]]


def job_gantt(source: Run | Path | str) -> Figure:
    """Draw a row for each job: a thin line from submission to end, a bar for each time in which it ran."""
    run = opened(source)
    numbers = gantt_numbers(run)
    groups = list(dict.fromkeys(numbers["group"]))
    rows = {job_id: row for row, job_id in enumerate(dict.fromkeys(numbers["job_id"]))}
    subtitle = (
        "A row a job, in order of submission, with the accelerators that it asked for; a line while it waits, a bar "
        "while it runs, marked where it is stopped"
    )
    height = 1.2 + 0.155 * max(len(rows), 4)
    drawing, (ax,) = canvas(_title(numbers, len(rows)), subtitle, height=height, left=0.55, above=0.2)
    size, _ = time_unit(window(run)[1])
    for job_id, own in numbers.groupby("job_id", sort=False):
        _row(ax, run, own, rows[job_id], size, groups.index(own["group"].iloc[0]))
    gangs = numbers.drop_duplicates("job_id").set_index("job_id")["gang"]
    ax.set_yticks(list(rows.values()), [f"{shortened(str(job), 13)} · {gangs[job]}" for job in rows])
    ax.tick_params(axis="y", labelsize=7, left=False)
    ax.set_ylim(len(rows) - 0.4, -0.6)
    ax.grid(visible=False, axis="y")
    finish_time(run, [ax])
    _legend(ax, numbers, groups)
    return drawing


def _row(ax: Axes, run: Run, own: pd.DataFrame, row: int, size: float, group: int) -> None:
    ran = own[own["start_s"].notna()]
    ended = len(ran) and ran["outcome"].iloc[-1] == "completed"
    last = ran["end_s"].iloc[-1] if ended else window(run)[1]
    ax.hlines(row, own["submit_s"].iloc[0] / size, last / size, color=MUTED, linewidth=0.8, zorder=0.8)
    widths = (ran["end_s"] - ran["start_s"]) / size
    ax.barh([row] * len(ran), widths, left=ran["start_s"] / size, height=0.66, **_look(group), linewidth=0.5)
    for outcome, (marker, filling) in _STOPS.items():
        stopped = ran.loc[ran["outcome"] == outcome, "end_s"] / size
        ax.plot(stopped, [row] * len(stopped), marker, color=INK, markerfacecolor=filling, markersize=4, linewidth=0)


def _look(group: int) -> dict[str, Any]:
    """Colour and hatch of a group; what is more than there are colours shares the last."""
    number = min(group, MOST_LINES - 1)
    return {"facecolor": COLOURS[number], "hatch": _HATCHES[number], "edgecolor": "white"}


def _legend(ax: Axes, numbers: pd.DataFrame, groups: list[str]) -> None:
    """Say which bars are whose, and what the marks mean that there are."""
    handles: list[Artist] = []
    for number, name in enumerate(groups[:MOST_LINES]):
        more = f" and {len(groups) - MOST_LINES} more" if number == MOST_LINES - 1 and len(groups) > MOST_LINES else ""
        handles.append(Patch(**_look(number), label=shortened(str(name), 18) + more))
    for outcome, (marker, filling) in _STOPS.items():
        if (numbers["outcome"] == outcome).any():
            mark = Line2D([], [], color=INK, marker=marker, markerfacecolor=filling, markersize=4, linewidth=0)
            mark.set_label(outcome)
            handles.append(mark)
    legend_above(ax, 6, handles)


def _title(numbers: pd.DataFrame, jobs: int) -> str:
    counts = {outcome: int((numbers["outcome"] == outcome).sum()) for outcome in _STOPS}
    said = [f"{plural(count, 'time')} {outcome}" for outcome, count in counts.items() if count]
    return f"{plural(jobs, 'job')} one by one" + (f", {' and '.join(said)}" if said else ", none of them stopped")
