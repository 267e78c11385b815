"""What a study file may say."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Discriminator, Field, Tag, field_validator

from analysis.replications import FEWEST
from analysis.statistics.stopping import LEAST, look_ahead
from sim.scenario.base import Name, Node, fail, later
from sim.scenario.quantities import Plain, Positive, found


class Span(Node):
    """Equally spaced values `from` one `to` another, both of them among the `steps`."""

    from_: Any = Field(alias="from")
    to: Any
    steps: int = Field(ge=2)


def _values(value: Any) -> Any:
    if isinstance(value, dict) and "from" in value:
        return value
    if not isinstance(value, list) or not value:
        fail(f"expected a list of values, found {found(value)}", hint="or {from: 8, to: 20, steps: 4}")
    return value


Values = Annotated[
    Annotated[Span, Tag("span")] | Annotated[list[Any], Tag("list")],
    Discriminator(lambda value: "span" if isinstance(value, dict | Span) else "list"),
    BeforeValidator(_values),
]


def _share(value: Any) -> Any:
    """A percentage or a share as a share."""
    if isinstance(value, str) and value.strip().endswith("%"):
        try:
            return float(value.strip().removesuffix("%")) / 100
        except ValueError:
            fail(f"`{value}` is not a percentage", hint="such as 5%")
    return value


RelativeWidth = Annotated[Positive, BeforeValidator(_share)]


class Until(Node):
    """As many replications as it takes for each figure's interval to be so narrow: half-width over estimate.

    `difference` asks the same of differences to the baseline, relative to the baseline's own figure.
    """

    until: Mapping[str, RelativeWidth | Mapping[str, RelativeWidth]]
    max: int = Field(default=50, ge=LEAST + look_ahead(LEAST))

    @field_validator("until", mode="before")
    @classmethod
    def _check(cls, value: Any) -> Any:
        if not isinstance(value, dict) or not value:
            fail(f"expected figures with a precision, found {found(value)}", hint="such as {fleet.energy_kwh: 5%}")
        for path, target in value.items():
            if isinstance(target, dict) != (path == "difference"):
                fail(f"expected a precision, found {found(target)}", path, "such as 5%")
        return value

    @property
    def figures(self) -> dict[str, float]:
        """The precision asked of figures."""
        return {path: target for path, target in self.until.items() if not isinstance(target, Mapping)}

    @property
    def differences(self) -> Mapping[str, float]:
        """The precision asked of differences to the baseline."""
        asked = self.until.get("difference", {})
        return asked if isinstance(asked, Mapping) else {}


Replications = Annotated[
    Annotated[int, Field(ge=FEWEST), Tag("number")] | Annotated[Until, Tag("until")],
    Discriminator(lambda value: "until" if isinstance(value, dict | Until) else "number"),
]


class Compare(Node):
    """What is compared with the baseline: the point of these values, in these figures."""

    baseline: Mapping[str, Any]
    metrics: tuple[str, ...] = Field(default=(), strict=False)


class Best(Node):
    """The point that is best in one figure, named with a stated probability where it is best by `indifference`."""

    metric: str
    indifference: Positive
    """The least difference that matters, in the unit of the figure."""
    probability: Annotated[float, Plain(above=0, most=0.9999)] = 0.95
    prefer: Literal["smallest", "largest"] = "smallest"
    max: int = Field(default=200, ge=10)
    """Replications of a point at the most."""


class Study(Node):
    """A scenario at many points, each replicated with the same random numbers."""

    later_keys: ClassVar = frozenset({"samples"})
    study: Name
    description: str = ""
    scenario: str
    vary: Mapping[str, Values] = Field(min_length=1)
    design: Annotated[Literal["grid", "paired"], later("sobol", "latin_hypercube")] = "grid"
    replications: Replications = 10
    seed: int | None = Field(default=None, ge=0)
    compare: Compare | None = None
    best: Best | None = None
    metrics: tuple[str, ...] = Field(default=(), strict=False)
    """Figures that the report shows; those of `compare` where left out, else a few usual ones."""
