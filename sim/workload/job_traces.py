"""Recorded jobs: a file is read by the reader of its format, and what the scenario does not want is left out."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from sim.scenario.job_trace import JobTrace
from sim.workload.job_formats import alibaba, gavel, philly, plain, swf
from sim.workload.job_formats.recording import Recording
from sim.workload.submissions import Submission
from sim.workload.trace_files import TraceError


def read_job_trace(trace: JobTrace, folder: Path, pools: Sequence[str]) -> Recording:
    """Read the jobs of a trace whose path is relative to `folder`, as they are recorded. Raises TraceError.

    `pools` are those that its jobs may use.
    """
    path = folder / trace.path
    match trace.format:
        case "csv":
            return plain.read(path, trace.columns)
        case "philly":
            return philly.read(path)
        case "swf":
            per, owner = trace.processors_per_accelerator or 1, trace.owner or "user"
            return swf.read(path, processors_per_accelerator=per, owner=owner)
        case "gavel":
            return gavel.read(
                path, folder / (trace.throughputs or ""), {pool: trace.kinds.get(pool, pool) for pool in pools}
            )
        case "alibaba":
            kinds = {pool: trace.kinds[pool] for pool in pools if pool in trace.kinds}
            return alibaba.read(path, folder / trace.job_table if trace.job_table else None, kinds)


def chosen_jobs(trace: JobTrace, folder: Path, pools: Sequence[str]) -> Recording:
    """Read a trace, and keep the jobs that its filters let through. Raises TraceError.

    Times count from the beginning of the window and are scaled; `limit` counts what the other filters leave.
    """
    path, recording = folder / trace.path, read_job_trace(trace, folder, pools)
    recording.jobs = list(_filtered(trace, recording))
    if not recording.jobs:
        raise TraceError(path, 0, f"no job is left: {recording.sentence()}")
    return recording


def _filtered(trace: JobTrace, recording: Recording) -> Iterator[Submission]:
    begin = trace.from_ or 0.0
    passed = 0
    for job in recording.jobs:
        reason = _unwanted(trace, job, begin)
        if not reason and trace.limit is not None and passed >= trace.limit:
            reason = "beyond the limit"
        if reason:
            recording.dropped[reason] += 1
            continue
        passed += 1
        yield job._replace(submit=(job.submit - begin) * trace.time_scale)


def _unwanted(trace: JobTrace, job: Submission, begin: float) -> str:
    """Why a filter keeps a job out; empty where none does."""
    if job.submit < begin or (trace.until is not None and job.submit >= trace.until):
        return "outside the window of time"
    if trace.min_accelerators is not None and job.accelerators < trace.min_accelerators:
        return "with fewer accelerators than wanted"
    if trace.max_accelerators is not None and job.accelerators > trace.max_accelerators:
        return "with more accelerators than wanted"
    if trace.tenants is not None and job.tenant not in trace.tenants:
        return "of other tenants"
    return ""
