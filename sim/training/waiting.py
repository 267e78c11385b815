"""The jobs that wait, indexed so that a scheduling pass looks at one job per shape and not at the whole queue.

Jobs of one shape (the pools they may use, and the gang) fit or do not fit alike. Within a pass room only shrinks, so a
shape whose first job does not fit is out of that pass.
"""

import heapq
from collections.abc import Callable

from sim.training.job import Job

Shape = tuple[tuple[str, ...], int]
Entry = tuple[tuple[float, ...], int, Job]


class WaitingJobs:
    """Waiting jobs in the order of their keys, ties by submission."""

    def __init__(self) -> None:
        self._shapes: dict[Shape, list[Entry]] = {}
        self._submitted = 0
        self._left: set[int] = set()

    def add(self, job: Job, key: tuple[float, ...]) -> None:
        """Put a job in its place."""
        self._submitted += 1
        heapq.heappush(self._shapes.setdefault((job.pools, job.gang), []), (key, self._submitted, job))

    def discard(self, job: Job) -> None:
        """Forget a job that waits; it is dropped when its turn comes."""
        self._left.add(id(job))

    def start_in_order(self, try_start: Callable[[Job, set[str]], bool], *, blocks: bool) -> None:
        """Offer jobs to `try_start` in order, with the pools that are barred.

        With `blocks`, a job that does not fit bars the pools it could use to those behind it.
        """
        heads = [(*self._head(shape)[:2], shape) for shape in list(self._shapes) if self._tidy(shape)]
        heapq.heapify(heads)
        barred: set[str] = set()
        while heads:
            _, _, shape = heapq.heappop(heads)
            if barred.issuperset(shape[0]):
                continue
            if try_start(self._head(shape)[2], barred):
                heapq.heappop(self._shapes[shape])
                if self._tidy(shape):
                    heapq.heappush(heads, (*self._head(shape)[:2], shape))
            elif blocks:
                barred.update(shape[0])

    def _head(self, shape: Shape) -> Entry:
        return self._shapes[shape][0]

    def _tidy(self, shape: Shape) -> bool:
        """Drop jobs that have left from the front of a shape; whether any job remains."""
        entries = self._shapes[shape]
        while entries and id(entries[0][2]) in self._left:
            self._left.discard(id(heapq.heappop(entries)[2]))
        if not entries:
            del self._shapes[shape]
        return bool(entries)
