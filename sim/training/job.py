"""A training job: what was asked for, what it has held, and how far it has come."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from sim.fleet.pool import Holding
from sim.policies.protocols import JobView, Sees
from sim.training.progress import Checkpoints, Progress, progress, whole_length
from sim.workload.jobs import JobRequest


@dataclass(slots=True)
class Spell:
    """A time in which a job held one and the same gang. Seconds; what it came to is known when it is over."""

    start: float
    holding: Holding
    accelerators: int
    """Those that work."""
    rate: float
    """Work done in a second: 1 at the gang that was asked for, on the reference pool."""
    delay: float
    """Seconds at the beginning in which its state is loaded."""
    todo: float
    """Work that was left at the beginning (seconds at a rate of 1)."""
    end: float = math.inf
    outcome: str = "running"
    """Or how it ended: completed, preempted, resized, failed."""
    restarting: float = 0.0
    checkpointing: float = 0.0
    lost: float = 0.0
    """Seconds whose work a failure undid."""


@dataclass(slots=True)
class Job:
    """One job. Times in seconds; `number` counts jobs in order of submission."""

    id: str
    number: int
    request: JobRequest
    stream: str
    speed: Mapping[str, float]
    """By pool, in order of preference."""
    checkpoints: Checkpoints | None = None
    preemptible: bool = True
    status: str = "queued"
    reason: str = ""
    start: float = math.nan
    end: float = math.nan
    done: float = 0.0
    """Work that is safe: seconds at a rate of 1."""
    spells: list[Spell] = field(default_factory=list)
    owed: float = 0.0
    """Seconds by which its next start is delayed: its state was saved, and is to be loaded."""
    held_before: float = 0.0
    """Accelerator-seconds of the spells that are over."""
    preemptions: int = 0
    failures: int = 0
    resizes: int = 0

    @property
    def tenant(self) -> str | None:
        """Whose it is."""
        return self.request.tenant

    @property
    def submit(self) -> float:
        """When it came (s)."""
        return self.request.submit

    @property
    def gang(self) -> int:
        """The accelerators it asked for."""
        return self.request.accelerators

    @property
    def duration(self) -> float:
        """Seconds of work at its gang on the reference pool."""
        return self.request.duration

    @property
    def spell(self) -> Spell | None:
        """What it holds now, if it runs."""
        return self.spells[-1] if self.status == "running" else None

    def efficiency(self, accelerators: int) -> float:
        """Work of an accelerator among so many, relative to one that is alone."""
        return 1.0 if self.request.efficiency is None else self.request.efficiency(accelerators)

    def rate(self, pool: str, accelerators: int, slowdown: float = 1.0) -> float:
        """Work done in a second on so many accelerators of a pool."""
        speed = self.speed[pool] / slowdown
        if accelerators == self.gang:
            return speed
        return speed * accelerators * self.efficiency(accelerators) / (self.gang * self.efficiency(self.gang))

    def begin(self, now: float, holding: Holding, accelerators: int, slowdown: float) -> float:
        """Start on a gang; the seconds this will take if nothing comes between."""
        if not self.spells:
            self.start = now
        rate = self.rate(holding.pool, accelerators, slowdown)
        self.spells.append(Spell(now, holding, accelerators, rate, self.owed, self.duration - self.done))
        self.status = "running"
        return self.expected_length("durations")

    def expected_length(self, sees: Sees) -> float:
        """Seconds that the last spell takes, as far as is known, if nothing ends it before the work is done."""
        spell = self.spells[-1]
        work = max(self._expected_duration(sees) - self.done, 0.0)
        return whole_length(work / spell.rate, spell.delay, self.checkpoints)

    def _expected_duration(self, sees: Sees) -> float:
        estimate = self.request.estimate
        return estimate if sees == "estimates" and estimate is not None else self.duration

    def complete(self, now: float) -> None:
        """End with all work done."""
        spell = self.spells[-1]
        work = spell.todo / spell.rate
        made = self.checkpoints.within(work) * self.checkpoints.cost if self.checkpoints else 0.0
        self._close(spell, now, Progress(work, work, spell.delay, made))
        spell.outcome = "completed"
        self.done, self.status, self.end = self.duration, "completed", now

    def stop(self, now: float, *, fails: bool) -> None:
        """Leave the gang before all is done: with its state saved, or with the work since the last checkpoint lost."""
        spell = self.spells[-1]
        came_to = progress(now - spell.start, spell.delay, self.checkpoints)
        self._close(spell, now, came_to)
        kept = came_to.saved if fails else came_to.worked
        spell.lost = came_to.worked - kept
        self.done = min(self.done + kept * spell.rate, self.duration)  # ends lie on a grid, a tick beyond the work
        self.status = "queued"
        self.owed = self.restart if fails else self.switch_cost

    def _close(self, spell: Spell, now: float, came_to: Progress) -> None:
        spell.end, spell.restarting, spell.checkpointing = now, came_to.restarting, came_to.checkpointing
        self.held_before += spell.accelerators * (now - spell.start)

    @property
    def restart(self) -> float:
        """Seconds in which its state is loaded after a failure."""
        return self.checkpoints.restart if self.checkpoints else 0.0

    @property
    def switch_cost(self) -> float:
        """Seconds that it loses when it is preempted: its state is saved, and loaded again."""
        return self.checkpoints.cost + self.checkpoints.restart if self.checkpoints else 0.0

    def attained(self, now: float) -> float:
        """Accelerator-seconds that it has worked on so far, restarts and checkpoints included."""
        spell = self.spell
        return self.held_before + (spell.accelerators * (now - spell.start) if spell else 0.0)

    def remaining(self, now: float, sees: Sees) -> float | None:
        """Seconds to go at its gang on the reference pool: all that is known, or what its user expects."""
        if sees == "nothing":
            return None
        if (spell := self.spell) is not None:
            to_go = max(spell.start + self.expected_length(sees) - now, 0.0)
            return to_go * spell.rate
        return whole_length(max(self._expected_duration(sees) - self.done, 0.0), self.owed, self.checkpoints)

    def view(self, now: float, sees: Sees) -> JobView:
        """Show the job to a scheduler that may see so much of its length."""
        spell = self.spell
        return JobView(
            id=self.id,
            number=self.number,
            stream=self.stream,
            tenant=self.tenant,
            now=now,
            priority=self.request.priority,
            submitted=self.submit,
            since=spell.start if spell else self.spells[-1].end if self.spells else self.submit,
            deadline=self.request.deadline,
            gang=self.gang,
            gang_min=self.request.smallest or self.gang,
            gang_max=self.request.largest or self.gang,
            held=spell.accelerators if spell else 0,
            pool=spell.holding.pool if spell else None,
            attained=self.attained(now),
            remaining=self.remaining(now, sees),
            speed=self.speed,
            efficiency=self.efficiency,
            switch_cost=self.switch_cost,
            preemptible=self.preemptible,
        )
