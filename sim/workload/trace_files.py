"""Reading recorded traces: columns of a CSV file, and errors that name the line.

A file is used whole or not at all: the first broken row is an error with its line, and with how many rows were fine.
"""

import csv
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import Any, Protocol, TypeVar

T = TypeVar("T")
_TIMESTAMP = re.compile(r"(\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)?", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class TraceError(ValueError):
    """A trace that cannot be used; `line` is 0 where no single line is to blame."""

    def __init__(self, path: Path, line: int, problem: str, fine: int = 0, broken: int = 0) -> None:
        place = f"{path}:{line}" if line else str(path)
        counts = f" (rows that are fine: {fine}, broken: {broken})" if broken else ""
        super().__init__(f"{place}: {problem}{counts}")
        self.path = path
        self.line = line
        self.problem = problem
        self.fine = fine
        self.broken = broken


class Rows(Protocol):
    """What `csv.reader` gives."""

    line_num: int

    def __next__(self) -> list[str]: ...

    def __iter__(self) -> Iterator[list[str]]: ...


@contextmanager
def rows_of(path: Path) -> Iterator[Rows]:
    """Open a CSV file. Raises TraceError for what cannot be read, also later."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            yield csv.reader(file)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise TraceError(path, 0, f"cannot be read as CSV: {error}") from error


@contextmanager
def lines_of(path: Path) -> Iterator[Iterator[str]]:
    """Open a file of plain lines. Raises TraceError for what cannot be read, also later."""
    try:
        with path.open(encoding="utf-8-sig") as file:
            yield iter(file)
    except (OSError, UnicodeDecodeError) as error:
        raise TraceError(path, 0, f"cannot be read: {error}") from error


def take_each(path: Path, items: Iterable[tuple[int, T]], take: Callable[[T], None]) -> None:
    """Give `take` every item, each with the number of its line; those are broken of which it raises ValueError.

    Raises TraceError for the first of these.
    """
    fine, problems = 0, list[tuple[int, str]]()
    for line, item in items:
        try:
            take(item)
        except ValueError as error:
            problems.append((line, str(error)))
        else:
            fine += 1
    if problems:
        raise TraceError(path, *problems[0], fine=fine, broken=len(problems))


def take_rows(
    path: Path, needed: Iterable[str], take: Callable[[Mapping[str, str]], None], *, published: Sequence[str] = ()
) -> None:
    """Give `take` every row of a CSV file by the names of its columns, as `take_each` does. Raises TraceError.

    `published` are the columns of a file without a header: what it is if its first row does not name those `needed`.
    """
    with rows_of(path) as rows:
        first = header_of(rows)
        headed = set(needed) <= set(first)
        if not headed and len(first) != len(published):
            raise missing_column(path, next(name for name in needed if name not in first), first)
        header = first if headed else published
        numbered = ((rows.line_num, row) for row in (rows if headed else chain([first], rows)) if row)
        take_each(path, numbered, lambda row: take(_named(header, row)))


def _named(header: Sequence[str], row: Sequence[str]) -> Mapping[str, str]:
    if len(row) != len(header):
        raise ValueError(f"{len(row)} values under {len(header)} columns")
    return {name: cell.strip() for name, cell in zip(header, row, strict=True)}


def header_of(rows: Rows) -> list[str]:
    """Return the names of the columns; none for an empty file."""
    return [cell.strip() for cell in next(rows, [])]


def missing_column(path: Path, name: str, header: Sequence[str]) -> TraceError:
    """Say that a column is not there."""
    return TraceError(path, 1, f"the column {name} is missing (there are: {', '.join(header) or 'none'})")


def read_columns(
    path: Path,
    rows: Rows,
    width: int,
    indices: Sequence[int],
    parsers: Sequence[Callable[[str], Any]],
    *,
    rising: bool = True,
) -> list[list[Any]]:
    """Read the chosen columns; the first is the arrival, which must not fall where `rising`. Raises TraceError."""
    columns: list[list[Any]] = [[] for _ in indices]
    problems: list[tuple[int, str]] = []
    latest = 0.0
    for row in rows:
        if not row:
            continue
        try:
            if len(row) != width:
                raise ValueError(f"{len(row)} values under {width} columns")
            values = [parse(row[index]) for index, parse in zip(indices, parsers, strict=True)]
            if rising and values[0] < latest:
                raise ValueError(f"arrives {latest - values[0]:g} s before the row above it: sort the file by time")
        except ValueError as error:
            problems.append((rows.line_num, str(error)))
            continue
        latest = values[0]
        for column, value in zip(columns, values, strict=True):
            column.append(value)
    if problems:
        raise TraceError(path, *problems[0], fine=len(columns[0]), broken=len(problems))
    if not columns[0]:
        raise TraceError(path, 0, "has no rows")
    return columns


def amount(text: str) -> float:
    """Read a number that is finite and not negative."""
    try:
        value = float(text)
    except ValueError:
        raise ValueError(f"`{text}` is not a number") from None
    if not math.isfinite(value) or value < 0:
        raise ValueError(f"`{text}` is {'negative' if value < 0 else 'not finite'}")
    return value


def wall_time(text: str) -> float:
    """Read a wall time such as 2023-11-16 18:15:46.6805900 as seconds since 1970."""
    return _nanoseconds(text) / 1e9


def seconds_since_first() -> Callable[[str], float]:
    """Make a parser of wall times, exact to the nanosecond; its zero is the first time that it parses."""
    first: int | None = None

    def seconds(text: str) -> float:
        nonlocal first
        nanoseconds = _nanoseconds(text)
        first = nanoseconds if first is None else first
        return (nanoseconds - first) / 1e9

    return seconds


def _nanoseconds(text: str) -> int:
    match = _TIMESTAMP.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"`{text}` is not a time such as 2023-11-16 18:15:46.6805900")
    whole = datetime.fromisoformat(match[1] + (match[3] or "Z")) - _EPOCH
    return (whole.days * 86400 + whole.seconds) * 10**9 + int((match[2] or "0").ljust(9, "0"))
