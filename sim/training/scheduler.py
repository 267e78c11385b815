"""What decides in a pass: a policy in short form, which orders jobs, or one in full form, which says what each gets."""

from typing import TYPE_CHECKING, Protocol

import numpy as np

from sim.policies.protocols import Ordering, Scheduling
from sim.training.deciding import DecidingPass
from sim.training.job import Job
from sim.training.ordering_pass import OrderingPass
from sim.workload.streams import stream

if TYPE_CHECKING:
    from sim.training.job_plane import JobPlane


class Scheduler(Protocol):
    """What the job plane tells of its jobs, and asks."""

    interval: float | None
    """Seconds between passes; None: whenever anything has changed."""

    resizes: bool
    """Whether a job may be given less than the gang it asked for."""

    def add(self, job: Job) -> None:
        """A job waits."""
        ...

    def discard(self, job: Job) -> None:
        """A job that waits is turned away."""
        ...

    def run_pass(self) -> None:
        """Decide, and have it done."""
        ...

    def started(self, job: Job) -> None:
        """A job runs."""
        ...

    def stopped(self, job: Job) -> None:
        """A job no longer runs."""
        ...


def scheduler_for(plane: "JobPlane", policy: Ordering | Scheduling, rng: np.random.Generator | None) -> Scheduler:
    """The scheduler of a policy; `rng` is for its own draws."""
    if isinstance(policy, Scheduling):
        return DecidingPass(plane, policy, rng or stream(0, "policies", "scheduling"))
    return OrderingPass(plane, policy)
