"""A study in the terminal."""

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.markup import escape

from analysis.difference_words import best
from analysis.quantities import in_words
from analysis.tables.layout import estimated, plain_table, thin_note
from analysis.wording import duration, number, plural

MOST_ROWS = 30
MOST_METRICS = 4
"""Metrics with a column of their own; the report has the others."""


def print_study(data: Mapping[str, Any], console: Console) -> None:
    """Print the estimates of the points, and those that failed; fits 100 columns."""
    points = data.get("points") or []
    metrics = [str(metric) for metric in data.get("metrics") or []]
    console.print(_headline(data))
    done = [point for point in points if point.get("status") != "failed"]
    found = {(row["point"], row["metric"]): row for row in data.get("estimates") or []}
    table = plain_table("Points", "", *map(in_words, metrics[:MOST_METRICS]), "n", widest=34)
    for point in done[:MOST_ROWS]:
        cells = [estimated(metric, found.get((point["point"], metric))) for metric in metrics[:MOST_METRICS]]
        table.add_row(escape(str(point.get("label"))), *cells, number(point.get("replications")))
    if table.row_count:
        console.print(table)
    for line in thin_note(*(str(cell) for column in table.columns for cell in column.cells)):
        console.print(line)
    if len(done) > MOST_ROWS:
        console.print(f"… {number(len(done) - MOST_ROWS)} more in points.parquet")
    if len(metrics) > MOST_METRICS:
        console.print(f"[dim]{plural(len(metrics) - MOST_METRICS, 'metric')} more in the report[/]")
    chosen = best(data)
    if chosen:
        console.print(escape(chosen[0]))
    for point in points:
        if point.get("status") == "failed":
            label, error = (escape(str(point.get(key) or "unknown")) for key in ("label", "error"))
            console.print(f"[bold red]failed[/]  {label}: {error}")


def _headline(data: Mapping[str, Any]) -> str:
    points = data.get("points") or []
    done = sum(1 for point in points if point.get("status") == "done")
    runs = sum(int(point.get("replications") or 0) for point in points)
    return (
        f"[bold]{escape(str(data.get('study')))}[/]  {number(done)} of {plural(len(points), 'point')}, "
        f"{plural(runs, 'replication')} in all, seed {data.get('seed')}, in {duration(data.get('wall_s'))}"
    )
