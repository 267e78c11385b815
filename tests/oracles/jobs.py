"""Training jobs on the nodes of one pool in plain Python: lists, one event at a time, no index.

Nothing here is shared with the simulator. A scheduler is a function that starts and preempts jobs of a `Cluster`.
"""

import math
from dataclasses import dataclass, field
from typing import NamedTuple


class Checkpoints(NamedTuple):
    interval: float
    cost: float = 0.0
    restart: float = 0.0


class Failure(NamedTuple):
    """A node goes down at an instant, for so many seconds."""

    time: float
    node: int
    repair: float = 0.0


@dataclass(eq=False)
class Job:
    number: int
    submit: float
    gang: int
    duration: float
    priority: int = 0
    estimate: float | None = None
    done: float = 0.0
    owed: float = 0.0
    held: float = 0.0
    preemptions: int = 0
    failures: int = 0
    spells: list = field(default_factory=list)
    """[start, end, nodes, delay] of each time in which it held something."""
    running: bool = False

    @property
    def start(self):
        return self.spells[0][0]

    @property
    def end(self):
        return self.spells[-1][1]


def length(work, delay, checkpoints):
    """Seconds of a spell that does so much work: a checkpoint after each full interval, but none at the very end."""
    made, left = 0, work
    while checkpoints is not None and left > checkpoints.interval:
        made, left = made + 1, left - checkpoints.interval
    return delay + work + (made * checkpoints.cost if checkpoints is not None else 0.0)


def worked_and_saved(elapsed, delay, checkpoints):
    """Work done in the first seconds of a spell, and the part of it in checkpoints that are finished."""
    left = max(elapsed - delay, 0.0)
    if checkpoints is None:
        return left, 0.0
    worked = saved = 0.0
    while left > 0.0:
        step = min(left, checkpoints.interval)
        worked, left = worked + step, left - step
        if step < checkpoints.interval or left < checkpoints.cost:
            break
        saved, left = worked, left - checkpoints.cost
    return worked, saved


class Cluster:
    """The nodes of a pool, the jobs that wait and run, and what may be done to them."""

    def __init__(self, jobs, nodes, per_node, placement="first_fit", checkpoints=None, sees="durations"):
        self.now = 0.0
        self.free = [per_node] * nodes
        self.down = [0] * nodes
        self.up_again = [0.0] * nodes
        self.per_node = per_node
        self.best_fit = placement == "best_fit"
        self.checkpoints = checkpoints
        self.sees = sees
        self.coming = [Job(number, *row) for number, row in enumerate(jobs)]
        self.jobs = list(self.coming)
        self.waiting = []
        self.running = []

    def usable(self, free, at):
        """What is free and not down at an instant: repairs are known beforehand."""
        up = [not down or end <= at for down, end in zip(self.down, self.up_again, strict=True)]
        return [count if each else 0 for count, each in zip(free, up, strict=True)]

    def repairs(self):
        """When each node that is down will be up."""
        return {node: self.up_again[node] for node, down in enumerate(self.down) if down}

    def place(self, gang, free, at=0.0):
        """{node: accelerators} of a gang, given what is free: one node, or whole ones that are empty."""
        free = self.usable(free, at)
        if gang <= self.per_node:
            fitting = [node for node, count in enumerate(free) if count >= gang]
            if self.best_fit:
                fitting.sort(key=lambda node: free[node])
            return {fitting[0]: gang} if fitting else None
        empty = [node for node, count in enumerate(free) if count == self.per_node]
        wanted = math.ceil(gang / self.per_node)
        return dict.fromkeys(empty[:wanted], self.per_node) if len(empty) >= wanted else None

    def begin(self, job, nodes):
        for node, count in nodes.items():
            self.free[node] -= count
        job.spells.append([self.now, self.now + length(job.duration - job.done, job.owed, self.checkpoints)])
        job.spells[-1] += [nodes, job.owed]
        job.running = True
        self.waiting.remove(job)
        self.running.append(job)

    def leave(self, job):
        """Take a job off its nodes."""
        start, _, nodes, _ = job.spells[-1]
        for node, count in nodes.items():
            self.free[node] += count
        self.running.remove(job)
        job.running = False
        job.held += self.now - start
        job.spells[-1][1] = self.now

    def stop(self, job, *, fails):
        start, _, _, delay = job.spells[-1]
        worked, saved = worked_and_saved(self.now - start, delay, self.checkpoints)
        self.leave(job)
        job.done += saved if fails else worked
        cost, restart = (self.checkpoints.cost, self.checkpoints.restart) if self.checkpoints else (0.0, 0.0)
        job.owed = restart if fails else cost + restart
        if fails:
            job.failures += 1
        else:
            job.preemptions += 1
        self.waiting.append(job)

    def remaining(self, job):
        """Seconds to go, exactly for a job that runs."""
        expected = job.estimate if self.sees == "estimates" and job.estimate is not None else job.duration
        if not job.running:
            return length(max(expected - job.done, 0.0), job.owed, self.checkpoints)
        start, _, _, delay = job.spells[-1]
        return start + length(max(expected - job.done, 0.0), delay, self.checkpoints) - self.now

    def attained(self, job):
        return job.held + (self.now - job.spells[-1][0] if job.running else 0.0)


def simulate(scheduler, jobs, nodes, per_node, failures=(), **options):
    """The jobs after all have ended. Rows of `jobs`: submit, gang, duration, priority, estimate, by submission."""
    cluster = Cluster(jobs, nodes, per_node, **options)
    troubles = []
    for number, failure in enumerate(failures):
        repaired = failure.time + failure.repair
        troubles += [(failure.time, number, 1, failure.node, repaired), (repaired, number, -1, failure.node, repaired)]
    troubles.sort()
    jumps = getattr(scheduler, "next_jump", lambda _: math.inf)
    while cluster.coming or cluster.running or cluster.waiting:
        instants = [job.end for job in cluster.running] + [job.submit for job in cluster.coming[:1]]
        cluster.now = min([*instants, jumps(cluster), *(trouble[0] for trouble in troubles[:1])])
        for job in [job for job in cluster.running if job.end == cluster.now]:
            cluster.leave(job)
            job.done = job.duration
        while troubles and troubles[0][0] == cluster.now:
            _, _, change, node, repaired = troubles.pop(0)
            for job in [job for job in cluster.running if change > 0 and node in job.spells[-1][2]]:
                cluster.stop(job, fails=True)
            cluster.down[node] += change
            cluster.up_again[node] = max(cluster.up_again[node], repaired)
        while cluster.coming and cluster.coming[0].submit == cluster.now:
            cluster.waiting.append(cluster.coming.pop(0))
        scheduler(cluster)
    return cluster.jobs
