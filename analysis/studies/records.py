"""The runs of a study: every point replicated with the same seeds; a point that fails is a record, not the end."""

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from itertools import product
from typing import Any

from analysis.workers import Draw, draw
from sim.fleet.pool import FleetError
from sim.scenario import Scenario, ScenarioError


@dataclass(frozen=True)
class Record:
    """One replication of a point: its draw, or what went wrong."""

    point: int
    replication: int
    draw: Draw | None
    error: str | None = None


@dataclass
class Records:
    """Replications of numbered scenarios as they are asked for, with one series of seeds for all of them."""

    scenarios: Mapping[int, Scenario]
    seeds: tuple[int, ...]
    workers: Executor
    policies: Mapping[str, Any] | None = None
    limits: Mapping[str, Sequence[float]] = field(default_factory=dict)

    def run(self, points: Sequence[int], first: int, last: int) -> Iterator[Record]:
        """Replications `first` to `last` (from 1, both included) of the points, in the order of (replication, point).

        Replications come first so that each point is heard of early. A point that has failed is not asked again.
        """
        asked = product(range(first, last + 1), points)
        waiting = deque((point, number, self._submit(point, number)) for number, point in asked)
        failed: set[int] = set()
        try:
            while waiting:
                point, number, future = waiting.popleft()
                if point in failed:
                    future.cancel()
                    continue
                record = _record(point, number, future)
                if record.draw is None:
                    failed.add(point)
                yield record
        finally:
            for _, _, future in waiting:
                future.cancel()

    def _submit(self, point: int, number: int) -> Future[Draw]:
        seed = self.seeds[number - 1]
        return self.workers.submit(draw, self.scenarios[point], seed, self.limits, policies=self.policies)


def _record(point: int, number: int, future: "Future[Draw]") -> Record:
    try:
        found = future.result()
    except (ScenarioError, FleetError) as error:
        return Record(point, number, None, str(error))
    if found.broken:
        law = found.broken[0]
        return Record(point, number, None, f"the audit found a broken law: {law['law']} at {law['where']}")
    return Record(point, number, found)


def told(records: Iterator[Record], of: int, progress: Callable[[float], None] | None) -> Iterator[Record]:
    """The records, while `progress` is told the share of `of` that is done."""
    for done, record in enumerate(records, 1):
        if progress:
            progress(min(done / of, 1.0))
        yield record
