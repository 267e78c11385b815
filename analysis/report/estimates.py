"""Figures of a summary as a page shows them: with their interval where one is known."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from analysis.quantities import THIN, THIN_NOTE, low_to_high, worded
from analysis.report.elements import Cell, Table
from analysis.run_folder import Run, interval, level_of, place_name, replications, without_interval
from analysis.wording import SPACE, exact, find
from sim.scenario import paths


def estimate(summary: Mapping[str, Any], *keys: str) -> str | Cell:
    """Return the figure under these keys of a summary, with its interval below it."""
    path = paths.join(keys)
    text, below = worded(path, find(summary, *keys)), interval_words(summary, *keys)
    return Cell(text, below) if below else text


def interval_words(summary: Mapping[str, Any], *keys: str) -> str:
    """Return the interval of a figure in words; empty where there is none."""
    return low_to_high(paths.join(keys), interval(summary, *keys))


def thin_note(rows: Sequence[Sequence[str | Cell]]) -> str:
    """Return what explains the mark of a thin interval, where a cell bears it."""
    return THIN_NOTE if any(isinstance(cell, Cell) and cell.interval == THIN for row in rows for cell in row) else ""


def figures_table(
    summary: Mapping[str, Any],
    title: str,
    section: str,
    word: str,
    places: Iterable[tuple[str, ...]],
    columns: Mapping[tuple[str, ...], str],
) -> Table:
    """Return a row for each place in a section of the summary, a column for each of the figures under its keys."""
    rows = [[place_name(place), *(estimate(summary, section, *place, *keys) for keys in columns)] for place in places]
    return Table(title, (word, *columns.values()), rows, note=thin_note(rows))


def estimated_words(run: Run) -> str:
    """Return what the figures of a run and the intervals below them are; empty where there are none."""
    level = level_of(run.summary)
    if level is None:
        return ""
    percent, many = f"{exact(level * 100, 6)}{SPACE}%", replications(run)
    if many > 1:
        return f" Figures are estimates over {many} replications; below them their {percent} intervals."
    said = f" Below the figures their {percent} intervals, from batches of this one run"
    return f"{said}{', where it can carry them' * bool(without_interval(run.summary))}."
