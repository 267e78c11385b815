"""The job plane: jobs arrive, wait, hold a gang of accelerators, and end. One scheduling pass an instant."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from sim.fleet.environment import FleetEnvironment, Phase, Process, on_grid
from sim.fleet.ledger import UNASSIGNED, Ledger, State
from sim.fleet.pool import FleetError, Holding, PoolState
from sim.policies.protocols import Ordering
from sim.training.job import Job, checkpoint_seconds
from sim.training.waiting import WaitingJobs
from sim.workload.jobs import JobRequest


@dataclass
class Stream:
    """A stream of jobs: where they come from, the pools they may use, and their checkpoints (seconds)."""

    name: str
    source: Iterable[JobRequest]
    pools: tuple[str, ...]
    queue_limit: int | None = None
    checkpoint_interval: float | None = None
    checkpoint_cost: float = 0.0
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
        ordering: Ordering,
        streams: Sequence[Stream],
    ) -> None:
        self.environment = environment
        self.pools = pools
        self.ledger = ledger
        self.ordering = ordering
        self.streams = {stream.name: stream for stream in streams}
        self.done = environment.event()
        self._waiting = WaitingJobs()
        self._just_arrived: list[Job] = []
        self._pass_is_due = False
        self._pass_comes_again = False
        self._arriving = len(streams)
        for stream in streams:
            environment.process(self._arrivals(stream))
        self._end_if_done()

    def _arrivals(self, stream: Stream) -> Process:
        for request in stream.source:
            yield self.environment.at(request.submit, Phase.ARRIVAL)
            self._arrive(stream, request)
        self._arriving -= 1
        self._end_if_done()

    def _arrive(self, stream: Stream, request: JobRequest) -> None:
        job = _job(stream, request)
        stream.jobs.append(job)
        job.reason = self._never_fits(job)
        if job.reason:
            job.status = "rejected"
            return
        stream.waiting += 1
        self._waiting.add(job, self._key(job))
        self._just_arrived.append(job)
        self._call_pass()

    def _key(self, job: Job) -> tuple[float, ...]:
        """Where the scheduling policy puts a job."""
        try:
            return tuple(map(float, self.ordering.key(job.view(self.ordering.sees))))
        except Exception as error:
            policy = type(self.ordering).__name__
            raise FleetError(f"the scheduling policy {policy} failed on job {job.id}: {error!r}") from error

    def _never_fits(self, job: Job) -> str:
        """Why no pool could ever hold a job; empty where one could."""
        if any(self.pools[name].could_hold(job.gang) for name in job.pools):
            return ""
        rooms = ", ".join(f"{name} has {self.pools[name].most_free.sum()} for jobs" for name in job.pools)
        return f"a gang of {job.gang} never fits: {rooms}"

    def _call_pass(self) -> None:
        """Have one scheduling pass at the end of this instant."""
        if not self._pass_is_due:
            self._pass_is_due = True
            self.environment.at(self.environment.now, Phase.PASS).callbacks.append(lambda _: self._pass())

    def _pass(self) -> None:
        self._pass_is_due = self._pass_comes_again = False
        self._waiting.start_in_order(self._try_start, blocks=self.ordering.blocks)
        if not self._pass_comes_again:
            self._reject_beyond_limits()
        self._end_if_done()

    def _try_start(self, job: Job, barred: set[str]) -> bool:
        for name in job.pools:
            holding = None if name in barred else self.pools[name].try_hold(job.id, job.gang)
            if holding is not None:
                self._start(job, holding)
                return True
        return False

    def _start(self, job: Job, holding: Holding) -> None:
        now, stream = self.environment.now, self.streams[job.stream]
        stream.waiting -= 1
        stream.running += 1
        job.status, job.start, job.holding = "running", now, holding
        self._move(job, holding, starts=True)
        end = on_grid(now + job.run_time)
        self._pass_comes_again |= end == now  # work of no length makes room at this very instant
        self.environment.at(end, Phase.COMPLETION).callbacks.append(lambda _: self._complete(job, holding))

    def _complete(self, job: Job, holding: Holding) -> None:
        self.pools[holding.pool].release(holding)
        self._move(job, holding, starts=False)
        job.status, job.end = "completed", self.environment.now
        self.streams[job.stream].running -= 1
        self._call_pass()

    def _move(self, job: Job, holding: Holding, *, starts: bool) -> None:
        """Tell the ledger that a gang begins or ends; what a holding cannot use stands idle at its holder's cost."""
        for count, state in ((job.gang, State.BUSY), (holding.unused, State.IDLE)):
            ours, free = (job.stream, state), (UNASSIGNED, State.IDLE)
            source, target = (free, ours) if starts else (ours, free)
            if count:
                self.ledger.move(self.environment.now, holding.pool, count, source, target)

    def _reject_beyond_limits(self) -> None:
        """Turn away the last to arrive at this instant where more of a stream wait than its limit allows."""
        for job in reversed(self._just_arrived):
            stream = self.streams[job.stream]
            if job.status == "queued" and stream.queue_limit is not None and stream.waiting > stream.queue_limit:
                job.status, job.reason = "rejected", "the queue was full"
                stream.waiting -= 1
                self._waiting.discard(job)
        self._just_arrived.clear()

    def _end_if_done(self) -> None:
        idle = self._arriving == 0 and not self._pass_is_due
        if idle and not self.done.triggered and not any(s.waiting or s.running for s in self.streams.values()):
            self.done.succeed()


def _job(stream: Stream, request: JobRequest) -> Job:
    checkpoints = 0.0
    if stream.checkpoint_interval is not None:
        checkpoints = checkpoint_seconds(request.duration, stream.checkpoint_interval, stream.checkpoint_cost)
    return Job(
        id=request.job_id,
        stream=stream.name,
        tenant=request.tenant,
        priority=request.priority,
        submit=request.submit,
        gang=request.accelerators,
        duration=request.duration,
        estimate=request.estimate,
        pools=stream.pools,
        run_time=request.duration + checkpoints,
        checkpoint_time=checkpoints,
    )
