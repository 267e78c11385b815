"""Room for all who are to hold something next, were those who run thought away; and the moves that lead there."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from sim.policies.protocols import Assign, FleetView, IntArray, JobView, Nodes


class Room:
    """What is free of each node, were no job held that may be preempted. It shrinks as jobs take of it."""

    def __init__(self, fleet: FleetView) -> None:
        self._fleet = fleet
        self.free: Mapping[str, IntArray] = {pool: fleet.free(pool) for pool in fleet.pools}
        self.held: Mapping[int, Nodes] = {
            number: nodes for pool in fleet.pools for _, number, nodes in fleet.releases(pool)
        }
        """The nodes of running jobs, by number."""
        self.movable = [job for job in fleet.running if job.preemptible]
        self._change = Counter[tuple[str | None, str]]()
        """What tenants would hold more than they do, by tenant and pool."""
        for job in self.movable:
            if job.pool is not None:
                self._give(job, job.pool, job.held, self.held[job.number], sign=-1)

    def jobs(self) -> list[JobView]:
        """All that may hold something next, in order of submission."""
        return sorted([*self._fleet.waiting, *self.movable], key=lambda job: job.number)

    def nodes_for(self, job: JobView, pool: str, accelerators: int) -> Nodes | None:
        """Where the placement policy would put so many accelerators of a job; None: nowhere, or beyond a quota."""
        if not self._within_quota(job, pool, accelerators):
            return None
        return self._fleet.place(accelerators, pool, self.free[pool])

    def take(self, job: JobView, pool: str, accelerators: int) -> Nodes | None:
        """Give a job so many accelerators of a pool, if there is room."""
        return self._given(job, pool, accelerators, self.nodes_for(job, pool, accelerators))

    def take_near(self, job: JobView, pool: str, accelerators: int) -> Nodes | None:
        """The same on the nodes where the job runs, if that can be."""
        nodes = None
        if job.pool == pool and self._within_quota(job, pool, accelerators):
            own = np.zeros_like(self.free[pool])
            for node, _ in self.held[job.number]:
                own[node] = self.free[pool][node]
            nodes = self._fleet.place(accelerators, pool, own)
        return self._given(job, pool, accelerators, nodes or self.nodes_for(job, pool, accelerators))

    def keep(self, job: JobView, pool: str) -> bool:
        """Let a running job keep what it holds, if that is free still."""
        nodes = self.held[job.number]
        free = self.free[pool]
        if not self._within_quota(job, pool, job.held) or any(free[node] < count for node, count in nodes):
            return False
        self._give(job, pool, job.held, nodes)
        return True

    def change(self, job: JobView, pool: str, before: tuple[int, Nodes], accelerators: int) -> Nodes | None:
        """Give a job another number of accelerators than it took `before`; where there is no room, leave it those."""
        self._give(job, pool, *before, sign=-1)
        nodes = self.take_near(job, pool, accelerators)
        if nodes is None:
            self._give(job, pool, *before)
        return nodes

    def _given(self, job: JobView, pool: str, accelerators: int, nodes: Nodes | None) -> Nodes | None:
        if nodes is not None:
            self._give(job, pool, accelerators, nodes)
        return nodes

    def _within_quota(self, job: JobView, pool: str, accelerators: int) -> bool:
        return self._fleet.within_quota(job, pool, accelerators + self._change[job.tenant, pool])

    def _give(self, job: JobView, pool: str, accelerators: int, nodes: Nodes, sign: int = 1) -> None:
        for node, count in nodes:
            self.free[pool][node] -= sign * count
        self._change[job.tenant, pool] += sign * accelerators


@dataclass(frozen=True)
class Share:
    """What a job is to hold of a pool (accelerators); where nodes are too scattered for it, down to `least`."""

    job: JobView
    pool: str
    accelerators: int
    least: int


def arrange(fleet: FleetView, shares: Sequence[Share]) -> Iterator[Assign]:
    """Give every job its share, and preempt those that have none but may be preempted.

    Larger shares find room first, and among equal ones those who stay where they are, untouched. Smaller ones may have
    to move.
    """
    room = Room(fleet)
    staying, moves = set[int](), dict[str, tuple[JobView, Assign]]()
    for share in sorted(shares, key=lambda each: (-each.accelerators, not _stays(each), each.job.number)):
        if _stays(share) and room.keep(share.job, share.pool):
            staying.add(share.job.number)
            continue
        for accelerators in range(share.accelerators, share.least - 1, -1):
            nodes = room.take_near(share.job, share.pool, accelerators)
            if nodes is not None:
                moves[share.job.id] = share.job, Assign(share.job.id, share.pool, accelerators, nodes)
                break
    for job in room.movable:
        if job.number not in staying and job.id not in moves:
            yield Assign(job.id, job.pool or "", 0)
    yield from _in_a_possible_order(fleet, moves, room.held)


def _stays(share: Share) -> bool:
    return (share.job.pool, share.job.held) == (share.pool, share.accelerators)


def _in_a_possible_order(
    fleet: FleetView, moves: Mapping[str, tuple[JobView, Assign]], held: Mapping[int, Nodes]
) -> Iterator[Assign]:
    """Make each move when there is room for it; where all wait for one another, one of them is preempted first."""
    pending = dict(moves)
    holding = {name: job for name, (job, _) in moves.items() if job.held}
    while pending:
        ready = next(
            (name for name, (job, move) in pending.items() if _has_room(fleet, job, move, holding, held)), None
        )
        if ready is None:
            name, job = holding.popitem()
            yield Assign(name, job.pool or "", 0)
        else:
            yield pending.pop(ready)[1]
            holding.pop(ready, None)


def _has_room(
    fleet: FleetView, job: JobView, move: Assign, holding: Mapping[str, JobView], held: Mapping[int, Nodes]
) -> bool:
    """Whether a move can be made now, as what the job itself holds comes free."""
    free, more = fleet.free(move.pool), move.accelerators
    if job.id in holding and job.pool == move.pool:
        more -= job.held
        for node, count in held[job.number]:
            free[node] += count
    return fleet.within_quota(job, move.pool, more) and all(free[node] >= count for node, count in move.nodes or ())
