"""A training job: what was asked for, and how far it has come."""

import math
from dataclasses import dataclass

from sim.fleet.pool import Holding
from sim.policies.protocols import JobView, Sees


@dataclass(slots=True)
class Job:
    """One job. Times in seconds; `run_time` is its duration and its checkpoints, which take `checkpoint_time` of it."""

    id: str
    stream: str
    tenant: str | None
    priority: int
    submit: float
    gang: int
    duration: float
    estimate: float | None
    pools: tuple[str, ...]
    run_time: float
    checkpoint_time: float
    status: str = "queued"
    start: float = math.nan
    end: float = math.nan
    holding: Holding | None = None
    reason: str = ""

    def view(self, sees: Sees) -> JobView:
        """Show the job to a scheduler that may see so much of its length."""
        remaining = {"nothing": None, "estimates": self.estimate, "durations": self.run_time}[sees]
        return JobView(self.id, self.stream, self.tenant, self.priority, self.submit, self.gang, 0.0, remaining)


def checkpoint_seconds(duration: float, interval: float, cost: float) -> float:
    """Seconds spent on checkpoints: one after each full interval of work, but none at the very end."""
    return cost * max(math.ceil(duration / interval) - 1, 0)
