"""A folder of results appears whole or not at all."""

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

MARK = "summary.json"
"""The file that makes a folder one of a run."""
MARKS = (MARK, "comparison.json", "study.json", "plan.json")
"""The files that make a folder one of results; they are moved last."""
FILES = (
    "scenario.yaml",
    "telemetry.parquet",
    "jobs.parquet",
    "latency.parquet",
    "requests.parquet",
    "timeline.json",
    "replications.parquet",
    "replication_latency.parquet",
    "ensemble.parquet",
    "points.parquet",
    "point_latency.parquet",
    "report.html",
    *MARKS,
)


@contextmanager
def written_whole(folder: Path, *, force: bool = False) -> Iterator[Path]:
    """Give a folder to write into, whose files move into `folder` when all went well and vanish otherwise.

    A run that `folder` holds is replaced where forced; other files in it are left alone. Raises FileExistsError where
    it holds a run, and OSError where it cannot be written.
    """
    if any((folder / mark).exists() for mark in MARKS) and not force:
        raise FileExistsError(f"{folder} holds other results")
    if folder.exists() and not folder.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(folder))
    home = folder if folder.is_dir() else folder.parent
    made = [parent for parent in (home, *home.parents) if not parent.exists()]
    partial = home / f".{folder.name}.partial-{os.getpid()}"
    try:
        partial.mkdir(parents=True)
        yield partial
        _move(partial, folder)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        for parent in made:
            with suppress(OSError):
                parent.rmdir()
        raise


def _move(partial: Path, folder: Path) -> None:
    if not folder.exists():
        partial.rename(folder)
        return
    for name in FILES:
        (folder / name).unlink(missing_ok=True)
    for file in sorted(partial.iterdir(), key=lambda file: file.name in MARKS):
        file.replace(folder / file.name)
    partial.rmdir()
