"""Recorded jobs from a plain CSV file."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from sim.workload.job_formats.recording import Recording, gang, seconds
from sim.workload.submissions import Submission
from sim.workload.trace_files import header_of, missing_column, read_columns, rows_of

OPTIONAL = frozenset({"tenant", "priority", "estimate"})


def read(path: Path, columns: Mapping[Any, str]) -> Recording:
    """Read a file with the columns job_id, submit_time (s, ascending), num_gpu and duration (s). Raises TraceError.

    It may have tenant, priority and estimate (s) too, some of them empty; `columns` gives other names to any.
    """
    with rows_of(path) as rows:
        header = header_of(rows)
        names = {field: columns.get(field, field) for field in _PARSERS}
        fields = [field for field in _PARSERS if names[field] in header]
        for field in _PARSERS:
            if field not in fields and (field in columns or field not in OPTIONAL):
                raise missing_column(path, names[field], header)
        chosen = [header.index(names[field]) for field in fields]
        read_in = read_columns(path, rows, len(header), chosen, [_PARSERS[field] for field in fields])
    places = [_PLACES[field] for field in fields]
    jobs = [Submission(**dict(zip(places, row, strict=True))) for row in zip(*read_in, strict=True)]
    return Recording(len(jobs), jobs)


def _where_given(parse: Callable[[str], Any]) -> Callable[[str], Any]:
    """Let a cell be empty."""
    return lambda text: parse(text) if text.strip() else None


def _priority(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise ValueError(f"`{text}` is not a whole number") from None


_PARSERS: Mapping[str, Callable[[str], Any]] = {
    "submit_time": seconds,
    "num_gpu": gang,
    "duration": seconds,
    "job_id": str,
    "tenant": _where_given(str),
    "priority": _where_given(_priority),
    "estimate": _where_given(seconds),
}
_PLACES = {field: field for field in _PARSERS} | {"submit_time": "submit", "num_gpu": "accelerators"}
