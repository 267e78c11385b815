"""What a plan file may say."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Self

from pydantic import BeforeValidator, Field, model_validator

from sim.scenario.base import Name, Node, fail
from sim.scenario.quantities import Plain

Confidence = Annotated[float, Plain(above=0.5, most=0.9999)]


class Bounds(Node):
    """The whole numbers that a decision may take."""

    min: int
    max: int
    step: int = Field(default=1, ge=1)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.max < self.min:
            fail(f"the largest, {self.max}, is below the smallest, {self.min}", "max")
        return self

    @property
    def values(self) -> range:
        """The candidates, ascending."""
        return range(self.min, self.max + 1, self.step)


class Looks(Node):
    """Replications of a candidate: `first` at the first look, twice as many at each further one, at most `max`."""

    first: int = Field(default=16, ge=4)
    max: int = Field(default=512, ge=4)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.max < self.first:
            fail(f"the most, {self.max}, are fewer than the first, {self.first}", "max")
        return self

    @property
    def sizes(self) -> tuple[int, ...]:
        """The numbers of replications at which a candidate is looked at."""
        sizes = [self.first]
        while sizes[-1] < self.max:
            sizes.append(min(2 * sizes[-1], self.max))
        return tuple(sizes)


def _one(value: Any) -> Any:
    if isinstance(value, dict) and len(value) > 1:
        fail("more than one decision variable arrives in a later version")
    return value


class PlanFile(Node):
    """The smallest value of one decision that keeps every constraint."""

    later_keys: ClassVar = frozenset({"installed", "alternatives", "demand", "periods", "headroom", "lead_time"})
    plan: Name
    description: str = ""
    scenario: str
    decision_variables: Annotated[Mapping[str, Bounds], Field(min_length=1), BeforeValidator(_one)]
    subject_to: tuple[str, ...] = Field(min_length=1, strict=False)
    minimise: str = "fleet.cost_usd_per_h"
    confidence: Confidence = 0.95
    seed: int | None = Field(default=None, ge=0)
    replications: Looks = Looks.model_construct()

    @property
    def decision(self) -> tuple[str, Bounds]:
        """The dotted path that is decided, and its bounds."""
        [(path, bounds)] = self.decision_variables.items()
        return path, bounds
