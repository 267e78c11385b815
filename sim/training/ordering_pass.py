"""A pass of a scheduler that orders jobs by a key: they start in that order, and running ones may give way."""

import heapq
import math
from collections.abc import Callable, Iterator
from numbers import Real
from typing import TYPE_CHECKING, TypeVar

from sim.fleet.environment import TICK, Phase
from sim.fleet.pool import FleetError
from sim.policies.protocols import JobView, Ordering
from sim.training.giving_way import GivingWay
from sim.training.job import Job, Spell
from sim.training.waiting import Key, Shape, WaitingJobs

if TYPE_CHECKING:
    from sim.training.job_plane import JobPlane


Answer = TypeVar("Answer")


class OrderingPass:
    """The jobs that wait in the order of a policy's key, and how they get room."""

    interval: float | None = None
    resizes = False

    def __init__(self, plane: "JobPlane", ordering: Ordering) -> None:
        self._plane = plane
        self._ordering = ordering
        self._waiting = WaitingJobs()

    def add(self, job: Job) -> None:
        """A job waits: it stands in the queue by its key."""
        self._waiting.add(job, self._shape(job), self._key(job))

    def discard(self, job: Job) -> None:
        """A job that waits is turned away."""
        self._waiting.discard(job)

    def run_pass(self) -> None:
        """Start what fits, in order."""
        if self._ordering.preempts:
            self._with_running()
        elif any(pool.free_total for pool in self._plane.pools.values()):
            self._waiting.start_in_order(self._try_start, blocks=self._ordering.blocks)

    def started(self, job: Job) -> None:
        """A job waits no more; its key may jump at an instant of its own."""
        self._waiting.discard(job)
        if self._ordering.preempts:
            self._watch(job, job.spells[-1])

    def stopped(self, job: Job) -> None:
        """What was to come of its key is void: its spell is over."""

    def _try_start(self, job: Job, barred: set[str]) -> bool:
        return any(self._plane.try_start(job, pool, job.gang) for pool in job.speed if pool not in barred)

    def _with_running(self) -> None:
        """Give room in the order of the key to those that run and those that wait, and then make it so."""
        by_number = sorted(self._plane.running.items())
        running = sorted((self._key(job), number, job) for number, job in by_number if job.preemptible)
        room = GivingWay(self._plane, [job for _, _, job in running])
        heads = self._waiting.heads()
        for job, shape in self._merged(running, heads):
            if shape is None:
                room.keep(job)
            elif room.find(job):
                self._waiting.take(shape, heads)
        room.carry_out()

    def _merged(
        self, running: list[tuple[Key, int, Job]], heads: list[tuple[Key, int, Shape]]
    ) -> Iterator[tuple[Job, Shape | None]]:
        """Running jobs and the first of each shape that waits, in order. Whoever found room is taken off the heads."""
        for key, number, job in running:
            while heads and heads[0][:2] < (key, number):
                yield self._first(heads)
            yield job, None
        while heads:
            yield self._first(heads)

    def _first(self, heads: list[tuple[Key, int, Shape]]) -> tuple[Job, Shape]:
        _, _, shape = heapq.heappop(heads)
        return self._waiting.head(shape)[2], shape

    def _key(self, job: Job) -> Key:
        """Where the policy puts a job."""
        key = self._ask(job, lambda view: tuple(map(float, self._ordering.key(view))))
        if any(map(math.isnan, key)):
            raise FleetError(f"the scheduling policy {type(self._ordering).__name__} gives job {job.id} a key of {key}")
        return key

    def _ask(self, job: Job, question: Callable[[JobView], Answer]) -> Answer:
        try:
            return question(job.view(self._plane.environment.now, self._ordering.sees))
        except Exception as error:
            policy = type(self._ordering).__name__
            raise FleetError(f"the scheduling policy {policy} failed on job {job.id}: {error!r}") from error

    def _shape(self, job: Job) -> Shape:
        tenant = self._plane.tenant_of(job)
        return tuple(job.speed), job.gang, tenant.name if tenant is not None and tenant.quota else None

    def _watch(self, job: Job, spell: Spell) -> None:
        """Have a pass when the key of a running job jumps."""
        now = self._plane.environment.now
        seconds = self._ask(job, self._ordering.next_change)
        if seconds is None or seconds == math.inf:
            return
        if not isinstance(seconds, Real) or not seconds > 0:
            policy = type(self._ordering).__name__
            raise FleetError(f"the scheduling policy {policy} has the key of job {job.id} jump {seconds!r} s from now")

        def jump(_: object) -> None:
            if job.spell is spell:
                self._plane.call_pass()
                self._watch(job, spell)

        later = now + max(float(seconds), TICK)  # a clock that stands far from 0 would not move for less
        self._plane.environment.at(later, Phase.ARRIVAL).callbacks.append(jump)
