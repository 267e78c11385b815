"""A pass of a scheduler in full form: what it answers is checked and carried out, one answer after the other."""

from collections.abc import Iterator, Sequence
from numbers import Integral
from typing import TYPE_CHECKING

import numpy as np

from sim.fleet.pool import FleetError
from sim.policies.protocols import Assign, JobView, Scheduling
from sim.training.fleet_view import LiveView
from sim.training.job import Job
from sim.training.queue import Queue
from sim.training.releases import Releases

if TYPE_CHECKING:
    from sim.training.job_plane import JobPlane


class DecidingPass:
    """What a policy decides, and the view that it decides from."""

    def __init__(self, plane: "JobPlane", policy: Scheduling, rng: np.random.Generator) -> None:
        self.interval = policy.interval
        self.resizes = bool(getattr(policy, "resizes", False))
        self._plane = plane
        self._policy = policy
        self._name = type(policy).__name__
        self._by_tenant = bool(getattr(policy, "by_tenant", False))
        self._queue = Queue(self._show)
        self._releases = Releases(plane.pools)
        self._view = LiveView(plane, self._queue, self._releases, policy.sees, rng)

    def add(self, job: Job) -> None:
        """A job waits."""
        self._queue.add(job, self._tenant_of(job), job.remaining(self._view.now, self._policy.sees))

    def discard(self, job: Job) -> None:
        """A job that waits is turned away."""
        self._queue.remove(job, self._tenant_of(job))

    def run_pass(self) -> None:
        """Ask the policy, and do what it says."""
        for answer in self._answers():
            if not isinstance(answer, Assign):
                raise FleetError(f"the scheduling policy {self._name} answers {answer!r}, which is no `Assign`")
            if wrong := _what_is_wrong(answer):
                raise FleetError(f"the scheduling policy {self._name} answers for {_named(answer)} that {wrong}")
            self._carry_out(answer)

    def started(self, job: Job) -> None:
        """A job waits no more."""
        self._queue.remove(job, self._tenant_of(job))
        self._releases.add(job, self._view.now + job.expected_length(self._policy.sees))

    def stopped(self, job: Job) -> None:
        """A job holds nothing any more."""
        self._releases.remove(job)

    def _show(self, job: Job) -> JobView:
        return self._view.show(job)

    def _answers(self) -> Iterator[Assign]:
        try:
            yield from self._policy.decide(self._view)
        except FleetError:
            raise
        except Exception as error:
            raise FleetError(f"the scheduling policy {self._name} failed: {error!r}") from error

    def _carry_out(self, answer: Assign) -> None:
        job = self._plane.jobs.get(answer.job)
        if job is None or job.status not in ("queued", "running"):
            raise self._refused(answer, "which is not there" if job is None else f"which is {job.status}")
        if job.status == "running":
            self._take_back(job, answer)
        elif not answer.accelerators:
            raise self._refused(answer, "which holds nothing")
        if answer.accelerators:
            self._give(job, answer)

    def _take_back(self, job: Job, answer: Assign) -> None:
        """Preempt a running job, or suspend it so that it may start anew."""
        spell = job.spells[-1]
        if (answer.pool, answer.accelerators) == (spell.holding.pool, spell.accelerators) and answer.nodes is None:
            raise self._refused(answer, "which runs there already")
        if not job.preemptible:
            raise self._refused(answer, "which must not be preempted")
        self._plane.stop(job, preempts=not answer.accelerators)

    def _give(self, job: Job, answer: Assign) -> None:
        least, most = job.request.smallest or job.gang, job.request.largest or job.gang
        if answer.pool not in job.speed:
            raise self._refused(answer, f"which runs on {', '.join(job.speed)} only")
        if not least <= answer.accelerators <= most:
            raise self._refused(answer, f"which runs on {least}{f' to {most}' if most > least else ''}")
        try:
            started = self._plane.try_start(job, answer.pool, answer.accelerators, answer.nodes)
        except FleetError as error:
            if answer.nodes is None:
                raise
            asked = ", ".join(f"{count} on node {node}" for node, count in answer.nodes)
            raise self._refused(answer, f"where there is no such room: {asked}") from error
        if not started:
            free = self._plane.pools[answer.pool].free_total
            raise self._refused(answer, f"but its nodes, or a quota, have no room: {free} are free")

    def _refused(self, answer: Assign, why: str) -> FleetError:
        what = f"gives {answer.accelerators} accelerators of {answer.pool} to" if answer.accelerators else "preempts"
        return FleetError(f"the scheduling policy {self._name} {what} job {answer.job}, {why}")

    def _tenant_of(self, job: Job) -> str | None:
        """By whom a job stands in the queue: its tenant where that has a quota, or where the policy goes by tenants."""
        if self._by_tenant:
            return job.tenant
        tenant = self._plane.tenant_of(job)
        return tenant.name if tenant is not None and tenant.quota else None


def _named(answer: Assign) -> str:
    return f"job {answer.job}" if isinstance(answer.job, str) else "some job"


def _what_is_wrong(answer: Assign) -> str:
    """Which part of an answer is of the wrong kind, if any is."""
    if not isinstance(answer.job, str):
        return f"`job` is a {type(answer.job).__name__}, and not its id"
    if not isinstance(answer.pool, str):
        return f"`pool` is {answer.pool!r}, and not a name"
    if not _counts(answer.accelerators):
        return f"`accelerators` is {answer.accelerators!r}, and not a whole number from 0 on"
    if answer.nodes is not None and not _are_nodes(answer.nodes):
        return f"`nodes` is {answer.nodes!r}, and not (node, accelerators) for each node"
    return ""


def _counts(number: object) -> bool:
    return isinstance(number, Integral) and not isinstance(number, bool) and int(number) >= 0


def _are_nodes(nodes: object) -> bool:
    if not isinstance(nodes, Sequence):
        return False
    return all(isinstance(pair, Sequence) and len(pair) == 2 and all(map(_counts, pair)) for pair in nodes)
