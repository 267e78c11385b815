"""Recorded jobs in the Standard Workload Format of the Parallel Workloads Archive, version 2.2.

A line has 18 fields between blanks; `;` begins a comment, -1 stands for what is not known.
"""

import math
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from sim.workload.job_formats.recording import LATEST, Recording
from sim.workload.submissions import Submission
from sim.workload.trace_files import TraceError, lines_of, take_each

FIELDS = 18
JOB, SUBMIT, RUN_TIME, ALLOCATED, REQUESTED, REQUESTED_TIME, STATUS = 0, 1, 3, 4, 7, 8, 10
"""Places of the fields that are read, counted from 0."""
Owner = Literal["user", "group", "queue"]
OWNERS = {"user": 11, "group": 12, "queue": 14}
PARTS = frozenset({2.0, 3.0, 4.0})
"""Status of the bursts of a job that was swapped out; the job has a line of its own."""


def read(path: Path, *, processors_per_accelerator: int = 1, owner: Owner = "user") -> Recording:
    """Read the jobs of a file: those that ran, on the processors that they got. Raises TraceError.

    The requested time is the user's estimate. `owner` says whose name is a job's tenant. Where an accelerator stands
    for several processors, those of a job are rounded up to whole accelerators. Jobs that failed or were cancelled
    while they ran are kept: they held what they held.
    """
    recording = Recording()

    def take(line: str) -> None:
        recording.read += 1
        recording.jobs.extend(_job(_fields(line), recording, processors_per_accelerator, owner))

    with lines_of(path) as lines:
        numbered = enumerate(lines, start=1)
        take_each(path, ((number, line) for number, line in numbered if line.strip() and line.lstrip()[0] != ";"), take)
    if not recording.jobs:
        raise TraceError(path, 0, "has no job that ran")
    recording.sort()
    return recording


def _fields(line: str) -> list[float]:
    texts = line.split()
    if len(texts) != FIELDS:
        raise ValueError(f"{len(texts)} values, where the format has {FIELDS}")
    values = []
    for text in texts:
        try:
            values.append(float(text))
        except ValueError:
            raise ValueError(f"`{text}` is not a number") from None
        if not math.isfinite(values[-1]):
            raise ValueError(f"`{text}` is not finite")
    for place in (SUBMIT, RUN_TIME, REQUESTED_TIME):
        if values[place] > LATEST:
            raise ValueError(f"`{texts[place]}` is more than {LATEST:.0f} s: times are in seconds")
    if values[SUBMIT] < 0:
        raise ValueError(f"the submit time `{texts[SUBMIT]}` is negative")
    return values


def _job(
    fields: list[float], recording: Recording, processors_per_accelerator: int, owner: Owner
) -> Iterable[Submission]:
    """The job of a line; none where it is left out."""
    allocated, requested = fields[ALLOCATED], fields[REQUESTED]
    processors = allocated if allocated > 0 else requested
    if fields[STATUS] in PARTS:
        recording.dropped["are parts of a job that has a line of its own"] += 1
        return
    if fields[RUN_TIME] <= 0:
        recording.dropped["did not run"] += 1
        return
    if processors <= 0:
        recording.dropped["held no processor"] += 1
        return
    if allocated <= 0:
        recording.changed["hold what they asked for, as what they got is not known"] += 1
    accelerators = math.ceil(processors / processors_per_accelerator)
    if accelerators * processors_per_accelerator != processors:
        recording.changed["are rounded up to whole accelerators"] += 1
    number = fields[OWNERS[owner]]
    yield Submission(
        job_id=f"{fields[JOB]:.0f}",
        submit=fields[SUBMIT],
        accelerators=accelerators,
        duration=fields[RUN_TIME],
        tenant=f"{owner}{number:.0f}" if number >= 0 else None,
        estimate=fields[REQUESTED_TIME] if fields[REQUESTED_TIME] > 0 else None,
    )
