"""A recorded trace of jobs: its file, how to read it, and which of its jobs are wanted."""

from collections.abc import Mapping
from typing import Literal, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator

from sim.scenario.arrivals import check_file
from sim.scenario.base import Node, PoolName, fail
from sim.scenario.quantities import Duration, Positive, PositiveDuration

CsvColumn = Literal["job_id", "submit_time", "num_gpu", "duration", "tenant", "priority", "estimate"]
OPTIONS: Mapping[str, tuple[str, ...]] = {
    "columns": ("csv",),
    "processors_per_accelerator": ("swf",),
    "owner": ("swf",),
    "throughputs": ("gavel",),
    "kinds": ("gavel", "alibaba"),
    "job_table": ("alibaba",),
}
"""The formats that a key belongs to."""


class JobTrace(Node):
    """A recorded trace of jobs; its path is relative to the scenario's folder.

    Of its jobs those are taken that are submitted between `from` and `until` (s of the trace's own time), have so many
    accelerators and one of the tenants, and the first `limit` of those. Time counts from `from`.
    """

    format: Literal["csv", "philly", "swf", "gavel", "alibaba"]
    path: str
    columns: Mapping[CsvColumn, str] = Field(default_factory=dict)
    """Of csv: the file's names."""
    processors_per_accelerator: int | None = Field(default=None, ge=1)
    """Of swf: how many processors an accelerator stands for; 1 where the file is silent."""
    owner: Literal["user", "group", "queue"] | None = None
    """Of swf: whose name is the job's tenant; the user's where the file is silent."""
    throughputs: str | None = None
    """Of gavel: the table of measured steps a second (JSON)."""
    kinds: Mapping[PoolName, str] = Field(default_factory=dict)
    """By pool, what the trace calls its accelerators: of gavel its worker type, where the pool is not named like it."""
    job_table: str | None = None
    """Of alibaba, 2020: the table of jobs, beside that of tasks at `path`."""
    limit: int | None = Field(default=None, ge=1)
    from_: Duration | None = Field(default=None, alias="from")
    until: PositiveDuration | None = None
    min_accelerators: int | None = Field(default=None, ge=1)
    max_accelerators: int | None = Field(default=None, ge=1)
    tenants: tuple[str, ...] | None = Field(default=None, strict=False, min_length=1)
    time_scale: Positive = 1.0
    """Stretches the times of submission; durations stay."""

    @field_validator("path", "throughputs", "job_table")
    @classmethod
    def _check_file(cls, path: str | None, info: ValidationInfo) -> str | None:
        return path if path is None else check_file(path, info)

    @model_validator(mode="after")
    def _check(self) -> Self:
        for key, of in OPTIONS.items():
            if getattr(self, key) and self.format not in of:
                fail(f"`{key}` is for {' and '.join(of)}, not for {self.format}", key)
        if self.format == "gavel" and self.throughputs is None:
            fail("`throughputs` is missing", hint="the table of measured steps a second that comes with Gavel's traces")
        if self.until is not None and self.until <= (self.from_ or 0.0):
            fail("the window ends before it begins", "until", "more than `from`")
        if (self.min_accelerators or 1) > (self.max_accelerators or self.min_accelerators or 1):
            fail("no gang has so many accelerators", "max_accelerators", "at least `min_accelerators`")
        return self

    @property
    def files(self) -> Mapping[str, str]:
        """The files that it names, by key."""
        named = {"path": self.path, "throughputs": self.throughputs, "job_table": self.job_table}
        return {key: path for key, path in named.items() if path is not None}
