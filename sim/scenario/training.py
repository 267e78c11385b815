"""Training: streams of jobs, or a trace of them."""

from typing import Any, ClassVar, Self

from pydantic import Field, field_validator, model_validator

from sim.scenario.arrivals import AnyArrivals, TraceArrivals
from sim.scenario.base import Node, PoolName, fail
from sim.scenario.distributions import Choice, CountDistribution, Distribution, DurationDistribution, Fixed
from sim.scenario.job_trace import JobTrace
from sim.scenario.quantities import Duration, PositiveDuration
from sim.scenario.replica_group import check_pools


class Checkpoint(Node):
    """A checkpoint every `interval` of work costs `cost`; `restart` is lost when a job starts again."""

    interval: PositiveDuration
    cost: Duration = 0.0
    restart: Duration = 0.0


class TrainingStream(Node):
    """A stream of jobs: arrivals, gangs and durations, or a trace of all three."""

    later_keys: ClassVar = frozenset({"throughput", "elastic", "tenant", "jobs", "reservation", "model", "tokens"})
    pools: tuple[PoolName, ...] = Field(strict=False, min_length=1)
    """In order of preference; a gang never spans pools."""
    arrivals: AnyArrivals | None = None
    accelerators: CountDistribution | None = None
    """The gang."""
    duration: DurationDistribution | None = None
    trace: JobTrace | None = None
    checkpoint: Checkpoint | None = None
    queue_limit: int | None = Field(default=None, ge=0)
    priority: int = 0
    preemptible: bool = True

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

    @model_validator(mode="after")
    def _check(self) -> Self:
        parts = {"arrivals": self.arrivals, "accelerators": self.accelerators, "duration": self.duration}
        given = [name for name, part in parts.items() if part is not None]
        missing = [f"`{name}`" for name, part in parts.items() if part is None]
        if self.trace is not None and given:
            fail("a trace has its own arrivals, gangs and durations", given[0])
        if self.trace is None and missing:
            fail(
                f"{' and '.join(missing)} missing", hint="a stream has arrivals, accelerators and duration, or a trace"
            )
        if isinstance(self.arrivals, TraceArrivals):
            fail("a trace of requests does not make jobs", "arrivals", "trace: {format: csv, path: ...}")
        return self


def gang_sizes(gang: Distribution | None) -> tuple[float, ...]:
    """Return the sizes that can be named: of a number, a fixed value or a choice."""
    if isinstance(gang, float):
        return (gang,)
    if isinstance(gang, Fixed):
        return (gang.value,)
    return tuple(gang.weights) if isinstance(gang, Choice) else ()
