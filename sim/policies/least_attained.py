"""Least attained service first: jobs that have had little go before those that have had much."""

from bisect import bisect_right
from collections.abc import Sequence
from itertools import count
from typing import NamedTuple

from sim.policies.protocols import JobView, Sees
from sim.units import parse


class Entry(NamedTuple):
    """When a job came into its queue (s), and where it stands among those that wait there."""

    queue: int
    instant: float
    place: int


class Las:
    """Least attained service first, in queues: a job moves to the next one as it reaches a threshold (Tiresias).

    `thresholds` ascend, in seconds of running (`by: time`) or in accelerator-seconds (`by: accelerator_time`).
    """

    # Each queue is a list, as in Tiresias (Gu et al. 2019): a job enters at its end, behind those that wait. After
    # every pass those that run are moved before those that wait, in the order in which they stand.
    blocks = False
    preempts = True
    sees: Sees = "nothing"

    def __init__(self, thresholds: Sequence[str] = ("1 h", "10 h"), by: str = "time") -> None:
        if isinstance(thresholds, str) or not all(isinstance(level, str) for level in thresholds):
            raise ValueError(f"`thresholds` is a list of times with their units, such as [1 h, 10 h], not {thresholds}")
        levels = [parse(level, "time") for level in thresholds]
        if levels != sorted(set(levels)) or not all(level > 0 for level in levels):
            raise ValueError(f"`thresholds` {', '.join(map(str, thresholds))} must be positive and ascending")
        if by not in ("time", "accelerator_time"):
            raise ValueError(f"`by` is time or accelerator_time, not {by}")
        self.thresholds = levels
        self._by_time = by == "time"
        self._entries: dict[str, Entry] = {}
        self._counter = count(1)

    def key(self, job: JobView) -> tuple[float, ...]:
        """Return the queue, whether the job stands with those that wait, and its place among its like."""
        queue, entry = bisect_right(self.thresholds, self._attained(job)), self._entries.get(job.id)
        if entry is None or entry.queue != queue:
            entry = self._entries[job.id] = Entry(queue, job.now, next(self._counter))
            return (queue, 1.0, entry.place)
        just_entered = entry.instant == job.now
        if not job.held and not just_entered:  # it gave way: it stood before all that wait
            entry = self._entries[job.id] = entry._replace(place=-next(self._counter))
        if not job.held or (just_entered and job.since < job.now):
            return (queue, 1.0, entry.place)
        return (queue, 0.0, max(job.since, entry.instant), float(job.since < entry.instant), entry.place)

    def next_change(self, job: JobView) -> float | None:
        """Return the seconds until it reaches the next threshold."""
        attained = self._attained(job)
        queue = bisect_right(self.thresholds, attained)
        if queue == len(self.thresholds):
            return None
        return (self.thresholds[queue] - attained) / (1 if self._by_time else job.held)

    def _attained(self, job: JobView) -> float:
        return job.attained / job.gang if self._by_time else job.attained
