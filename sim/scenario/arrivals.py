"""How requests and jobs arrive: processes with a rate, shaped by a curve over the day or week and a growth."""

import math
from typing import Annotated, Any, Literal, Self

from pydantic import Discriminator, Field, Tag, ValidationInfo, field_validator, model_validator

from sim import catalog
from sim.scenario.base import Node, check_known, context_of, fail, later_tag, unset
from sim.scenario.distributions import CountDistribution
from sim.scenario.quantities import (
    AtLeastOne,
    Growth,
    NonNegativeRate,
    Number,
    Positive,
    PositiveDuration,
    Rate,
    TimeOfDay,
)


class Daily(Node):
    """A cosine over the day: the rate at the peak over the rate at the trough, twelve hours apart."""

    peak_to_trough: AtLeastOne
    peak_at: Annotated[float, TimeOfDay()]
    """Seconds after midnight."""


class Shape(Node):
    """A curve over the day or the week, one of the two. Only its form counts: the mean is the process's rate."""

    daily: Daily | None = None
    hourly: tuple[Number, ...] | None = Field(default=None, strict=False)
    """24 values (a day from midnight) or 168 (a week from Monday)."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.daily is None) == (self.hourly is None):
            fail("a shape is a preset's name, `daily` or `hourly`")
        if self.hourly is not None and len(self.hourly) not in (24, 168):
            fail(f"{len(self.hourly)} values", "hourly", "24 for a day or 168 for a week")
        if self.hourly is not None and not math.fsum(self.hourly) > 0:
            fail("the values are all zero", "hourly")
        return self


def name_or_map(value: Any) -> str:
    """Return the discriminator of a field that takes a name or a map."""
    return "name" if isinstance(value, str) else "map"


ShapeOrPreset = Annotated[Annotated[str, Tag("name")] | Annotated[Shape, Tag("map")], Discriminator(name_or_map)]


class _Curve(Node):
    process: str
    shape: ShapeOrPreset | None = None
    growth: Growth = 0.0
    """g of exp(g*t), 1/s."""

    @field_validator("shape")
    @classmethod
    def _check_preset(cls, shape: Shape | str | None) -> Shape | str | None:
        if isinstance(shape, str):
            workloads = catalog.workloads()
            check_known(
                "workload preset", shape, [name for name, workload in workloads.items() if workload.hourly_shape]
            )
        return shape


class _Shaped(_Curve):
    rate: Rate
    """1/s, the mean over the shape's period at the start."""


class PoissonArrivals(_Shaped):
    """Exponential gaps."""

    process: Literal["poisson"]


class DeterministicArrivals(_Shaped):
    """Equal gaps."""

    process: Literal["deterministic"]


class GammaArrivals(_Shaped):
    """Gamma gaps; `burstiness` is their shape: 1 is Poisson, less is burstier."""

    process: Literal["gamma"]
    burstiness: Positive


class WeibullArrivals(_Shaped):
    """Weibull gaps; `burstiness` is their shape: 1 is Poisson, less is burstier."""

    process: Literal["weibull"]
    burstiness: Positive


class OnOffArrivals(_Shaped):
    """Poisson while on, nothing while off; both last exponentially with these means. `rate` is the mean over both."""

    process: Literal["on_off"]
    on_mean: PositiveDuration
    off_mean: PositiveDuration


class CoxArrivals(_Shaped):
    """Poisson with a log-normal rate that wanders: its coefficient of variation and correlation time."""

    process: Literal["cox"]
    rate_cv: Number
    correlation_time: PositiveDuration


class MmppArrivals(_Curve):
    """Poisson whose rate is that of a state, which changes by chance (a Markov-modulated Poisson process).

    `rates` (1/s) are those of the states; each is left at its rate of `switching_rates` (1/s) for the next one, after
    the last comes the first. `rate` is their mean over time; where it is given, `rates` are only its parts.
    """

    process: Literal["mmpp"]
    rates: tuple[NonNegativeRate, ...] = Field(strict=False, min_length=2)
    switching_rates: tuple[Rate, ...] = Field(strict=False)
    rate: Rate = Field(default_factory=unset, validate_default=True)

    @field_validator("switching_rates")
    @classmethod
    def _check_number(cls, switching: tuple[float, ...], info: ValidationInfo) -> tuple[float, ...]:
        rates = info.data.get("rates", switching)
        if len(switching) != len(rates):
            fail(f"{len(switching)} rates at which {len(rates)} states are left", hint="one for each state")
        if not any(rates):
            fail("no state has arrivals", "rates")
        return switching

    @field_validator("rate", mode="before")
    @classmethod
    def _mean_of_states(cls, rate: Any, info: ValidationInfo) -> Any:
        rates, switching = info.data.get("rates"), info.data.get("switching_rates")
        return f"{mean_rate(rates, switching)!r}/s" if rate is None and rates and switching else rate


def mean_rate(rates: tuple[float, ...], switching_rates: tuple[float, ...]) -> float:
    """The mean over time of a rate that stays at each of `rates` for 1 / its switching rate on average (all 1/s)."""
    stays = [1.0 / switching for switching in switching_rates]
    return sum(rate * stay for rate, stay in zip(rates, stays, strict=True)) / sum(stays)


class BatchArrivals(_Shaped):
    """Batches at Poisson epochs; `rate` counts single arrivals, so epochs come at rate / mean size."""

    process: Literal["batch"]
    size: CountDistribution


class TraceArrivals(Node):
    """The arrivals, and the lengths, of a recorded trace. The path is relative to the scenario's folder."""

    process: Literal["trace"]
    format: Literal["csv", "azure", "mooncake", "burstgpt"]
    path: str

    @field_validator("path")
    @classmethod
    def _check_file(cls, path: str, info: ValidationInfo) -> str:
        return check_file(path, info)


def check_file(path: str, info: ValidationInfo) -> str:
    """Return the path, if a file is there (relative to the scenario's folder)."""
    file = context_of(info).folder / path
    if info.context is not None and not file.is_file():
        fail(f"there is no file `{file}`")
    return path


Arrivals = (
    PoissonArrivals
    | DeterministicArrivals
    | GammaArrivals
    | WeibullArrivals
    | OnOffArrivals
    | CoxArrivals
    | MmppArrivals
    | BatchArrivals
    | TraceArrivals
)
AnyArrivals = Annotated[Annotated[Arrivals, Field(discriminator="process")], later_tag("process", "closed")]
