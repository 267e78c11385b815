"""The job plane: jobs arrive, wait, hold a gang of accelerators, and end. One scheduling pass an instant.

What is started, stopped and resized is for the `Scheduler` to say; here it is done.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np

from sim.fleet.environment import FleetEnvironment, Phase, Process, on_grid
from sim.fleet.ledger import UNASSIGNED, Ledger, State
from sim.fleet.pool import FleetError, Holding, PoolState
from sim.fleet.pool_order import pools_in_order
from sim.policies.protocols import Nodes, Ordering, Scheduling
from sim.training.job import Job
from sim.training.progress import Checkpoints
from sim.training.reservation import Reservation
from sim.training.scheduler import scheduler_for
from sim.training.tenants import Tenant
from sim.workload.jobs import JobRequest

QUEUE_FULL = "the queue was full"


@dataclass
class Stream:
    """A stream of jobs: where they come from, the pools they may use, and how they save their state."""

    name: str
    source: Iterable[JobRequest]
    pools: tuple[str, ...]
    queue_limit: int | None = None
    checkpoints: Checkpoints | None = None
    preemptible: bool = True
    reserved: tuple[int, float, float] | None = None
    """Accelerators of the first pool, and from when to when (s) they are kept free for the jobs."""
    waiting: int = 0
    running: int = 0
    jobs: list[Job] = field(default_factory=list)
    """All that have arrived, in order."""


class JobPlane:
    """All jobs of a run. `done` is triggered when every stream has ended and no job waits or runs."""

    def __init__(
        self,
        environment: FleetEnvironment,
        pools: Mapping[str, PoolState],
        ledger: Ledger,
        policy: Ordering | Scheduling,
        streams: Sequence[Stream],
        tenants: Iterable[Tenant] = (),
        rng: np.random.Generator | None = None,
        *,
        until_done: bool = False,
    ) -> None:
        self.environment = environment
        self.pools = pools
        self.ledger = ledger
        self.streams = {stream.name: stream for stream in streams}
        self.tenants = {tenant.name: tenant for tenant in tenants}
        self.done = environment.event()
        self.running: dict[int, Job] = {}
        """By number, in the order in which they started."""
        self.jobs: dict[str, Job] = {}
        """All that have arrived, by id."""
        self.scheduler = scheduler_for(self, policy, rng)
        self.reservations = [Reservation(self, each, *each.reserved) for each in streams if each.reserved]
        self._policy = type(policy).__name__
        self._until_done = until_done
        """Whether the run goes on until every job has ended."""
        self._just_arrived: list[Job] = []
        self._pass_is_due = False
        self._pass_comes_again = False
        self._arriving = len(streams)
        for stream in streams:
            environment.process(self._arrivals(stream))
        self._end_if_done()

    def tenant_of(self, job: Job) -> Tenant | None:
        """Whose a job is, if anybody's."""
        if job.tenant is None:
            return None
        if job.tenant not in self.tenants:
            self.tenants[job.tenant] = Tenant(job.tenant)
        return self.tenants[job.tenant]

    def try_start(self, job: Job, pool: str, accelerators: int, nodes: Nodes | None = None) -> bool:
        """Let a job that waits start, on given nodes or where the placement policy says; False where it has no room."""
        tenant = self.tenant_of(job)
        if tenant is not None and not tenant.may_hold(pool, accelerators):
            return False
        holding = self.pools[pool].try_hold(job.id, accelerators, nodes)
        if holding is None:
            return False
        now, stream = self.environment.now, self.streams[job.stream]
        stream.waiting -= 1
        stream.running += 1
        if tenant is not None:
            tenant.held[pool] += accelerators
        self.running[job.number] = job
        end = on_grid(now + job.begin(now, holding, accelerators, self.pools[pool].slowdown_on(holding.nodes)))
        self._move(job, starts=True)
        self._pass_comes_again |= end == now  # work of no length makes room at this very instant
        spell = job.spells[-1]
        self.environment.at(end, Phase.COMPLETION).callbacks.append(
            lambda _: self._complete(job) if job.spell is spell else None
        )
        self.scheduler.started(job)
        return True

    def stop(self, job: Job, *, preempts: bool = True) -> None:
        """Take a job's gang away; it saves its state, and waits. Not preempted, it starts on another at once."""
        if preempts:
            job.preemptions += 1
        else:
            job.resizes += 1
        job.spells[-1].outcome = "preempted" if preempts else "resized"
        self._stop(job, fails=False)

    def interrupt(self, holding: Holding) -> None:
        """Stop the job that holds this, as something of it has failed; it waits to start again."""
        for reservation in self.reservations:
            if holding is reservation.holding:
                reservation.release()
                self.call_pass()
                return
        job = self.jobs[holding.holder]
        job.failures += 1
        job.spells[-1].outcome = "failed"
        self._stop(job, fails=True)
        self.call_pass()

    def call_pass(self) -> None:
        """Have one scheduling pass at the end of this instant, or of the next at which the scheduler decides."""
        now, interval = self.environment.now, self.scheduler.interval
        self._call_pass_at(now if interval is None else math.ceil(now / interval) * interval)

    def _call_pass_at(self, time: float) -> None:
        if not self._pass_is_due:
            self._pass_is_due = True
            self.environment.at(time, Phase.PASS).callbacks.append(lambda _: self._pass())

    def _arrivals(self, stream: Stream) -> Process:
        for request in stream.source:
            yield self.environment.at(request.submit, Phase.ARRIVAL)
            self._arrive(stream, request)
        self._arriving -= 1
        self._end_if_done()

    def _arrive(self, stream: Stream, request: JobRequest) -> None:
        job = Job(
            id=self._unused_id(stream, request),
            number=len(self.jobs),
            request=request,
            stream=stream.name,
            speed=self._speeds(stream, request),
            checkpoints=stream.checkpoints,
            preemptible=stream.preemptible,
        )
        self.jobs[job.id] = job
        stream.jobs.append(job)
        job.reason = self._never_fits(job)
        if job.reason:
            job.status = "rejected"
            return
        stream.waiting += 1
        self.scheduler.add(job)
        self._just_arrived.append(job)
        self.call_pass()

    def _speeds(self, stream: Stream, request: JobRequest) -> Mapping[str, float]:
        """The speed of a job in each pool that it may use, in order of preference."""
        speed = dict.fromkeys(stream.pools, 1.0) if request.speed is None else request.speed
        pools = [self.pools[name] for name in stream.pools if name in speed]
        return MappingProxyType({name: speed[name] for name in pools_in_order(pools, speed)} if pools else {})

    def _unused_id(self, stream: Stream, request: JobRequest) -> str:
        """The id that a job came with; where another has it, with its stream, or its number."""
        wanted = (request.job_id, f"{stream.name}/{request.job_id}", f"{stream.name}/{request.job_id}#{len(self.jobs)}")
        return next(name for name in wanted if name not in self.jobs)

    def _never_fits(self, job: Job) -> str:
        """Why no pool could ever hold a job; empty where one could."""
        tenant, least = self.tenant_of(job), job.gang
        if self.scheduler.resizes and job.request.smallest is not None:
            least = job.request.smallest
        quota = {} if tenant is None else tenant.quota
        if any(self.pools[name].could_hold(least) and quota.get(name, least) >= least for name in job.speed):
            return ""
        rooms = [f"{name} has {self.pools[name].most_free.sum()} for jobs" for name in job.speed]
        rooms += [f"the quota of {job.tenant} is {quota[name]} of {name}" for name in job.speed if name in quota]
        return f"a gang of {least} never fits: {', '.join(rooms) or 'there is no pool in which it can run'}"

    def _pass(self) -> None:
        self._pass_is_due = self._pass_comes_again = False
        for reservation in self.reservations:
            reservation.serve()
        self.scheduler.run_pass()
        if not self._pass_comes_again:
            self._reject_beyond_limits()
        if self.scheduler.interval is not None and self._busy:
            self._call_pass_at(self.environment.now + self.scheduler.interval)
        self._end_if_done()
        if self._until_done and self._stands_still():
            first = next(job for stream in self.streams.values() for job in stream.jobs if job.status == "queued")
            why = "although nothing runs, nothing is down and nothing more will come"
            raise FleetError(f"the scheduling policy {self._policy} lets job {first.id} wait for ever, {why}")

    def _stands_still(self) -> bool:
        """Whether jobs wait, and nothing will happen that could let them start."""
        if self._arriving or self.running or not self._busy or self.scheduler.interval is not None:
            return False
        reserved = any(reservation.end > self.environment.now for reservation in self.reservations)
        return not reserved and not any(pool.repairs() for pool in self.pools.values())

    def _complete(self, job: Job) -> None:
        job.complete(self.environment.now)
        self._release(job)
        if self.scheduler.interval is None or self._busy:
            self.call_pass()
        self._end_if_done()

    def _stop(self, job: Job, *, fails: bool) -> None:
        job.stop(self.environment.now, fails=fails)
        self._release(job)
        self.streams[job.stream].waiting += 1
        self.scheduler.add(job)

    def _release(self, job: Job) -> None:
        """Give back what a job held in the spell that is over."""
        holding, accelerators = job.spells[-1].holding, job.spells[-1].accelerators
        self.pools[holding.pool].release(holding)
        tenant = self.tenant_of(job)
        if tenant is not None:
            tenant.held[holding.pool] -= accelerators
        self._move(job, starts=False)
        self.streams[job.stream].running -= 1
        del self.running[job.number]
        self.scheduler.stopped(job)

    def _move(self, job: Job, *, starts: bool) -> None:
        """Tell the ledger that a gang begins or ends; what a holding cannot use stands idle at its holder's cost."""
        spell = job.spells[-1]
        for count, state in ((spell.accelerators, State.BUSY), (spell.holding.unused, State.IDLE)):
            ours, free = (job.stream, state), (UNASSIGNED, State.IDLE)
            source, target = (free, ours) if starts else (ours, free)
            if count:
                self.ledger.move(self.environment.now, spell.holding.pool, count, source, target)

    def _reject_beyond_limits(self) -> None:
        """Turn away the last to arrive at this instant where more of a stream wait than its limit allows."""
        for job in reversed(self._just_arrived):
            stream = self.streams[job.stream]
            if job.status == "queued" and stream.queue_limit is not None and stream.waiting > stream.queue_limit:
                job.status, job.reason = "rejected", QUEUE_FULL
                stream.waiting -= 1
                self.scheduler.discard(job)
        self._just_arrived.clear()

    @property
    def _busy(self) -> bool:
        return any(stream.waiting or stream.running for stream in self.streams.values())

    def _end_if_done(self) -> None:
        if self._arriving == 0 and not self.done.triggered and not self._busy:
            self.done.succeed()
