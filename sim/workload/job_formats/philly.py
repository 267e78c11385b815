"""Recorded jobs of Microsoft's Philly cluster (Jeon et al., USENIX ATC 2019)."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from sim.workload.job_formats.recording import Recording, seconds, whole
from sim.workload.submissions import Submission
from sim.workload.trace_files import TraceError, header_of, missing_column, read_columns, rows_of, wall_time

TENANTS = ("vc", "cluster")
"""Columns that may name the virtual cluster of a job, which is its tenant."""


def read(path: Path) -> Recording:
    """Read a file with the columns timestamp, num_gpus and duration (s), and perhaps vc or cluster. Raises TraceError.

    It was published unsorted, so it is sorted here, and time counts from its first job. Jobs that held no accelerator
    are left out.
    """
    with rows_of(path) as rows:
        header = header_of(rows)
        for name in _PARSERS:
            if name not in header:
                raise missing_column(path, name, header)
        fields = [*_PARSERS, *[name for name in TENANTS if name in header][:1]]
        parsers = [_PARSERS.get(name, str) for name in fields]
        columns = read_columns(path, rows, len(header), [*map(header.index, fields)], parsers, rising=False)
    submits, gangs, durations = columns[:3]
    tenants = columns[3] if len(columns) > 3 else [None] * len(submits)
    kept = [row for row, held in enumerate(gangs) if held > 0]
    if not kept:
        raise TraceError(path, 0, "has no job that held an accelerator")
    first = min(submits[row] for row in kept)
    jobs = [
        Submission(str(row), submits[row] - first, gangs[row], durations[row], tenants[row] or None) for row in kept
    ]
    recording = Recording(len(submits), jobs)
    recording.sort()
    if len(kept) < len(submits):
        recording.dropped["held no accelerator"] = len(submits) - len(kept)
    return recording


_PARSERS: Mapping[str, Callable[[str], Any]] = {"timestamp": wall_time, "num_gpus": whole, "duration": seconds}
