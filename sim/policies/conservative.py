"""Conservative backfill: every job that waits holds a reservation, which nobody behind it may delay."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np

from sim.policies.profile import SOON, Profile
from sim.policies.protocols import Assign, FleetView, IntArray, JobView, Nodes, Sees
from sim.policies.scheduling import length_is_seen


@dataclass(frozen=True)
class Slot:
    """Where and when (s) a job is to start."""

    start: float
    pool: str
    nodes: Nodes
    end: float


class ConservativeBackfill:
    """Every job reserves the earliest room that leaves all earlier reservations as they are (Feitelson and Weil 1998).

    Where a job ends before it was expected to, or accelerators fail or come back, all who wait reserve anew in order of
    submission. `sees` says whether lengths are the users' estimates or the true durations.
    """

    interval = None

    def __init__(self, sees: Sees = "durations") -> None:
        self.sees = length_is_seen(sees)
        self._slots: dict[int, Slot] = {}
        """Of those that wait, by number."""
        self._ends: dict[int, float] = {}
        """When those that run are expected to end, as it was known at the last decision."""
        self._repairs: dict[str, list[tuple[float, Nodes]]] = {}
        """By pool, what was down at the last decision and until when."""
        self._profiles: dict[str, Profile] = {}
        self._quotas: dict[str, dict[str, int]] = {}
        """By pool and tenant, at which place of the profile its quota stands."""

    def decide(self, fleet: FleetView) -> Iterator[Assign]:
        """Start those whose reservation begins now."""
        for profile in self._profiles.values():
            profile.forget_before(fleet.now)
        if not self._as_expected(fleet):
            self._begin_anew(fleet)
        for job in fleet.waiting:
            if job.number not in self._slots:
                self._reserve(fleet, job)
            slot = self._slots.get(job.number)
            if slot is not None and slot.start <= fleet.now:
                del self._slots[job.number]
                self._ends[job.number] = slot.end
                yield Assign(job.id, slot.pool, job.gang, slot.nodes)

    def _as_expected(self, fleet: FleetView) -> bool:
        """Whether all has gone as planned since the last decision."""
        repairs = {pool: list(fleet.repairs(pool)) for pool in fleet.pools}
        running = {number: end for pool in repairs for end, number, _ in fleet.releases(pool)}
        ended = {number: end for number, end in self._ends.items() if number not in running}
        went_well = (
            repairs == self._repairs
            and running.keys() <= self._ends.keys()
            and all(end <= fleet.now for end in ended.values())
            and all(end > fleet.now for end in running.values())
            and all(slot.start >= fleet.now for slot in self._slots.values())
            and self._room_is_there(fleet)
        )
        self._repairs, self._ends = repairs, running
        return went_well

    def _room_is_there(self, fleet: FleetView) -> bool:
        """Whether what was planned to be free now is: as many may be up as before, and others."""
        free = {pool: fleet.free(pool) for pool in self._profiles}
        for slot in self._slots.values():
            for node, count in slot.nodes if slot.start <= fleet.now < slot.end else ():
                free[slot.pool][node] -= count
        planned = {pool: profile.at_first()[: len(free[pool])] for pool, profile in self._profiles.items()}
        return all(bool((left == planned[pool]).all()) for pool, left in free.items())

    def _begin_anew(self, fleet: FleetView) -> None:
        self._slots.clear()
        running = {job.number: job for job in fleet.running}
        self._profiles = {pool: self._profile(fleet, pool, running) for pool in fleet.pools}

    def _profile(self, fleet: FleetView, pool: str, running: Mapping[int, JobView]) -> Profile:
        """What will be free of a pool. What is left of each tenant's quota is one more node at the end."""
        free, quotas = fleet.free(pool), [tenant for tenant in fleet.tenants.values() if pool in tenant.quota]
        self._quotas[pool] = {tenant.name: len(free) + place for place, tenant in enumerate(quotas)}
        left = [tenant.quota[pool] - tenant.held[pool] for tenant in quotas]
        releases = [
            (end, (*nodes, *self._of_quota(running[number], pool))) for end, number, nodes in fleet.releases(pool)
        ]
        return Profile(fleet.now, np.append(free, np.array(left, np.int64)), [*releases, *fleet.repairs(pool)])

    def _of_quota(self, job: JobView, pool: str) -> Nodes:
        """What a job takes of its tenant's quota, as if that were a node."""
        node = None if job.tenant is None else self._quotas[pool].get(job.tenant)
        return () if node is None else ((node, job.gang),)

    def _reserve(self, fleet: FleetView, job: JobView) -> None:
        """Give a job the earliest room there is for it in any of its pools."""
        slots: list[Slot] = []
        for pool in job.speed:
            slots += self._earliest(fleet, job, pool)
        if slots:
            slot = self._slots[job.number] = min(slots, key=lambda slot: slot.start)
            self._profiles[slot.pool].take(slot.start, slot.end, (*slot.nodes, *self._of_quota(job, slot.pool)))

    def _earliest(self, fleet: FleetView, job: JobView, pool: str) -> list[Slot]:
        """The earliest room in a pool, for as long as the job takes where that is; none where there never is any."""
        slowdown = 1.0
        while True:
            length = max((job.remaining or 0.0) * slowdown / job.speed[pool], SOON)
            found = self._profiles[pool].earliest(length, partial(self._place, fleet, job, pool))
            if found is None:
                return []
            start, nodes = found
            if fleet.slowdown(pool, nodes) <= slowdown:
                return [Slot(start, pool, nodes, start + length)]
            slowdown = fleet.slowdown(pool, nodes)

    def _place(self, fleet: FleetView, job: JobView, pool: str, free: IntArray) -> Nodes | None:
        if any(free[node] < count for node, count in self._of_quota(job, pool)):
            return None
        return fleet.place(job.gang, pool, free[: len(free) - len(self._quotas[pool])])
