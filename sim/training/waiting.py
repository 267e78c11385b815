"""The jobs that wait, by key, so that a scheduling pass looks at one job per shape and not at the whole queue.

Jobs of one shape (the pools they may use, the gang, and whose quota they need) fit or do not fit alike. Within a pass
room only shrinks, so a shape whose first job does not fit is out of that pass.
"""

import heapq
from collections.abc import Callable

from sim.training.job import Job

Shape = tuple[tuple[str, ...], int, str | None]
"""Pools in order of preference, gang, and the tenant where it has a quota."""
Key = tuple[float, ...]
Entry = tuple[Key, int, Job]
"""In order of the key, ties by submission."""


class WaitingJobs:
    """Waiting jobs in the order of their keys, ties by submission."""

    def __init__(self) -> None:
        self._shapes: dict[Shape, list[Entry]] = {}
        self._live: dict[int, Entry] = {}
        """The entries of those that wait, by number; what else is found in a shape is left over."""

    def add(self, job: Job, shape: Shape, key: Key) -> None:
        """Put a job in its place."""
        entry = self._live[job.number] = (key, job.number, job)
        heapq.heappush(self._shapes.setdefault(shape, []), entry)

    def discard(self, job: Job) -> None:
        """Let a job wait no more; what is left of it is dropped when its turn comes."""
        self._live.pop(job.number, None)

    def heads(self) -> list[tuple[Key, int, Shape]]:
        """The place of the first job of each shape, as a heap."""
        found = [(*self.head(shape)[:2], shape) for shape in list(self._shapes) if self._tidy(shape)]
        heapq.heapify(found)
        return found

    def head(self, shape: Shape) -> Entry:
        """The first of a shape of which jobs wait."""
        return self._shapes[shape][0]

    def take(self, shape: Shape, heads: list[tuple[Key, int, Shape]]) -> None:
        """Take the first of a shape out, and put the place of the next one among the heads."""
        self.discard(self.head(shape)[2])
        if self._tidy(shape):
            heapq.heappush(heads, (*self.head(shape)[:2], shape))

    def start_in_order(self, try_start: Callable[[Job, set[str]], bool], *, blocks: bool) -> None:
        """Offer jobs to `try_start` in order, with the pools that are barred.

        With `blocks`, a job that does not fit bars the pools it could use to those behind it.
        """
        heads = self.heads()
        barred: set[str] = set()
        while heads:
            _, _, shape = heapq.heappop(heads)
            if barred.issuperset(shape[0]):
                continue
            if try_start(self.head(shape)[2], barred):
                self.take(shape, heads)
            elif blocks:
                barred.update(shape[0])

    def _tidy(self, shape: Shape) -> bool:
        """Drop jobs that have left from the front of a shape; whether any job remains."""
        entries = self._shapes[shape]
        while entries and self._live.get(entries[0][1]) is not entries[0]:
            heapq.heappop(entries)
        if not entries:
            del self._shapes[shape]
        return bool(entries)
