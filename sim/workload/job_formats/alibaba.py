"""Recorded jobs of Alibaba's clusters of GPUs: the tables of 2020 (PAI; Weng et al., NSDI 2022), the pods of 2023."""

from collections.abc import Mapping
from pathlib import Path

from sim.workload.job_formats import alibaba_pods, alibaba_tasks
from sim.workload.job_formats.recording import Recording
from sim.workload.trace_files import TraceError, rows_of


def read(path: Path, job_table: Path | None, kinds: Mapping[str, str]) -> Recording:
    """Read the pods of 2023, or the tasks of 2020 with the table of their jobs where there is one.

    The first row tells them apart. `kinds` says what the trace calls the accelerators of each pool: with it pods run
    only where they may. Time counts from the first job. Raises TraceError.
    """
    with rows_of(path) as rows:
        first = [cell.strip() for cell in next(rows, [])]
    if set(first) >= set(alibaba_pods.COLUMNS):
        if job_table is not None:
            raise TraceError(path, 0, "holds pods, which have no table of jobs: leave out `job_table`")
        recording = alibaba_pods.read(path, kinds)
    else:
        recording = alibaba_tasks.read(path, job_table)
    if not recording.jobs:
        raise TraceError(path, 0, f"has no job that ran: {recording.sentence()}")
    begin = min(job.submit for job in recording.jobs)
    recording.jobs = [job._replace(submit=job.submit - begin) for job in recording.jobs]
    recording.sort()
    return recording
