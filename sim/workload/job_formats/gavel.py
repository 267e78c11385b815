"""Recorded jobs of Gavel (Narayanan et al., OSDI 2020): steps, and measured steps a second by type of worker."""

import json
import math
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from sim.workload.job_formats.recording import LATEST, Recording, gang, seconds, whole
from sim.workload.submissions import Submission
from sim.workload.trace_files import TraceError, amount, lines_of, take_each

FIELDS = 10
TYPE, STEPS, GANG, WEIGHT, SLO, ARRIVAL = 0, 5, 6, 7, 8, 9
"""Places of the fields that are read, counted from 0, between tabs."""
_KEY = re.compile(r"\('(.+)', (\d+)\)")
ALONE = "null"
"""The key of a job that shares its accelerators with no other."""

Rates = Mapping[tuple[str, int], float]
"""Steps a second by type of job and gang."""


def read(path: Path, throughputs: Path, kinds: Mapping[str, str]) -> Recording:
    """Read jobs that take their steps at the rates of a table; `kinds` says which worker type a pool has.

    A duration holds on the first pool that can run the job; one whose rate is zero cannot. An SLO is a deadline at so
    many times that duration. Jobs of a type and gang that were never measured are left out. Raises TraceError.
    """
    rates = _rates_of_pools(throughputs, kinds)
    recording = Recording()

    def take(line: str) -> None:
        recording.read += 1
        recording.jobs.extend(_job(line.rstrip("\r\n").split("\t"), str(recording.read), rates, recording))

    with lines_of(path) as lines:
        take_each(path, ((number, line) for number, line in enumerate(lines, start=1) if line.strip()), take)
    if not recording.jobs:
        raise TraceError(path, 0, "has no job whose rate was measured" if recording.read else "has no rows")
    recording.sort()
    return recording


def _job(fields: list[str], name: str, rates: Mapping[str, Rates], recording: Recording) -> Iterator[Submission]:
    """The job of a line; none where it is left out."""
    if len(fields) != FIELDS:
        raise ValueError(f"{len(fields)} values between tabs, where the format has {FIELDS}")
    kind, steps, accelerators = (fields[TYPE], gang(fields[GANG])), whole(fields[STEPS]), gang(fields[GANG])
    measured = {pool: of_pool[kind] for pool, of_pool in rates.items() if kind in of_pool}
    if not measured:
        recording.dropped["were never measured on such accelerators"] += 1
        return
    if amount(fields[WEIGHT]) != 1.0:
        recording.changed["have a weight of their own, which is not taken"] += 1
    able = {pool: rate for pool, rate in measured.items() if rate > 0}
    first = next(iter(able.values()), math.inf)
    submit, duration = seconds(fields[ARRIVAL]), steps / first
    slo = 0.0 if fields[SLO].startswith("-") else amount(fields[SLO])
    if duration > LATEST:
        raise ValueError(f"{steps} steps take more than {LATEST:.0f} s")
    yield Submission(
        name,
        submit,
        accelerators,
        duration,
        deadline=slo * duration if slo > 0 else None,
        speed={pool: rate / first for pool, rate in able.items()},
    )


def _rates_of_pools(path: Path, kinds: Mapping[str, str]) -> dict[str, Rates]:
    table = {name.lower(): rows for name, rows in _table(path).items()}
    for pool, kind in kinds.items():
        if kind.lower() not in table:
            there = ", ".join(table)
            raise TraceError(
                path, 0, f"has no worker type `{kind}` for the pool {pool} (there are: {there}); see `kinds`"
            )
    return {pool: table[kind.lower()] for pool, kind in kinds.items()}


def _table(path: Path) -> dict[str, Rates]:
    """Rates by worker type."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return {name: dict(_rate(key, row) for key, row in rows.items()) for name, rows in found.items()}
    except (OSError, ValueError, AttributeError, KeyError, TypeError) as error:
        raise TraceError(path, 0, f"is no table of throughputs: {type(error).__name__}: {error}") from error


def _rate(key: str, row: Mapping[str, Any]) -> tuple[tuple[str, int], float]:
    match, rate = _KEY.fullmatch(key), float(row[ALONE])
    if match is None:
        raise ValueError(f"`{key}` is not a type of job and a gang")
    if not math.isfinite(rate) or rate < 0:
        raise ValueError(f"the rate of {key} is {rate}")
    return (match[1], int(match[2])), rate
