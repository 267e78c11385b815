"""When what jobs hold is expected to come free, by pool, kept in order as jobs start and stop."""

from bisect import bisect_left, insort
from collections.abc import Iterable, Sequence

from sim.policies.protocols import Nodes
from sim.training.job import Job

Release = tuple[float, int, Nodes]


class Releases:
    """The instants (s) at which running jobs are expected to end, with the nodes that then come free."""

    def __init__(self, pools: Iterable[str]) -> None:
        self._ordered: dict[str, list[Release]] = {name: [] for name in pools}
        self._of: dict[int, Release] = {}

    def add(self, job: Job, end: float) -> None:
        """A job runs, and is expected to end then."""
        holding = job.spells[-1].holding
        self._of[job.number] = (end, job.number, holding.nodes)
        insort(self._ordered[holding.pool], self._of[job.number])

    def remove(self, job: Job) -> None:
        """A job no longer runs."""
        ordered, release = self._ordered[job.spells[-1].holding.pool], self._of.pop(job.number)
        del ordered[bisect_left(ordered, release)]

    def of(self, pool: str) -> Sequence[tuple[float, int, Nodes]]:
        """(instant, number of the job, nodes), the earliest first."""
        return self._ordered[pool]
