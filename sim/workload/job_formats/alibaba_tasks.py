"""The tables of tasks and jobs of Alibaba's trace of 2020 (cluster-trace-gpu-v2020, from its platform PAI)."""

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sim.workload.job_formats.recording import Recording, seconds
from sim.workload.submissions import Submission
from sim.workload.trace_files import amount, take_rows

TASKS = (
    "job_name",
    "task_name",
    "inst_num",
    "status",
    "start_time",
    "end_time",
    "plan_cpu",
    "plan_mem",
    "plan_gpu",
    "gpu_type",
)
JOBS = ("job_name", "inst_id", "user", "status", "start_time", "end_time")
"""Columns as published, in files without a header."""
NEEDED = ("job_name", "inst_num", "start_time", "end_time", "plan_gpu")
NEEDED_OF_JOBS = ("job_name", "user", "start_time")
ROUNDING = 1e-9


@dataclass
class _Job:
    """A job while its tasks are gathered: per cent of an accelerator, seconds from first start to last end."""

    percent: float = 0.0
    start: float = math.inf
    end: float = -math.inf
    open: bool = False
    """Whether a task had not ended, or never started."""
    unsized: bool = False
    """Whether a task does not say how many instances it has."""


def read(path: Path, job_table: Path | None) -> Recording:
    """Read the jobs whose tasks held accelerators. Raises TraceError.

    A job holds the accelerators of all instances of all its tasks, parts of them added up and rounded up, from the
    first start of a task to the last end of one. Its submission and its user stand in the table of jobs; without that
    it is submitted when it starts.
    """
    jobs: dict[str, _Job] = {}
    take_rows(path, NEEDED, lambda row: _gather(jobs.setdefault(row["job_name"], _Job()), row), published=TASKS)
    submitted = {} if job_table is None else _submitted(job_table)
    recording = Recording(len(jobs))
    for name, job in jobs.items():
        if reason := _unusable(job):
            recording.dropped[reason] += 1
            continue
        recording.jobs.append(_submission(name, job, submitted, recording.changed))
    return recording


def _gather(job: _Job, row: Mapping[str, str]) -> None:
    percent = amount(row["plan_gpu"]) if row["plan_gpu"] else 0.0
    job.unsized |= percent > 0 and not row["inst_num"]
    job.percent += percent * (amount(row["inst_num"]) if row["inst_num"] else 1.0)
    if not row["start_time"] or not row["end_time"]:
        job.open = True
        return
    job.start, job.end = min(job.start, seconds(row["start_time"])), max(job.end, seconds(row["end_time"]))


def _unusable(job: _Job) -> str:
    """Why a job is left out; empty where it is not."""
    if job.percent <= 0:
        return "held no accelerator"
    if job.unsized:
        return "have a task without a number of instances"
    if job.open:
        return "had not ended, or never started"
    return "did not run" if job.end <= job.start else ""


def _submission(name: str, job: _Job, submitted: Mapping[str, tuple[float, str]], changed: Counter[str]) -> Submission:
    accelerators = math.ceil(job.percent / 100.0 - ROUNDING)
    if accelerators * 100.0 > job.percent + ROUNDING:
        changed["hold whole accelerators instead of parts of some"] += 1
    submit, user = submitted.get(name, (job.start, ""))
    if name not in submitted:
        changed["are submitted when they started, as their submission is not known"] += 1
    return Submission(name, min(submit, job.start), accelerators, job.end - job.start, tenant=user or None)


def _submitted(path: Path) -> dict[str, tuple[float, str]]:
    """When each job was submitted, and by whom."""
    found: dict[str, tuple[float, str]] = {}

    def take(row: Mapping[str, str]) -> None:
        if row["start_time"]:
            found[row["job_name"]] = seconds(row["start_time"]), row["user"]

    take_rows(path, NEEDED_OF_JOBS, take, published=JOBS)
    return found
