"""The look that all tables in the terminal share."""

from collections.abc import Mapping
from typing import Any

from rich.markup import escape
from rich.table import Table

from analysis.quantities import THIN, THIN_NOTE, plus_minus, worded


def plain_table(title: str, *columns: str, words: int = 1, widest: int = 20) -> Table:
    """Return an empty table without rules: its first `words` columns are read as words, the others are figures."""
    table = Table(
        title=title,
        title_justify="left",
        title_style="bold",
        box=None,
        padding=(0, 1),
        pad_edge=False,
        header_style="dim",
    )
    for place, column in enumerate(columns):
        if place < words:
            table.add_column(escape(column), max_width=widest, overflow="ellipsis", no_wrap=True)
        else:
            table.add_column(escape(column), justify="right", overflow="fold")
    return table


def estimated(path: str, found: Mapping[str, Any] | None, *, below: bool = False) -> str:
    """Return an estimate and half the width of its interval: beside it, or below it where room is short."""
    value = worded(path, (found or {}).get("mean"))
    half = plus_minus(path, found)
    if half == THIN:
        return f"{value} {THIN}"
    return f"{value}{chr(10) if below else ' '}[dim]{half}[/]" if half else value


def thin_note(*texts: str) -> list[str]:
    """Return the line that explains the mark of a thin interval, where one of the texts bears it."""
    return [f"[dim]{THIN_NOTE}[/]"] if any(THIN in text for text in texts) else []
