"""Recorded requests from files: the formats in which Azure, BurstGPT and Mooncake publish theirs, and a plain one."""

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np

from sim.workload.blocks import IntArray
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


class BlockHashes(NamedTuple):
    """For each whole block of the prompts of a trace a hash of all tokens up to its end, the same where these are."""

    rows: IntArray
    """Where those of each request begin, shape (n,)."""
    hashes: IntArray


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
    hashes: BlockHashes | None = None
    """Of blocks of `HASHED_BLOCK` tokens."""


def read_request_trace(format_name: Literal["azure", "burstgpt", "csv", "mooncake"], path: Path) -> RequestTrace:
    """Read the requests of a file. Raises TraceError.

    `azure` has columns TIMESTAMP, ContextTokens and GeneratedTokens, and time counts from its first row. `burstgpt` has
    Timestamp (s), Request tokens and Response tokens; requests that failed have a response of 0 tokens, here of 1.
    `csv` has `arrival_s` and optionally `prompt_tokens` with `output_tokens`, and `work`. `mooncake` has an object a
    line, with timestamp (ms), input_length and output_length, and in every line or in none hash_ids. Other columns are
    left alone.
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


HASHED_BLOCK = 512
"""Tokens that a hash of Mooncake's stands for."""
_MOONCAKE = ("timestamp", "input_length", "output_length")


def _read_lines(path: Path) -> RequestTrace:
    """Read an object a line: the first that is broken is an error, and the numbers of all are said."""
    found: list[list[float]] = []
    hashes: list[list[int] | None] = []
    problems: list[tuple[int, str]] = []
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise TraceError(path, 0, f"cannot be read: {error}") from error
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                row = _row_of(line)
                numbers = _numbers_of(row, found[-1][0] if found else 0.0)
                hashes.append(_hashes_of(row, numbers[1]))
                found.append(numbers)
            except ValueError as error:
                problems.append((number, str(error)))
    if problems:
        raise TraceError(path, *problems[0], fine=len(found), broken=len(problems))
    if not found:
        raise TraceError(path, 0, "has no rows")
    times, prompts, outputs = np.array(found).T
    return RequestTrace(times / 1000.0, prompts, outputs, None, _joined(hashes))


def _joined(hashes: list[list[int] | None]) -> BlockHashes | None:
    """The hashes of all requests one after another; None where some have none."""
    known = [np.array(own, np.int64) for own in hashes if own is not None]
    if len(known) < len(hashes):
        return None
    lengths = np.array([len(own) for own in known])
    return BlockHashes(np.cumsum(lengths) - lengths, np.concatenate(known))


def _row_of(line: str) -> Any:
    try:
        return json.loads(line)
    except json.JSONDecodeError as error:
        raise ValueError(f"is not JSON: {error.msg}") from error


def _hashes_of(row: Any, prompt: float) -> list[int] | None:
    """The hashes of a request, one for each block that is begun; none where the row has none."""
    hashes = row.get("hash_ids")
    if hashes is None:
        return None
    if not isinstance(hashes, list) or not all(type(each) is int and abs(each) < 2**63 for each in hashes):
        raise ValueError("has hash_ids that are not whole numbers")
    if len(hashes) != math.ceil(prompt / HASHED_BLOCK):
        raise ValueError(f"has {len(hashes)} hash_ids for {prompt:g} tokens: there is one for every {HASHED_BLOCK}")
    return hashes


def _numbers_of(row: Any, latest: float) -> list[float]:
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
