"""A comparison in the terminal."""

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.markup import escape

from analysis.difference_words import best, compared, difference_introduction, excludes_zero, part_of, thin, verdict
from analysis.quantities import THIN, THIN_NOTE, difference, in_words, plus_minus, worded
from analysis.tables.layout import plain_table


def print_comparison(data: Mapping[str, Any], console: Console) -> None:
    """Print the differences of all systems from the baseline, metric by metric; fits 100 columns."""
    console.print(f"[bold]comparison[/]  {escape(compared(data))}", soft_wrap=False)
    rows = data.get("rows") or []
    table = plain_table(
        "Differences", "metric", "system", "baseline", "value", "difference", "", "", words=2, widest=24
    )
    for row in rows:
        style = "bold" if excludes_zero(row) else None
        table.add_row(
            escape(in_words(row["metric"])),
            escape(str(row["system"])),
            worded(row["metric"], row["baseline"]),
            worded(row["metric"], row["value"]),
            _difference(row),
            part_of(row),
            verdict(row),
            style=style,
        )
    if rows:
        console.print(table)
    if any(map(thin, rows)):
        console.print(f"[dim]{THIN_NOTE}[/]")
    chosen = best(data)
    if chosen is not None:
        console.print(f"[bold]Best[/]  {escape(chosen[0])}")
    introduction = difference_introduction(data)
    if introduction:
        console.print(f"[dim]{escape(introduction)} ± is half the width of an interval.[/]")
    for note in data.get("notes") or []:
        console.print(f"[yellow]note[/] {escape(str(note))}")


def _difference(row: Mapping[str, Any]) -> str:
    text = difference(row["metric"], row["difference"])
    half = plus_minus(row["metric"], {**row, "mean": row["difference"]})
    return f"{text} {half}" if half else f"{text} {THIN}" if thin(row) else text
