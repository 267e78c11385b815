"""A job as its source has it, before the stream that it belongs to says the rest."""

from collections.abc import Mapping
from typing import NamedTuple


class Submission(NamedTuple):
    """A job that was drawn, recorded or named. Seconds; None where its source is silent."""

    job_id: str
    submit: float
    accelerators: int
    duration: float
    """On the first pool that it can use."""
    tenant: str | None = None
    priority: int | None = None
    estimate: float | None = None
    deadline: float | None = None
    """Seconds after submission."""
    speed: Mapping[str, float] | None = None
    """By pool, relative to where `duration` holds; it cannot run where that is absent."""
    least: int | None = None
    """Of one whose length follows from its model: the accelerators that hold it at all."""
