"""EASY backfill: the first job that has no room reserves it, and later ones start where they do not delay that."""

import heapq
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter

import numpy as np

from sim.policies.protocols import Assign, FleetView, IntArray, JobView, Kind, Nodes, Sees
from sim.policies.scheduling import length_is_seen


@dataclass(frozen=True)
class Reservation:
    """Room that a job will have: from when on (s), and what it leaves free of each node then."""

    start: float
    left: IntArray


class EasyBackfill:
    """In order of submission; the first that has no room reserves the earliest, and later ones must not delay it.

    A later job starts if it ends by then, or takes only what the first one leaves over (Lifka 1995; Mu'alem and
    Feitelson 2001). `sees` says whether lengths are the users' estimates or the true durations. With several pools a
    job reserves where it would start first, and bars that pool alone.
    """

    interval = None

    def __init__(self, sees: Sees = "durations") -> None:
        self.sees = length_is_seen(sees)

    def decide(self, fleet: FleetView) -> Iterator[Assign]:
        """Start what may start now."""
        if not any(fleet.free(pool).any() for pool in fleet.pools):
            return
        reserved: dict[str, Reservation] = {}
        kinds = fleet.waiting.kinds()
        ahead = [(job.number, index, job) for index, kind in enumerate(kinds) if (job := kind.first()) is not None]
        heapq.heapify(ahead)
        while ahead:
            _, index, job = heapq.heappop(ahead)
            place = _place(fleet, job, reserved)
            if place is not None:
                _take_of_what_is_left(fleet, job, place, reserved)
                yield Assign(job.id, place[0], job.gang, place[1])
            elif not reserved.keys() & job.speed.keys():
                reserved |= _earliest(fleet, job)
            following = kinds[index].first(_longest(fleet, kinds[index], reserved), job)
            if following is not None:
                heapq.heappush(ahead, (following.number, index, following))


def _place(fleet: FleetView, job: JobView, reserved: Mapping[str, Reservation]) -> tuple[str, Nodes] | None:
    """Where a job may start now."""
    for pool in job.speed:
        if not fleet.within_quota(job, pool, job.gang):
            continue
        free = fleet.free(pool)
        nodes = fleet.place(job.gang, pool, free)
        if nodes is not None and pool in reserved and _outlasts(fleet, job, pool, nodes, reserved[pool].start):
            nodes = fleet.place(job.gang, pool, np.minimum(free, reserved[pool].left))
        if nodes is not None:
            return pool, nodes
    return None


def _take_of_what_is_left(
    fleet: FleetView, job: JobView, place: tuple[str, Nodes], reserved: Mapping[str, Reservation]
) -> None:
    """Where a job that starts now will still be there when a reservation begins, leave less to those behind it."""
    pool, nodes = place
    if pool in reserved and _outlasts(fleet, job, pool, nodes, reserved[pool].start):
        for node, count in nodes:
            reserved[pool].left[node] -= count


def _outlasts(fleet: FleetView, job: JobView, pool: str, nodes: Nodes, instant: float) -> bool:
    """Whether a job that starts now on these nodes is expected to end after an instant (s)."""
    return fleet.now + (job.remaining or 0.0) * fleet.slowdown(pool, nodes) / job.speed[pool] > instant


def _longest(fleet: FleetView, kind: Kind, reserved: Mapping[str, Reservation]) -> float:
    """The most seconds that may remain of a job of a kind if it is to start now, or may be the next to reserve."""
    if not any(fleet.within_quota(kind, pool, kind.gang) for pool in kind.speed):
        return -math.inf
    if not reserved.keys() & kind.speed.keys():
        return math.inf
    return max(_longest_in(fleet, kind, pool, reserved.get(pool)) for pool in kind.speed)


def _longest_in(fleet: FleetView, kind: Kind, pool: str, reservation: Reservation | None) -> float:
    free = fleet.free(pool)
    nodes = fleet.place(kind.gang, pool, free) if fleet.within_quota(kind, pool, kind.gang) else None
    if nodes is None:
        return -math.inf
    if reservation is None or fleet.place(kind.gang, pool, np.minimum(free, reservation.left)) is not None:
        return math.inf
    return (reservation.start - fleet.now) * kind.speed[pool] / fleet.slowdown(pool, nodes)


def _earliest(fleet: FleetView, job: JobView) -> dict[str, Reservation]:
    """The pool in which a job could start first, and its reservation there; empty where its quota is what holds it."""
    found = {pool: _reserve(fleet, job.gang, pool) for pool in job.speed if fleet.within_quota(job, pool, job.gang)}
    known = {pool: reservation for pool, reservation in found.items() if reservation is not None}
    if not known:
        return {}
    first = min(known, key=lambda pool: known[pool].start)
    return {first: known[first]}


def _reserve(fleet: FleetView, gang: int, pool: str) -> Reservation | None:
    """The earliest room for a gang as running jobs end and repairs do; None where these do not make any."""
    free = fleet.free(pool)
    total = int(free.sum())
    ends = ((end, nodes) for end, _, nodes in fleet.releases(pool))
    coming = heapq.merge(ends, fleet.repairs(pool), key=itemgetter(0))
    for instant, together in groupby(coming, key=lambda each: max(each[0], fleet.now)):
        for _, nodes in together:
            for node, count in nodes:
                free[node] += count
                total += count
        taken = fleet.place(gang, pool, free) if total >= gang else None
        if taken is not None:
            for node, count in taken:
                free[node] -= count
            return Reservation(instant, free)
    return None
