"""Recorded jobs from CSV files: a plain format, and that of Microsoft's Philly cluster."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from sim.workload.trace_files import TraceError, amount, header_of, missing_column, read_columns, rows_of, wall_time

Columns = Mapping[str, list[Any]]

LATEST = 2.0**33
"""Seconds, some 270 years: up to here sums of control-plane times are exact."""


@dataclass(frozen=True)
class RecordedJobs:
    """Jobs in order of submission: a list for each of job_id, submit_time, num_gpu, duration (s) and the rest.

    `dropped` counts rows that were left out, by reason.
    """

    columns: Columns
    dropped: Mapping[str, int]

    def __len__(self) -> int:
        return len(self.columns["submit_time"])


def read_job_trace(format_name: Literal["csv", "philly"], path: Path, columns: Mapping[Any, str]) -> RecordedJobs:
    """Read the jobs of a file; `columns` gives other names to those of `csv`. Raises TraceError.

    `csv` has job_id, submit_time (s, ascending), num_gpu and duration (s), and optionally tenant, priority and
    estimate. `philly` has timestamp, duration and num_gpus; it was published unsorted, so it is sorted here, and time
    counts from its first job. Its jobs that held no accelerator are dropped.
    """
    with rows_of(path) as rows:
        header = header_of(rows)
        parsers = _PHILLY if format_name == "philly" else _CSV
        renamed = _PHILLY_NAMES if format_name == "philly" else columns
        names = {field: renamed.get(field, field) for field in parsers}
        fields = [field for field in parsers if names[field] in header]
        for field in parsers:
            if field not in fields and (field in columns or field not in _OPTIONAL):
                raise missing_column(path, names[field], header)
        chosen = [header.index(names[field]) for field in fields]
        rising = format_name == "csv"
        read = read_columns(path, rows, len(header), chosen, [parsers[field] for field in fields], rising=rising)
    found = dict(zip(fields, read, strict=True))
    return RecordedJobs(found, {}) if rising else _sorted(path, found)


def _sorted(path: Path, columns: Columns) -> RecordedJobs:
    """Order Philly's jobs by time, from its first on, without those that held nothing."""
    kept = [row for row, gang in enumerate(columns["num_gpu"]) if gang > 0]
    kept.sort(key=lambda row: columns["submit_time"][row])
    if not kept:
        raise TraceError(path, 0, "has no job that held an accelerator")
    first = columns["submit_time"][kept[0]]
    ordered = {name: [column[row] for row in kept] for name, column in columns.items()}
    ordered["submit_time"] = [time - first for time in ordered["submit_time"]]
    ordered["job_id"] = [str(row) for row in kept]
    dropped = len(columns["num_gpu"]) - len(kept)
    return RecordedJobs(ordered, {"held no accelerator": dropped} if dropped else {})


def _seconds(text: str) -> float:
    value = amount(text)
    if value > LATEST:
        raise ValueError(f"`{text}` is more than {LATEST:.0f} s: times are in seconds")
    return value


def _count(text: str) -> int:
    value = amount(text)
    if not value.is_integer():
        raise ValueError(f"`{text}` is not a whole number")
    return int(value)


def _gang(text: str) -> int:
    value = _count(text)
    if value < 1:
        raise ValueError(f"`{text}` accelerators: a gang has at least one")
    return value


def _priority(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise ValueError(f"`{text}` is not a whole number") from None


Parsers = Mapping[str, Callable[[str], Any]]
_CSV: Parsers = {
    "submit_time": _seconds,
    "num_gpu": _gang,
    "duration": _seconds,
    "job_id": str,
    "tenant": str,
    "priority": _priority,
    "estimate": _seconds,
}
_OPTIONAL = frozenset({"tenant", "priority", "estimate"})
_PHILLY: Parsers = {"submit_time": wall_time, "num_gpu": _count, "duration": _seconds}
_PHILLY_NAMES = {"submit_time": "timestamp", "num_gpu": "num_gpus"}
