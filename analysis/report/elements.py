"""What a page is made of: findings, tiles, tables of strings, and charts with their numbers."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import quote

import numpy as np
import pandas as pd
from markupsafe import Markup
from matplotlib.figure import Figure

from analysis import figures
from analysis.wording import UNKNOWN, number

MOST_NUMBERS = 24
"""Rows of the folded table under a chart; the CSV has them all."""


@dataclass(frozen=True)
class Finding:
    """One sentence and whether it is good news."""

    text: str
    verdict: Literal["good", "bad", "plain"] = "plain"


@dataclass(frozen=True)
class Tile:
    """One large figure, its interval, what it is, and a remark."""

    value: str
    label: str
    remark: str = ""
    interval: str = ""


@dataclass(frozen=True)
class Cell:
    """A figure in a table, with its interval below it."""

    text: str
    interval: str = ""


@dataclass(frozen=True)
class Table:
    """A table of strings; the first `words` columns are read as words, the others are figures.

    A note stands below it; in a table of `prose` the words take the width there is.
    """

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str | Cell]]
    words: int = 1
    note: str = ""
    prose: bool = False
    kind: str = "table"

    @property
    def look(self) -> str:
        """The name of its own rules of style."""
        dense = any(isinstance(cell, Cell) and cell.interval for row in self.rows for cell in row)
        return "prose" if self.prose else "dense" if dense else ""


@dataclass(frozen=True)
class Chart:
    """A chart as SVG, some of its numbers as a table, and all of them as CSV in a link."""

    svg: Markup
    numbers: Table
    csv: str
    file: str
    kind: str = "chart"


@dataclass(frozen=True)
class Section:
    """A heading, a sentence, and what stands below."""

    title: str
    introduction: str
    items: Sequence[Table | Chart]

    @property
    def anchor(self) -> str:
        """The name that links within the page go by."""
        return self.title.lower().replace(",", "").replace(" ", "-")


def chart(draw: Callable[[], Figure], numbers: pd.DataFrame, file: str) -> Iterable[Chart]:
    """Return the chart, or nothing where none of its numbers is known."""
    values = numbers.drop(columns=["time_s", "n", "point", "level"], errors="ignore").select_dtypes("number")
    if numbers.empty or not values.notna().to_numpy().any():
        return
    text = numbers.to_csv(index=False, float_format="%.5g", lineterminator="\n")
    chosen = np.unique(np.linspace(0, len(numbers) - 1, MOST_NUMBERS).round().astype(int))
    rows = [[_cell(value) for value in row] for row in numbers.iloc[chosen].itertuples(index=False)]
    part = f"{len(rows)} of {len(numbers)} rows, evenly chosen" if len(rows) < len(numbers) else "all rows"
    words = sum(1 for column in numbers.columns if not pd.api.types.is_numeric_dtype(numbers[column]))
    table = Table(part, [str(column).replace("_", " ") for column in numbers.columns], rows, words)
    drawing = Markup(figures.svg(draw()))  # noqa: S704 - matplotlib escapes the names in it
    yield Chart(drawing, table, "data:text/csv;charset=utf-8," + quote(text, safe=",-."), f"{file}.csv")


def _cell(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    return UNKNOWN if value is None else number(float(value), 4)


def said(value: Any) -> str:
    """Return what stands in the scenario, on one line."""
    if value is None or value == "":
        return UNKNOWN
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {said(part)}" for key, part in value.items())
    return ", ".join(said(part) for part in value) if isinstance(value, list) else str(value)
