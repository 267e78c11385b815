"""The pods of Alibaba's trace of 2023 (cluster-trace-gpu-v2023, Weng et al., USENIX ATC 2023)."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from sim.workload.job_formats.recording import Recording, seconds, whole
from sim.workload.submissions import Submission
from sim.workload.trace_files import take_rows

COLUMNS = ("name", "num_gpu", "gpu_milli", "creation_time", "deletion_time", "scheduled_time")
"""Those that every file of pods has; `qos` and `gpu_spec` may stand beside them."""
PRIORITIES: Mapping[str, int] = {"BE": 0, "Burstable": 1, "Guaranteed": 2, "LS": 3}
"""By quality of service: best effort gives way to all, latency-sensitive to none."""
WHOLE = 1000
"""Thousandths of an accelerator."""


def read(path: Path, kinds: Mapping[str, str]) -> Recording:
    """Read the pods that ran on accelerators; a part of one counts as a whole one. Raises TraceError."""
    recording = Recording()

    def take(row: Mapping[str, str]) -> None:
        recording.read += 1
        recording.jobs.extend(_job(row, kinds, recording))

    take_rows(path, COLUMNS, take)
    return recording


def _job(row: Mapping[str, str], kinds: Mapping[str, str], recording: Recording) -> Iterator[Submission]:
    """The job of a row; none where it is left out."""
    accelerators, share = whole(row["num_gpu"]), whole(row["gpu_milli"])
    created = seconds(row["creation_time"])
    if not accelerators:
        recording.dropped["held no accelerator"] += 1
        return
    if not row["scheduled_time"]:
        recording.dropped["never started"] += 1
        return
    if not row["deletion_time"]:
        recording.dropped["had not ended"] += 1
        return
    duration = seconds(row["deletion_time"]) - seconds(row["scheduled_time"])
    if duration <= 0:
        recording.dropped["did not run"] += 1
        return
    if accelerators == 1 and share < WHOLE:
        recording.changed["hold a whole accelerator instead of a part of one"] += 1
    wanted = row.get("gpu_spec", "")
    if wanted and not kinds:
        recording.changed["may run on any kind of accelerator, though they asked for some"] += 1
    yield Submission(
        row["name"],
        created,
        accelerators,
        duration,
        priority=PRIORITIES.get(row.get("qos", "")),
        speed={pool: 1.0 for pool, kind in kinds.items() if kind in wanted.split("|")} if wanted and kinds else None,
    )
