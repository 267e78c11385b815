"""How the accelerators of a pool fail: by whose lifetimes, or as a trace recorded it."""

from typing import Annotated, Any, Literal, Self

from pydantic import ValidationInfo, field_validator, model_validator

from sim.scenario.arrivals import check_file
from sim.scenario.base import Node, fail
from sim.scenario.distributions import DurationDistribution
from sim.scenario.quantities import Plain, PositiveDuration

Per = Literal["accelerator", "node", "rack"]
Shape = Annotated[float, Plain(least=0.1, most=100.0)]


class Failures(Node):
    """Every accelerator, node or rack fails by itself, whatever runs on it; what fails together is down together."""

    per: Per
    mtbf: PositiveDuration | None = None
    """Mean time of one of them from a repair to the next failure."""
    shape: Shape | None = None
    """Of its Weibull distribution: 1 is exponential and the default, less is many early failures, more is wear."""
    repair: DurationDistribution | None = None
    """How long it is down."""
    trace: str | None = None
    """A CSV file with the columns time_s, unit (its number, from 0) and repair_s."""

    @field_validator("trace")
    @classmethod
    def _check_file(cls, path: str | None, info: ValidationInfo) -> str | None:
        return path if path is None else check_file(path, info)

    @model_validator(mode="after")
    def _check(self) -> Self:
        given = [name for name in ("mtbf", "shape", "repair") if getattr(self, name) is not None]
        if self.trace is not None and given:
            fail("a trace has its own times and repairs", given[0])
        if self.trace is None and self.mtbf is None:
            fail("`mtbf` is missing", hint="the mean time between failures of one, such as 50000 h, or a trace")
        return self


def as_list(failures: Any) -> Any:
    """One way to fail, or a list of several."""
    if isinstance(failures, dict):
        return [failures]
    return failures
