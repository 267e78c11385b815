"""How far a job comes while it holds one and the same gang, and what of it is safe.

A spell begins with a `delay` (state is loaded), in which nothing is worked. Then so many seconds of work alternate with
checkpoints, none of them at the very end.
"""

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Checkpoints:
    """After each `interval` of work `cost` goes to a checkpoint, and each start after the first takes `restart` (s)."""

    interval: float
    cost: float = 0.0
    restart: float = 0.0

    def within(self, work: float) -> int:
        """How many are made in so many seconds of work without a stop."""
        return max(math.ceil(work / self.interval) - 1, 0)


@dataclass(frozen=True, slots=True)
class Progress:
    """What a spell has come to (seconds of its wall time): `worked`, of which `saved` is in checkpoints."""

    worked: float
    saved: float
    restarting: float
    checkpointing: float


def whole_length(work: float, delay: float, checkpoints: Checkpoints | None) -> float:
    """Seconds that a spell takes if nothing ends it before its `work` (seconds) is done."""
    if checkpoints is None:
        return delay + work
    return delay + work + checkpoints.cost * checkpoints.within(work)


def progress(elapsed: float, delay: float, checkpoints: Checkpoints | None) -> Progress:
    """What a spell has come to after `elapsed` seconds, before its end. A checkpoint under way saves nothing yet."""
    if elapsed <= delay:
        return Progress(0.0, 0.0, elapsed, 0.0)
    going = elapsed - delay
    if checkpoints is None:
        return Progress(going, 0.0, delay, 0.0)
    cycles = math.floor(going / (checkpoints.interval + checkpoints.cost))
    rest = going - cycles * (checkpoints.interval + checkpoints.cost)
    saved = cycles * checkpoints.interval
    worked = saved + min(rest, checkpoints.interval)
    return Progress(worked, saved, delay, going - worked)
