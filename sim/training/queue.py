"""The jobs that wait, in order of submission, so that "the first that ends within an hour" is found without a scan.

Jobs of one kind have a line of their own: a job keeps its place there for good, also when it comes back after a
preemption. Over the line stands a tree of the least time that remains in each half, quarter, ... of it.
"""

import heapq
import math
import sys
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence

from sim.policies.protocols import JobView
from sim.training.job import Job

Shown = Callable[[Job], JobView]
LONGEST = sys.float_info.max


class Line:
    """The waiting jobs of one kind; a tree of minima over their places (a heap's layout, leaves from `_size` on)."""

    def __init__(self, job: Job, tenant: str | None, show: Shown) -> None:
        self.gang = job.gang
        self.speed = job.speed
        self.tenant = tenant
        """Whose they are, where that makes a kind."""
        self.waiting = 0
        self._show = show
        self._jobs: list[Job] = []
        self._numbers: list[int] = []
        self._size = 1
        self._least = [math.inf, math.inf]

    def add(self, job: Job, remaining: float) -> None:
        """Let a job wait of which `remaining` seconds are expected."""
        if not self._numbers or job.number > self._numbers[-1]:
            self._jobs.append(job)
            self._numbers.append(job.number)
            if len(self._jobs) > self._size:
                self._double()
        self._set(self._place(job.number) - 1, min(remaining, LONGEST))
        self.waiting += 1

    def remove(self, job: Job) -> None:
        """Let a job wait no more."""
        self._set(self._place(job.number) - 1, math.inf)
        self.waiting -= 1

    def next_job(self, within: float, place: int) -> tuple[int, Job] | None:
        """The first from a place on of which at most `within` seconds remain, with its place."""
        within = min(within, LONGEST)
        node, least, size = place + self._size, self._least, self._size
        if place >= size:
            return None
        while least[node] > within:
            while node & 1:
                node >>= 1
            if node == 0:
                return None
            node += 1
        while node < size:
            node *= 2
            if least[node] > within:
                node += 1
        return node - size, self._jobs[node - size]

    def first(self, within: float = math.inf, after: JobView | None = None) -> JobView | None:
        """The first in order of submission behind `after` of which at most `within` seconds are expected to remain."""
        found = self.next_job(within, 0 if after is None else self._place(after.number))
        return None if found is None else self._show(found[1])

    def _place(self, number: int) -> int:
        """How many are before or at a number."""
        return bisect_right(self._numbers, number)

    def _set(self, place: int, value: float) -> None:
        least, node = self._least, place + self._size
        least[node] = value
        while node > 1:
            node >>= 1
            smaller = min(least[2 * node], least[2 * node + 1])
            if least[node] == smaller:
                return
            least[node] = smaller

    def _double(self) -> None:
        values = self._least[self._size :] + [math.inf] * self._size
        self._size *= 2
        self._least = [math.inf] * self._size + values
        for node in range(self._size - 1, 0, -1):
            self._least[node] = min(self._least[2 * node], self._least[2 * node + 1])


class Queue:
    """All lines. `show` gives the view of a job."""

    def __init__(self, show: Shown) -> None:
        self._show = show
        self._lines: dict[object, Line] = {}
        self._alive: dict[int, Line] = {}
        """Those in which a job waits, by identity."""
        self._waiting = 0

    def add(self, job: Job, tenant: str | None, remaining: float | None) -> None:
        """Let a job wait; `tenant` is by whom it stands here, `remaining` the seconds expected of it."""
        line = self._line(job, tenant)
        line.add(job, remaining or 0.0)
        self._alive[id(line)] = line
        self._waiting += 1

    def remove(self, job: Job, tenant: str | None) -> None:
        """Let a job wait no more."""
        line = self._line(job, tenant)
        line.remove(job)
        if not line.waiting:
            del self._alive[id(line)]
        self._waiting -= 1

    def kinds(self) -> Sequence[Line]:
        """Those of which a job waits."""
        return list(self._alive.values())

    def __len__(self) -> int:
        return self._waiting

    def __iter__(self) -> Iterator[JobView]:
        """In order of submission; jobs may leave meanwhile."""
        ahead: list[tuple[int, int, Line]] = []
        for line in self.kinds():
            _push(ahead, line, 0)
        while ahead:
            number, place, line = heapq.heappop(ahead)
            found = line.next_job(LONGEST, place)
            if found is not None and found[1].number == number:
                yield self._show(found[1])
            _push(ahead, line, place + 1)

    def _line(self, job: Job, tenant: str | None) -> Line:
        kind = (job.gang, tenant, _as_key(job.speed))
        if kind not in self._lines:
            self._lines[kind] = Line(job, tenant, self._show)
        return self._lines[kind]


def _push(ahead: list[tuple[int, int, Line]], line: Line, place: int) -> None:
    found = line.next_job(LONGEST, place)
    if found is not None:
        heapq.heappush(ahead, (found[1].number, found[0], line))


def _as_key(speed: Mapping[str, float]) -> tuple[tuple[str, float], ...]:
    return tuple(speed.items())
