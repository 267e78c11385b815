"""Recorded requests from CSV files: Azure's published format, and a plain one.

A file is used whole or not at all: the first broken row is an error with its line, and with how many rows were fine.
"""

import csv
import math
import re
from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, NamedTuple, Protocol

import numpy as np

from sim.workload.distributions import FloatArray

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


class _Rows(Protocol):
    """What `csv.reader` gives."""

    line_num: int

    def __next__(self) -> list[str]: ...

    def __iter__(self) -> Iterator[list[str]]: ...


class RequestTrace(NamedTuple):
    """Recorded requests in order of arrival; each column has shape (n,), None where the file does not have it."""

    arrival: FloatArray
    """s"""
    prompt: FloatArray | None
    """Tokens."""
    output: FloatArray | None
    """Tokens."""
    work: FloatArray | None
    """Multiples of a pass."""


def read_request_trace(format_name: Literal["azure", "csv"], path: Path) -> RequestTrace:
    """Read the requests of a file. Raises TraceError.

    `azure` has columns TIMESTAMP, ContextTokens and GeneratedTokens, and time counts from its first row. `csv` has
    `arrival_s` and optionally `prompt_tokens` with `output_tokens`, and `work`. Other columns are left alone.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return _read(path, csv.reader(file), format_name)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise TraceError(path, 0, f"cannot be read as CSV: {error}") from error


_COLUMNS: Mapping[str, Mapping[str, str]] = {
    "azure": {"arrival": "TIMESTAMP", "prompt": "ContextTokens", "output": "GeneratedTokens"},
    "csv": {"arrival": "arrival_s", "prompt": "prompt_tokens", "output": "output_tokens", "work": "work"},
}
_NEEDED: Mapping[str, Sequence[frozenset[str]]] = {
    "azure": (frozenset({"arrival", "prompt", "output"}),),
    "csv": (frozenset({"arrival"}), frozenset({"prompt", "output"})),
}
"""Fields that come together or not at all; the first set is needed in any case."""


def _read(path: Path, rows: _Rows, format_name: str) -> RequestTrace:
    header = [cell.strip() for cell in next(rows, [])]
    names = _COLUMNS[format_name]
    fields = [field for field, name in names.items() if name in header]
    for index, together in enumerate(_NEEDED[format_name]):
        missing = [names[field] for field in names if field in together and field not in fields]
        if missing and (index == 0 or len(missing) < len(together)):
            raise TraceError(path, 1, f"the column {missing[0]} is missing (there are: {', '.join(header) or 'none'})")
    seconds = _seconds_since_first() if format_name == "azure" else _amount
    parsers = [seconds if field == "arrival" else _amount for field in fields]
    columns = _read_columns(path, rows, len(header), [header.index(names[field]) for field in fields], parsers)
    values = dict(zip(fields, columns, strict=True))
    return RequestTrace(values["arrival"], values.get("prompt"), values.get("output"), values.get("work"))


def _read_columns(
    path: Path, rows: _Rows, width: int, indices: Sequence[int], parsers: Sequence[Callable[[str], float]]
) -> list[FloatArray]:
    """Read the chosen columns as numbers; the first is the arrival, which must not fall."""
    columns = [array("d") for _ in indices]
    problems: list[tuple[int, str]] = []
    latest = 0.0
    for row in rows:
        if not row:
            continue
        try:
            if len(row) != width:
                raise ValueError(f"{len(row)} values under {width} columns")
            values = [parse(row[index]) for index, parse in zip(indices, parsers, strict=True)]
            if values[0] < latest:
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
    return [np.array(column) for column in columns]


def _amount(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise ValueError(f"`{text}` is not a number") from None
    if not math.isfinite(value) or value < 0:
        raise ValueError(f"`{text}` is {'negative' if value < 0 else 'not finite'}")
    return value


def _seconds_since_first() -> Callable[[str], float]:
    """Make a parser of wall times, exact to the nanosecond; its zero is the first time that it parses."""
    first: int | None = None

    def seconds(text: str) -> float:
        nonlocal first
        match = _TIMESTAMP.fullmatch(text.strip())
        if match is None:
            raise ValueError(f"`{text}` is not a time such as 2023-11-16 18:15:46.6805900")
        whole = datetime.fromisoformat(match[1] + (match[3] or "Z")) - _EPOCH
        nanoseconds = (whole.days * 86400 + whole.seconds) * 10**9 + int((match[2] or "0").ljust(9, "0"))
        first = nanoseconds if first is None else first
        return (nanoseconds - first) / 1e9

    return seconds
