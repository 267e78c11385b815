"""Recorded requests from files: the formats in which Azure, BurstGPT and Mooncake publish theirs, and a plain one."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from sim.workload.distributions import FloatArray
from sim.workload.trace_files import (
    Rows,
    TraceError,
    amount,
    header_of,
    missing_column,
    read_columns,
    rows_of,
    seconds_since_first,
)

__all__ = ["RequestTrace", "TraceError", "read_request_trace"]


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


def read_request_trace(format_name: Literal["azure", "burstgpt", "csv", "mooncake"], path: Path) -> RequestTrace:
    """Read the requests of a file. Raises TraceError.

    `azure` has columns TIMESTAMP, ContextTokens and GeneratedTokens, and time counts from its first row. `burstgpt` has
    Timestamp (s), Request tokens and Response tokens; requests that failed have a response of 0 tokens, here of 1.
    `csv` has `arrival_s` and optionally `prompt_tokens` with `output_tokens`, and `work`. `mooncake` has an object a
    line, with timestamp (ms), input_length and output_length. Other columns are left alone.
    """
    if format_name == "mooncake":
        return _read_lines(path)
    with rows_of(path) as rows:
        return _read(path, rows, format_name)


_COLUMNS: Mapping[str, Mapping[str, str]] = {
    "azure": {"arrival": "TIMESTAMP", "prompt": "ContextTokens", "output": "GeneratedTokens"},
    "burstgpt": {"arrival": "Timestamp", "prompt": "Request tokens", "output": "Response tokens"},
    "csv": {"arrival": "arrival_s", "prompt": "prompt_tokens", "output": "output_tokens", "work": "work"},
}
_NEEDED: Mapping[str, Sequence[frozenset[str]]] = {
    "azure": (frozenset({"arrival", "prompt", "output"}),),
    "burstgpt": (frozenset({"arrival", "prompt", "output"}),),
    "csv": (frozenset({"arrival"}), frozenset({"prompt", "output"})),
}
"""Fields that come together or not at all; the first set is needed in any case."""


_MOONCAKE = ("timestamp", "input_length", "output_length")


def _read_lines(path: Path) -> RequestTrace:
    """Read an object a line: the first that is broken is an error, and the numbers of all are said."""
    found: list[list[float]] = []
    problems: list[tuple[int, str]] = []
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise TraceError(path, 0, f"cannot be read: {error}") from error
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                found.append(_numbers_of(line, found[-1][0] if found else 0.0))
            except ValueError as error:
                problems.append((number, str(error)))
    if problems:
        raise TraceError(path, *problems[0], fine=len(found), broken=len(problems))
    if not found:
        raise TraceError(path, 0, "has no rows")
    times, prompts, outputs = np.array(found).T
    return RequestTrace(times / 1000.0, prompts, outputs, None)


def _numbers_of(line: str, latest: float) -> list[float]:
    try:
        row = json.loads(line)
    except json.JSONDecodeError as error:
        raise ValueError(f"is not JSON: {error.msg}") from error
    missing = [name for name in _MOONCAKE if not isinstance(row, dict) or name not in row]
    if missing:
        raise ValueError(f"has no {missing[0]}")
    values = [amount(str(row[name])) for name in _MOONCAKE]
    if values[0] < latest:
        raise ValueError(f"arrives {latest - values[0]:g} ms before the row above it: sort the file by time")
    return values


def _read(path: Path, rows: Rows, format_name: str) -> RequestTrace:
    header = header_of(rows)
    names = _COLUMNS[format_name]
    fields = [field for field, name in names.items() if name in header]
    for index, together in enumerate(_NEEDED[format_name]):
        missing = [names[field] for field in names if field in together and field not in fields]
        if missing and (index == 0 or len(missing) < len(together)):
            raise missing_column(path, missing[0], header)
    seconds = seconds_since_first() if format_name == "azure" else amount
    parsers = [seconds if field == "arrival" else amount for field in fields]
    columns = read_columns(path, rows, len(header), [header.index(names[field]) for field in fields], parsers)
    values = {field: np.array(column) for field, column in zip(fields, columns, strict=True)}
    return RequestTrace(values["arrival"], values.get("prompt"), values.get("output"), values.get("work"))
