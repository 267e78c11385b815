"""The page of a comparison: how systems differ from one of them, metric by metric."""

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import pandas as pd

from analysis import figures
from analysis.difference_words import (
    best,
    compared,
    difference_findings,
    difference_introduction,
    part_of,
    thin,
    verdict,
)
from analysis.figures.differences import COLUMNS
from analysis.quantities import THIN_NOTE, difference, in_words, low_to_high, worded
from analysis.report.elements import Cell, Chart, Finding, Section, Table, chart, said
from analysis.report.page import Page, filled
from analysis.wording import listed, plural

MOST_ROWS = 28
"""Rows of one chart, so that it fits a printed page."""


def comparison_page(data: Mapping[str, Any]) -> Page:
    """Return the page of the contents of comparison.json."""
    rows: list[dict[str, Any]] = data.get("rows") or []
    baseline = said(data.get("baseline"))
    systems = data.get("systems") or []
    others = [said(each.get("label")) for each in systems if each.get("label") != data.get("baseline")]
    return Page(
        kind="Comparison of simulated fleets",
        name=f"{listed(others[:3]) if len(others) <= 3 else plural(len(others), 'system')} against {baseline}",
        lead="",
        findings=[*map(Finding, (compared(data), *difference_findings(rows, baseline))), *best_finding(data)],
        notes=data.get("notes") or [],
        sections=filled(
            [
                Section("Differences", difference_introduction(data), difference_items(rows, baseline)),
                Section("Systems", "", [_systems(systems)]),
                Section("Provenance", "", [_provenance(data)]),
            ]
        ),
    )


def difference_items(rows: Sequence[Mapping[str, Any]], baseline: str) -> list[Table | Chart]:
    """Return the charts of differences from a baseline, no taller than a page, and the table of all."""
    frame = pd.DataFrame(list(rows), columns=list(COLUMNS))
    metrics = list(dict.fromkeys(frame["metric"]))
    together = max(1, MOST_ROWS // max(1, min(frame["system"].nunique(), figures.MOST_SYSTEMS)))
    charts = [
        each
        for first in range(0, len(metrics), together)
        for each in _chart(
            frame[frame["metric"].isin(metrics[first : first + together])], baseline, first // together + 1
        )
    ]
    return [*charts, difference_table(rows, baseline)]


def _chart(frame: pd.DataFrame, baseline: str, number_: int) -> Iterable[Chart]:
    draw = partial(figures.paired_differences, frame, baseline)
    yield from chart(draw, figures.difference_numbers(frame), f"differences-{number_}")


def difference_table(rows: Sequence[Mapping[str, Any]], baseline: str) -> Table:
    """Return the values, differences and intervals of all systems, metric by metric."""
    table: list[list[str | Cell]] = [
        [
            in_words(row["metric"]),
            said(row["system"]),
            worded(row["metric"], row["baseline"]),
            worded(row["metric"], row["value"]),
            Cell(difference(row["metric"], row["difference"]), _ends(row)),
            part_of(row),
            verdict(row),
        ]
        for row in rows
    ]
    columns = ("metric", "system", baseline, "system's", "difference", "relative", "verdict")
    return Table("Differences", columns, table, 2, note=THIN_NOTE if any(map(thin, rows)) else "")


def _ends(row: Mapping[str, Any]) -> str:
    return low_to_high(row["metric"], {**row, "mean": row["difference"]}, signed=True)


def best_finding(data: Mapping[str, Any]) -> list[Finding]:
    """Return the sentence about the system that was chosen as the best; nothing without one."""
    found = best(data)
    return [] if found is None else [Finding(found[0], "good" if found[1] else "plain")]


def _systems(systems: Sequence[Mapping[str, Any]]) -> Table:
    keys = ("label", "name", "folder", "seed", "replications", "scenario_sha256")
    rows = [[said(each.get(key)) for key in keys] for each in systems]
    return Table(
        "What was compared", ("system", "scenario", "folder", "seed", "replications", "scenario (SHA-256)"), rows, 6
    )


def _provenance(data: Mapping[str, Any]) -> Table:
    folders = " ".join(said(each.get("folder")) for each in data.get("systems") or [])
    rows = [["to compare them again", f"fleetsim compare {folders}"], ["versions", said(data.get("versions"))]]
    return Table("This comparison", ("", ""), rows, 2)
