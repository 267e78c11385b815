"""Training: streams of jobs, a trace of them, or jobs that are named."""

from collections.abc import Iterator, Mapping
from typing import Any, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator

from sim.scenario.arrivals import AnyArrivals, TraceArrivals
from sim.scenario.base import Name, Node, PoolName, TenantName, fail
from sim.scenario.distributions import (
    Choice,
    CountDistribution,
    Distribution,
    DurationDistribution,
    Fixed,
    NumberDistribution,
)
from sim.scenario.job_trace import JobTrace
from sim.scenario.named_jobs import NamedJob, check_length, check_trained
from sim.scenario.quantities import AtLeastOne, Duration, Positive, PositiveDuration, Share
from sim.scenario.replica_group import check_pools


class Checkpoint(Node):
    """A checkpoint every `interval` of work costs `cost`; `restart` is lost when a job starts again."""

    interval: PositiveDuration
    cost: Duration = 0.0
    restart: Duration = 0.0


class Elastic(Node):
    """On how many accelerators a job can run, as shares of its gang."""

    min: Share = 1.0
    max: AtLeastOne = 1.0


class Estimate(Node):
    """What users expect a job to last: its duration times a factor, each its own where that is drawn."""

    factor: NumberDistribution


class Reservation(Node):
    """A time for which accelerators of the first pool are kept free for the stream's jobs."""

    from_: Duration = Field(alias="from")
    for_: PositiveDuration = Field(alias="for")
    accelerators: int | None = Field(default=None, ge=1)
    """None: the largest gang."""


class TrainingStream(Node):
    """A stream of jobs: arrivals, gangs and durations, or a trace of all three, or named jobs."""

    pools: tuple[PoolName, ...] = Field(strict=False, min_length=1)
    """In order of preference; a gang never spans pools."""
    arrivals: AnyArrivals | None = None
    accelerators: CountDistribution | None = None
    """The gang."""
    duration: DurationDistribution | None = None
    """On the first pool."""
    model: Name | None = None
    tokens: CountDistribution | None = None
    """Instead of a duration: the model that is trained, and on how many tokens."""
    trace: JobTrace | None = None
    jobs: tuple[NamedJob, ...] | None = Field(default=None, strict=False, min_length=1)
    throughput: Mapping[PoolName, Positive] | None = None
    """By pool, relative to one another; no job can run in a pool that is absent."""
    elastic: Elastic | None = None
    checkpoint: Checkpoint | None = None
    queue_limit: int | None = Field(default=None, ge=0)
    priority: int = 0
    preemptible: bool = True
    tenant: TenantName | None = None
    deadline: PositiveDuration | None = None
    """Seconds after submission by which a job should have ended, where it has no deadline of its own."""
    estimate: Estimate | None = None
    """Where a job has no estimate of its own; None: users know how long it lasts."""
    reservation: Reservation | None = None

    @field_validator("pools", mode="before")
    @classmethod
    def _check_pools(cls, pools: Any) -> Any:
        return check_pools(pools)

    @field_validator("accelerators")
    @classmethod
    def _check_whole(cls, gang: Distribution | None) -> Distribution | None:
        if any(not value.is_integer() for value in gang_sizes(gang)):
            fail("a gang is a whole number of accelerators")
        return gang

    @field_validator("model")
    @classmethod
    def _check_model(cls, name: str | None, info: ValidationInfo) -> str | None:
        return check_trained(name, info)

    @model_validator(mode="after")
    def _check_source(self) -> Self:
        """A stream is drawn, recorded or named, and nothing else."""
        drawn = {"arrivals": self.arrivals, "accelerators": self.accelerators}
        length = {"duration": self.duration, "model": self.model, "tokens": self.tokens}
        given = [name for name, part in {**drawn, **length}.items() if part is not None]
        missing = [f"`{name}`" for name, part in drawn.items() if part is None]
        if self.duration is None and self.model is None and self.tokens is None:
            missing.append("`duration`")
        if self.trace is not None and self.jobs is not None:
            fail("a trace has its own jobs", "jobs", "another stream")
        if self.trace is not None and given:
            fail("a trace has its own arrivals, gangs and durations", given[0])
        if self.jobs is not None and given:
            fail("named jobs say for themselves when they come, on how much and for how long", given[0])
        if self.trace is None and self.jobs is None:
            if missing:
                hint = "a stream has arrivals, accelerators and duration, or a trace, or jobs"
                fail(f"{' and '.join(missing)} missing", hint=hint)
            check_length(self.duration, self.model, self.tokens)
        if isinstance(self.arrivals, TraceArrivals):
            fail("a trace of requests does not make jobs", "arrivals", "trace: {format: csv, path: ...}")
        return self

    @model_validator(mode="after")
    def _check_throughput(self) -> Self:
        if self.throughput is None:
            return self
        if self.models:
            fail("the speed on each pool follows from the model", "throughput", "leave it out, or give `duration`")
        for pool in self.throughput:
            if pool not in self.pools:
                fail(f"`{pool}` is none of the stream's pools", "throughput", f"one of {', '.join(self.pools)}")
        if self.pools[0] not in self.throughput:
            fail(f"`{self.pools[0]}` is missing, on which durations are given", "throughput", "the first of `pools`")
        return self

    @property
    def reserved(self) -> int:
        """How many accelerators its reservation keeps free, 0 where that is not known."""
        if self.reservation is None:
            return 0
        named = [float(job.accelerators) for job in self.jobs or ()]
        return self.reservation.accelerators or int(max([*named, *gang_sizes(self.accelerators)], default=0.0))

    @property
    def models(self) -> tuple[str, ...]:
        """The models whose training times are computed."""
        named = [self.model, *(job.model for job in self.jobs or ())]
        return tuple(dict.fromkeys(name for name in named if name is not None))

    def named_jobs(self, stream: str) -> Iterator[tuple[str, NamedJob]]:
        """The named jobs with their ids, those without one by the name of the stream and their place in it."""
        for place, job in enumerate(self.jobs or (), start=1):
            yield job.id or f"{stream}-{place}", job


def gang_sizes(gang: Distribution | None) -> tuple[float, ...]:
    """Return the sizes that can be named: of a number, a fixed value or a choice."""
    if isinstance(gang, float):
        return (gang,)
    if isinstance(gang, Fixed):
        return (gang.value,)
    return tuple(gang.weights) if isinstance(gang, Choice) else ()
