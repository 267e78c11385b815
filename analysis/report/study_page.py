"""The page of a study: how each metric answers to what was varied."""

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from analysis import figures
from analysis.figures.study import path_words, response_numbers
from analysis.quantities import THIN, THIN_NOTE, in_words, low_to_high, worded
from analysis.report.comparison_page import best_finding, difference_items
from analysis.report.elements import Cell, Chart, Finding, Section, Table, chart, said
from analysis.report.page import Page, filled
from analysis.wording import SPACE, UNKNOWN, duration, exact, figure, number, plural

MOST_POINTS = 60
"""Rows of the table of estimates; points.parquet has them all."""
MOST_CHARTS = 12
MOST_SENTENCES = 6


def study_page(data: Mapping[str, Any]) -> Page:
    """Return the page of the contents of study.json."""
    metrics = [str(metric) for metric in data.get("metrics") or []]
    rows = data.get("differences") or []
    baseline = said(data.get("baseline")) if data.get("baseline") is not None else "the baseline"
    return Page(
        kind="Report of a study",
        name=said(data.get("study")),
        lead=data.get("description") or "",
        findings=[_setting(data), *best_finding(data), *_extremes(data, metrics), *_failures(data)],
        sections=filled(
            [
                Section("Responses", "", [*_charts(data, metrics), _estimates(data, metrics)]),
                Section(f"Differences from {baseline}", _judged(rows), difference_items(rows, baseline)),
                Section("Failed points", "", [_failed(data)]),
                Section("Design", "", [_varied(data), _design(data)]),
                Section("Provenance", "", [_provenance(data)]),
            ]
        ),
    )


def _points(data: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return list(data.get("points") or [])


def _setting(data: Mapping[str, Any]) -> Finding:
    points, paths = _points(data), [vary["path"] for vary in data.get("vary") or []]
    done = sum(1 for point in points if point.get("status") == "done")
    runs = sum(int(point.get("replications") or 0) for point in points)
    what = ", ".join(path_words(path, paths) for path in paths)
    named = said((data.get("scenario") or {}).get("name"))
    return Finding(
        f"{named}: {number(done)} of {plural(len(points), 'point')} ({said(data.get('design'))} over {what}), "
        f"{plural(runs, 'replication')} in all."
    )


def _extremes(data: Mapping[str, Any], metrics: Sequence[str]) -> Iterable[Finding]:
    for metric in metrics[:MOST_SENTENCES]:
        table = response_numbers(data, metric).dropna(subset=["mean"])
        if table.empty:
            yield Finding(f"{in_words(metric)}: no point has an estimate.")
            continue
        lowest, highest = (table.iloc[place] for place in (table["mean"].argmin(), table["mean"].argmax()))
        low, high = (worded(metric, row["mean"]) for row in (lowest, highest))
        if low == high:
            yield Finding(f"{in_words(metric)} is {low} at every point.")
        else:
            yield Finding(
                f"{in_words(metric)} is lowest, {low}, at {lowest['label']}; highest, {high}, at {highest['label']}."
            )


def _failures(data: Mapping[str, Any]) -> list[Finding]:
    failed = [point for point in _points(data) if point.get("status") == "failed"]
    return [Finding(f"{plural(len(failed), 'point')} failed: see Failed points.", "bad")] if failed else []


def _charts(data: Mapping[str, Any], metrics: Sequence[str]) -> Iterable[Chart]:
    for number_, metric in enumerate(metrics[:MOST_CHARTS], 1):
        table = response_numbers(data, metric)
        if table["mean"].notna().any():
            yield from chart(partial(figures.response, data, metric), table, f"response-{number_}")


def _estimates(data: Mapping[str, Any], metrics: Sequence[str]) -> Table:
    """Return all points with their estimates."""
    found = {(row["point"], row["metric"]): row for row in data.get("estimates") or []}
    points = _points(data)
    rows = [
        [
            said(point.get("label")),
            number(point.get("replications")),
            *(_cell(metric, found.get((point["point"], metric))) for metric in metrics),
        ]
        for point in points[:MOST_POINTS]
    ]
    more = f" (the first {MOST_POINTS} of {len(points)})" if len(points) > MOST_POINTS else ""
    marked = any(isinstance(cell, Cell) and cell.interval == THIN for row in rows for cell in row)
    rest = "Every replication is a row of points.parquet, beside this file."
    note = f"{THIN_NOTE}. {rest}" if marked else rest
    columns = ("point", "replications", *(in_words(metric) for metric in metrics))
    return Table(f"Estimates{more}", columns, rows, note=note)


def _cell(metric: str, row: Mapping[str, Any] | None) -> str | Cell:
    return UNKNOWN if row is None else Cell(worded(metric, row.get("mean")), low_to_high(metric, row))


def _judged(rows: Sequence[Mapping[str, Any]]) -> str:
    level = next((figure(row.get("level")) for row in rows if figure(row.get("level"))), None)
    each = "" if level is None else f" Each interval holds with {exact(level * 100, 6)}{SPACE}%."
    return (
        f"Points met the same random draws, replication by replication, and are judged in pairs.{each}" if rows else ""
    )


def _failed(data: Mapping[str, Any]) -> Table:
    rows = [
        [said(point.get("label")), said(point.get("error"))]
        for point in _points(data)
        if point.get("status") == "failed"
    ]
    return Table("What went wrong", ("point", "error"), rows, 2, prose=True)


def _varied(data: Mapping[str, Any]) -> Table:
    rows = [
        [vary["path"], ", ".join(said(value) for value in vary.get("values") or [])] for vary in data.get("vary") or []
    ]
    return Table("What was varied", ("path", "values"), rows, 2, prose=True)


def _design(data: Mapping[str, Any]) -> Table:
    rows = [
        ["design", said(data.get("design"))],
        ["replications of a point", stopping_words(data.get("stopping")) or said(data.get("replications"))],
        ["metrics", ", ".join(data.get("metrics") or [])],
        ["random numbers", "replication i of every point has the same seed: points are compared in pairs"],
    ]
    return Table("How it was run", ("", ""), rows, 2, prose=True)


def stopping_words(stopping: Mapping[str, Any] | None) -> str:
    """Return a stopping rule in words: which half-widths were asked for, and within how many replications."""
    if not stopping:
        return ""
    targets = [
        f"{in_words(path)} to ±{number(round(float(target) * 100, 4))} %"
        for path, target in (stopping.get("until") or {}).items()
        if figure(target) is not None
    ]
    most = f", at most {number(stopping['most'])}" if figure(stopping.get("most")) else ""
    return f"as many as it takes for {', '.join(targets)}{most}" if targets else said(dict(stopping))


def _provenance(data: Mapping[str, Any]) -> Table:
    scenario = data.get("scenario") or {}
    rows = [
        ["scenario", f"{said(scenario.get('name'))} ({said(scenario.get('file'))})"],
        ["scenario (SHA-256)", said(scenario.get("sha256"))],
        ["seed", said(data.get("seed"))],
        ["versions", said(data.get("versions"))],
        ["time it took", duration(data.get("wall_s"))],
    ]
    return Table("This study", ("", ""), rows, 2)
