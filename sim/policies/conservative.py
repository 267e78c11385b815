"""Conservative backfill: every job that waits holds a reservation, which nobody behind it may delay."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from sim.policies.profile import Profile
from sim.policies.protocols import Assign, FleetView, JobView, Nodes, Sees
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
        self._up: dict[str, int] = {}
        self._profiles: dict[str, Profile] = {}

    def decide(self, fleet: FleetView) -> Iterator[Assign]:
        """Start those whose reservation begins now."""
        if self._as_expected(fleet):
            for profile in self._profiles.values():
                profile.forget_before(fleet.now)
        else:
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
        up = {name: view.up for name, view in fleet.pools.items()}
        running = {number: end for pool in up for end, number, _ in fleet.releases(pool)}
        ended = {number: end for number, end in self._ends.items() if number not in running}
        went_well = (
            up == self._up
            and running.keys() <= self._ends.keys()
            and all(end <= fleet.now for end in ended.values())
            and all(end > fleet.now for end in running.values())
            and all(slot.start >= fleet.now for slot in self._slots.values())
        )
        self._up, self._ends = up, running
        return went_well

    def _begin_anew(self, fleet: FleetView) -> None:
        self._slots.clear()
        self._profiles = {
            pool: Profile(fleet.now, fleet.free(pool), [(end, nodes) for end, _, nodes in fleet.releases(pool)])
            for pool in fleet.pools
        }

    def _reserve(self, fleet: FleetView, job: JobView) -> None:
        """Give a job the earliest room there is for it in any of its pools."""
        slots = []
        for pool, speed in job.speed.items():
            length = (job.remaining or 0.0) / speed
            found = self._profiles[pool].earliest(length, partial(fleet.place, job.gang, pool))
            if found is not None:
                slots.append(Slot(found[0], pool, found[1], found[0] + length))
        if slots:
            slot = self._slots[job.number] = min(slots, key=lambda slot: slot.start)
            self._profiles[slot.pool].take(slot.start, slot.end, slot.nodes)
