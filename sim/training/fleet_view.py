"""The fleet as a scheduler sees it: built on access, from the state that the job plane holds."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from sim.policies.protocols import IntArray, JobView, Kind, Nodes, PoolView, Sees, TenantView
from sim.training.job import Job
from sim.training.queue import Queue
from sim.training.releases import Releases

if TYPE_CHECKING:
    from sim.training.job_plane import JobPlane


class LiveView:
    """The fleet at one instant (see `FleetView`) for a policy that may know so much of the jobs' lengths."""

    def __init__(
        self, plane: "JobPlane", queue: Queue, releases: Releases, sees: Sees, rng: np.random.Generator
    ) -> None:
        self._queue = queue
        self._rng = rng
        self._plane = plane
        self._releases = releases
        self._sees: Sees = sees

    @property
    def waiting(self) -> Queue:
        """The jobs that wait."""
        return self._queue

    @property
    def rng(self) -> np.random.Generator:
        """The policy's own stream of random numbers."""
        return self._rng

    @property
    def now(self) -> float:
        """The instant (s)."""
        return self._plane.environment.now

    @property
    def pools(self) -> Mapping[str, PoolView]:
        """All pools."""
        return {name: self._pool(name) for name in self._plane.pools}

    @property
    def tenants(self) -> Mapping[str, TenantView]:
        """All tenants that are known by now: the scenario's, and those of whom a job has come."""
        return {
            tenant.name: TenantView(tenant.name, tenant.weight, MappingProxyType(tenant.held), tenant.quota)
            for tenant in self._plane.tenants.values()
        }

    @property
    def running(self) -> Sequence[JobView]:
        """Jobs that hold something, in the order in which they started."""
        return [self.show(job) for job in self._plane.running.values()]

    def show(self, job: Job) -> JobView:
        """One job."""
        return job.view(self.now, self._sees)

    def fits(self, job: JobView | Kind, pool: str, accelerators: int) -> bool:
        """Whether so many accelerators of a pool could be given now."""
        if pool not in job.speed or not self.within_quota(job, pool, accelerators):
            return False
        return self._plane.pools[pool].find(accelerators) is not None

    def within_quota(self, job: JobView | Kind, pool: str, accelerators: int) -> bool:
        """Whether so many more are within the quota of the job's tenant."""
        tenant = None if job.tenant is None else self._plane.tenants.get(job.tenant)
        return tenant is None or tenant.may_hold(pool, accelerators)

    def place(self, accelerators: int, pool: str, free: IntArray) -> Nodes | None:
        """Where the placement policy would put so many, were that free which `free` says."""
        return self._plane.pools[pool].find(accelerators, free)

    def slowdown(self, pool: str, nodes: Nodes) -> float:
        """By which factor work takes longer on these nodes of a pool."""
        return self._plane.pools[pool].slowdown_on(nodes)

    def free(self, pool: str) -> IntArray:
        """Free accelerators of each node."""
        return self._plane.pools[pool].free.copy()

    def releases(self, pool: str) -> Sequence[tuple[float, int, Nodes]]:
        """When what jobs hold is expected to come free: (instant, number of the job, nodes)."""
        return self._releases.of(pool)

    def repairs(self, pool: str) -> Sequence[tuple[float, Nodes]]:
        """When what is down will be up again."""
        return self._plane.pools[pool].repairs()

    def _pool(self, name: str) -> PoolView:
        pool, ledger = self._plane.pools[name], self._plane.ledger
        counts = ledger.counts[ledger.pools[name]]
        training = sum(int(counts[ledger.owners[stream]].sum()) for stream in self._plane.streams)
        return PoolView(name, pool.total, pool.usable_total, pool.free_total, training)
