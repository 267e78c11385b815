"""Fair shares of a fleet with several pools: whoever has the least of what it has most of is served next."""

import heapq
from collections import Counter
from collections.abc import Collection, Iterator

from sim.policies.protocols import Assign, FleetView, JobView, Kind, Sees, TenantView

Line = list[tuple[int, int, Kind, JobView]]
"""A heap of the first job of each kind of a tenant: (number of the job, index of the kind, kind, job)."""


class FairShare:
    """The tenant with the least dominant share over its weight is served next; nobody is preempted.

    A tenant's dominant share is the largest of its shares of the pools (Ghodsi et al. 2011: dominant resource
    fairness; the pools are the resources, of which a gang needs one). Its first job in order of submission that fits
    starts. Jobs without a tenant count as those of one of weight 1.
    """

    interval = None
    sees: Sees = "nothing"
    by_tenant = True

    def decide(self, fleet: FleetView) -> Iterator[Assign]:
        """Serve tenants until no job of any of them fits."""
        lines = _lines(fleet)
        if not lines:
            return
        shares = Shares(fleet, lines)
        turns = [(shares.dominant(tenant), line[0][0], tenant or "") for tenant, line in lines.items()]
        heapq.heapify(turns)
        while turns:
            tenant = heapq.heappop(turns)[2] or None
            found = _first_that_fits(fleet, lines[tenant])
            if found is None:
                continue
            job, pool = found
            yield Assign(job.id, pool, job.gang)
            shares.take(tenant, pool, job.gang)
            if lines[tenant]:
                heapq.heappush(turns, (shares.dominant(tenant), lines[tenant][0][0], tenant or ""))


class Shares:
    """What tenants who have jobs waiting hold of what there is for jobs. Of one who is alone that decides nothing."""

    def __init__(self, fleet: FleetView, contenders: Collection[str | None]) -> None:
        known = fleet.tenants.values() if len(contenders) > 1 else ()
        views: dict[str | None, TenantView] = {tenant.name: tenant for tenant in known}
        self._room = {name: pool.free + pool.training for name, pool in fleet.pools.items()}
        self._weights: dict[str | None, float] = {name: view.weight for name, view in views.items()}
        self._held = {name: Counter(views[name].held if name in views else ()) for name in contenders}
        for job in fleet.running if views and None in contenders else ():
            if job.tenant is None and job.pool is not None:
                self.take(None, job.pool, job.held)

    def take(self, tenant: str | None, pool: str, accelerators: int) -> None:
        """Let a tenant hold so many more."""
        self._held[tenant][pool] += accelerators

    def dominant(self, tenant: str | None) -> float:
        """The largest of a tenant's shares of the pools, over its weight."""
        shares = (count / self._room[pool] for pool, count in self._held[tenant].items() if count)
        return max(shares, default=0.0) / self._weights.get(tenant, 1.0)


def _lines(fleet: FleetView) -> dict[str | None, Line]:
    """What waits of each tenant, without the kinds for which too little is free."""
    free = {pool: int(fleet.free(pool).sum()) for pool in fleet.pools}
    lines: dict[str | None, Line] = {}
    if not any(free.values()):
        return lines
    for index, kind in enumerate(fleet.waiting.kinds()):
        if any(kind.gang <= free[pool] for pool in kind.speed) and (job := kind.first()) is not None:
            heapq.heappush(lines.setdefault(kind.tenant, []), (job.number, index, kind, job))
    return lines


def _first_that_fits(fleet: FleetView, line: Line) -> tuple[JobView, str] | None:
    """Take the first job that fits off a line, with its pool; kinds that do not fit are dropped on the way."""
    while line:
        _, index, kind, job = heapq.heappop(line)
        pool = next((pool for pool in job.speed if fleet.fits(job, pool, job.gang)), None)
        if pool is None:
            continue
        following = kind.first(after=job)
        if following is not None:
            heapq.heappush(line, (following.number, index, kind, following))
        return job, pool
    return None
