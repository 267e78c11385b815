"""Room for jobs in order, where running ones give way to those before them: found first, and then made so.

While the order is gone through, running jobs that have not had their turn stand where they are. Where a job that waits
has no room, they are thought away from the last one on until it has; their own turn comes later, and finds them room
where they were, elsewhere, or nowhere. On one node that gives room to exactly those whom the order serves first.
"""

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING

from sim.fleet.pool import FleetError
from sim.policies.protocols import IntArray, Nodes
from sim.training.job import Job

if TYPE_CHECKING:
    from sim.training.job_plane import JobPlane

Place = tuple[str, Nodes]


class GivingWay:
    """Who would hold what, given the running jobs that may give way, in order."""

    def __init__(self, plane: "JobPlane", running: Iterable[Job]) -> None:
        self._plane = plane
        self._free: dict[str, IntArray] = {name: pool.free.copy() for name, pool in plane.pools.items()}
        self._change: Counter[tuple[str | None, str]] = Counter()
        """What tenants would hold more than they do, by tenant and pool."""
        self._standing = {job.number: job for job in running}
        """Those that have not had their turn, in order."""
        self._may_come_free = Counter[str]()
        """Accelerators that they hold, by pool."""
        for job in self._standing.values():
            self._may_come_free[job.spells[-1].holding.pool] += job.spells[-1].holding.accelerators
        self._away: dict[int, Job] = {}
        """Those thought away before their turn."""
        self._preempted: list[Job] = []
        self._starting: list[tuple[Job, Place]] = []

    def keep(self, job: Job) -> None:
        """Let a running job have its turn."""
        if job.number in self._standing:
            self._had_turn(job)
            return
        del self._away[job.number]
        holding = job.spells[-1].holding
        free = self._free[holding.pool]
        if self._within_quota(job, holding.pool) and all(free[node] >= count for node, count in holding.nodes):
            self._take(job, holding.pool, holding.nodes)
            return
        self._preempted.append(job)
        self.find(job)

    def find(self, job: Job) -> bool:
        """Find room for a job that holds nothing."""
        places = (self._make_room(job, pool) for pool in job.speed)
        place = next((place for place in places if place is not None), None)
        if place is None:
            return False
        self._starting.append((job, place))
        return True

    def carry_out(self) -> None:
        """Preempt those without room, the last one first, and start those with."""
        for job in reversed(self._preempted):
            self._plane.stop(job)
        for job, (pool, nodes) in self._starting:
            if not self._plane.try_start(job, pool, job.gang, nodes):
                raise FleetError(f"there is no room for job {job.id} on {pool}, though it was found")

    def _make_room(self, job: Job, pool: str) -> Place | None:
        """A place in a pool; jobs that have not had their turn are thought away as need be, the last one first."""
        victims: list[Job] = []
        if job.gang > self._free[pool].sum() + self._may_come_free[pool]:
            return None
        behind = iter([each for each in reversed(self._standing.values()) if each.spells[-1].holding.pool == pool])
        while True:
            nodes = self._plane.pools[pool].find(job.gang, self._free[pool]) if self._within_quota(job, pool) else None
            if nodes is not None:
                self._take(job, pool, nodes)
                for victim in victims:
                    self._had_turn(victim)
                    self._away[victim.number] = victim
                return pool, nodes
            last = next(behind, None)
            if last is None:
                break
            self._take(last, pool, last.spells[-1].holding.nodes, sign=-1)
            victims.append(last)
        for victim in victims:
            self._take(victim, pool, victim.spells[-1].holding.nodes)
        return None

    def _had_turn(self, job: Job) -> None:
        del self._standing[job.number]
        self._may_come_free[job.spells[-1].holding.pool] -= job.spells[-1].holding.accelerators

    def _within_quota(self, job: Job, pool: str) -> bool:
        tenant = self._plane.tenant_of(job)
        return tenant is None or tenant.may_hold(pool, job.gang + self._change[tenant.name, pool])

    def _take(self, job: Job, pool: str, nodes: Nodes, sign: int = 1) -> None:
        for node, count in nodes:
            self._free[pool][node] -= sign * count
        self._change[job.tenant, pool] += sign * job.gang
