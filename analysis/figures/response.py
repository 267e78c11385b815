"""How a metric of a study answers to what was varied: lines, dots with intervals, or a map of two numbers."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from analysis.figures.response_dots import response_dots
from analysis.figures.response_lines import MOST_PANELS, response_lines, response_scatter
from analysis.figures.response_map import response_map
from analysis.figures.study import numeric, path_words, response_numbers, varied
from analysis.figures.style import MOST_LINES, shortened
from analysis.quantities import THIN_NOTE, in_words, worded
from analysis.wording import exact, listed, plural

_FEW = 5
"""Values of a number up to which it may be told apart by lines."""


def response(data: Mapping[str, Any], metric: str) -> Figure:
    """Draw a metric of a study (the contents of study.json) over what was varied, with intervals.

    A number on x with a line for each value of a second path; dots where nothing varied is a number; a map of two
    numbers with many values; panels for a third path, or for each path of a design that is no grid. Raises ValueError
    where no point has an estimate.
    """
    table = response_numbers(data, metric).dropna(subset=["mean"])
    if table.empty:
        raise ValueError(f"no point has an estimate of {metric}")
    title, subtitle = _title(table, metric), _subtitle(data, table, metric)
    paths = varied(data, table)
    numbers = [path for path in paths if numeric(list(table[path])) is not None]
    if data.get("design") in ("sobol", "latin_hypercube") and numbers:
        return response_scatter(table, metric, numbers, paths, title, subtitle)
    if data.get("design") == "paired" and numbers:
        also = [path_words(path, paths) for path in _others(paths, numbers[:1])]
        subtitle += f"; {listed(also)} vary along with it" if also else ""
        numbers, paths = numbers[:1], numbers[:1]
    if not numbers or (
        len(paths) > 1 and len(numbers) == 1 and table[_others(paths, numbers)[0]].nunique() > MOST_LINES
    ):
        return response_dots(table, metric, paths, title, subtitle)
    x, *rest = numbers[:1] + _others(paths, numbers[:1])
    if rest and rest[0] in numbers and table[rest[0]].nunique() > _FEW >= table[x].nunique():
        x, rest = rest[0], [x, *rest[1:]]
    groups = _panels(table, rest[1:])
    shown = groups[:MOST_PANELS]
    more = f"; the first {MOST_PANELS} of {len(groups)} panels" if len(groups) > MOST_PANELS else ""
    if rest and table[rest[0]].nunique() > _FEW:
        what = _subtitle(data, table, metric, cells=True) + more
        return response_map(shown, metric, x, rest[0], paths, title, what)
    return response_lines(shown, metric, x, rest[:1], paths, title, subtitle + more)


def _others(paths: Sequence[str], chosen: Sequence[str]) -> list[str]:
    return [path for path in paths if path not in chosen]


def _panels(table: pd.DataFrame, paths: Sequence[str]) -> list[tuple[str, pd.DataFrame]]:
    """The points by their values of the paths that are neither x nor lines, each with its name."""
    if not paths:
        return [("", table)]
    names = table[list(paths)].agg(", ".join, axis=1)
    return [
        (f"{', '.join(path_words(path, paths) for path in paths)}: {name}", table[names == name])
        for name in dict.fromkeys(names)
    ]


def _title(table: pd.DataFrame, metric: str) -> str:
    """The lowest and the highest estimate, and where; or that no two of them can be told apart."""
    lowest, highest = (table.iloc[place] for place in (table["mean"].argmin(), table["mean"].argmax()))
    name = in_words(metric)
    if len(table) == 1 or lowest["mean"] == highest["mean"]:
        return f"{name} is {worded(metric, lowest['mean'])}"
    ends = [f"{worded(metric, row['mean'])} ({shortened(str(row['label']), 60)})" for row in (lowest, highest)]
    return f"{name} goes from {ends[0]} to {ends[1]}"


def _subtitle(data: Mapping[str, Any], table: pd.DataFrame, metric: str, *, cells: bool = False) -> str:
    rows = [row for row in data.get("estimates") or [] if row["metric"] == metric]
    level = next((row.get("level") for row in rows if row.get("level")), 0.95)
    counts = sorted({int(n) for n in table["n"].dropna()})
    looks = "" if not counts else f"{counts[0]}" if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
    replications = f", {looks} replications each" if looks else ""
    bare = table["low"].isna() | table["high"].isna() | table["flagged"].astype(bool)
    note = THIN_NOTE if cells else f"hollow: {THIN_NOTE.partition(' ')[2]}"
    percent = exact(float(level) * 100, 6)
    shown = f"small: half the width of the {percent} % interval" if cells else f"bars are {percent} % intervals"
    return f"Estimates of {plural(len(table), 'point')}{replications}; {shown}{f'; {note}' if bare.any() else ''}"
