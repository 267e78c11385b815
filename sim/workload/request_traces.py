"""Recorded requests from CSV files: Azure's published format, and a plain one."""

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


def read_request_trace(format_name: Literal["azure", "csv"], path: Path) -> RequestTrace:
    """Read the requests of a file. Raises TraceError.

    `azure` has columns TIMESTAMP, ContextTokens and GeneratedTokens, and time counts from its first row. `csv` has
    `arrival_s` and optionally `prompt_tokens` with `output_tokens`, and `work`. Other columns are left alone.
    """
    with rows_of(path) as rows:
        return _read(path, rows, format_name)


_COLUMNS: Mapping[str, Mapping[str, str]] = {
    "azure": {"arrival": "TIMESTAMP", "prompt": "ContextTokens", "output": "GeneratedTokens"},
    "csv": {"arrival": "arrival_s", "prompt": "prompt_tokens", "output": "output_tokens", "work": "work"},
}
_NEEDED: Mapping[str, Sequence[frozenset[str]]] = {
    "azure": (frozenset({"arrival", "prompt", "output"}),),
    "csv": (frozenset({"arrival"}), frozenset({"prompt", "output"})),
}
"""Fields that come together or not at all; the first set is needed in any case."""


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
