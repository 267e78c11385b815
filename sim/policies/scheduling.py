"""In which order jobs start, and which of them give way."""

from bisect import bisect_right
from collections.abc import Sequence
from itertools import count

from sim.policies.protocols import JobView, Sees
from sim.units import parse


class Fifo:
    """First come, first served: a job that does not fit blocks those behind it."""

    blocks = True
    preempts = False
    sees: Sees = "nothing"

    def key(self, job: JobView) -> tuple[float, ...]:
        """Return the time of submission."""
        return (job.submitted,)

    def next_change(self, job: JobView) -> None:
        """Never: the key stays."""


class FifoFirstFit(Fifo):
    """In order of submission every job that fits starts: the whole queue is scanned."""

    blocks = False


class Sjf(Fifo):
    """The shortest job first: one that does not fit blocks the longer ones."""

    def __init__(self, sees: Sees = "durations") -> None:
        self.sees = length_is_seen(sees)

    def key(self, job: JobView) -> tuple[float, ...]:
        """Return the seconds that remain."""
        return (job.remaining or 0.0,)


class Srtf(Sjf):
    """The job with the least time remaining first; running ones give way."""

    blocks = False
    preempts = True


class Srsf(Srtf):
    """The job with the least accelerator-time remaining first; running ones give way (Tiresias)."""

    def key(self, job: JobView) -> tuple[float, ...]:
        """Return the accelerator-seconds that remain."""
        return ((job.remaining or 0.0) * job.gang,)


class Priority(Fifo):
    """The highest priority first, by submission within one; with `preempts`, running jobs of a lower one give way."""

    def __init__(self, *, preempts: bool = False, blocks: bool = True) -> None:
        self.preempts = preempts
        self.blocks = blocks and not preempts

    def key(self, job: JobView) -> tuple[float, ...]:
        """Return the priority, the highest first."""
        return (-float(job.priority), job.submitted)


class Las:
    """Least attained service first, in queues: a job moves to the next one as it reaches a threshold (Tiresias).

    `thresholds` are ascending, in seconds of running (`by: time`) or in accelerator-seconds (`by: accelerator_time`).
    In a queue those that run stay ahead of those that wait, and otherwise the order is that in which they entered it.
    """

    blocks = False
    preempts = True
    sees: Sees = "nothing"

    def __init__(self, thresholds: Sequence[str | float] = ("1 h", "10 h"), by: str = "time") -> None:
        levels = [parse(level, "time") if isinstance(level, str) else float(level) for level in thresholds]
        if levels != sorted(set(levels)) or not all(level > 0 for level in levels):
            raise ValueError(f"`thresholds` {', '.join(map(str, thresholds))} must be positive and ascending")
        if by not in ("time", "accelerator_time"):
            raise ValueError(f"`by` is time or accelerator_time, not {by}")
        self.thresholds = levels
        self._by_time = by == "time"
        self._entered: dict[str, tuple[int, int]] = {}
        self._counter = count()

    def key(self, job: JobView) -> tuple[float, ...]:
        """Return the queue, whether the job waits, and its place in the order of entry."""
        queue = bisect_right(self.thresholds, self._attained(job))
        if self._entered.get(job.id, (-1, 0))[0] != queue:
            self._entered[job.id] = (queue, next(self._counter))
        return (queue, 0.0 if job.held else 1.0, self._entered[job.id][1])

    def next_change(self, job: JobView) -> float | None:
        """Return the seconds until it reaches the next threshold."""
        attained = self._attained(job)
        queue = bisect_right(self.thresholds, attained)
        if queue == len(self.thresholds):
            return None
        return (self.thresholds[queue] - attained) / (1 if self._by_time else job.held)

    def _attained(self, job: JobView) -> float:
        return job.attained / job.gang if self._by_time else job.attained


def length_is_seen(sees: Sees) -> Sees:
    """Refuse a policy that is to go by lengths and see none. Raises ValueError."""
    if sees not in ("estimates", "durations"):
        raise ValueError(f"`sees` is estimates or durations, not {sees}")
    return sees
