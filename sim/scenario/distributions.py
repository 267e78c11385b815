"""Distributions of durations (written with a unit) and of plain numbers: gang sizes, lengths, work."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, Any, ClassVar, Generic, Self, TypeVar

from pydantic import (
    BaseModel,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from sim.scenario.base import Node, fail
from sim.scenario.errors import near
from sim.scenario.quantities import AtLeastOne, Count, Duration, Number, Positive, Probability
from sim.scenario.scalars import plain_scalar

Q = TypeVar("Q", bound=float)
"""A duration in s, or a plain number."""

_TOLERANCE = 1e-9


class Variant(Node, Generic[Q]):
    """A distribution that is written as a map with its tag as the only key."""

    tag: ClassVar[str]

    @model_serializer(mode="wrap")
    def _tagged(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        body = {key: value for key, value in handler(self).items() if value is not None}
        return {self.tag: body}


class Fixed(Variant[Q]):
    """Always `value`; written `{fixed: x}`."""

    tag = "fixed"
    value: Q

    @model_validator(mode="before")
    @classmethod
    def _from_short_form(cls, data: Any) -> Any:
        return data if isinstance(data, dict) else {"value": data}

    @model_serializer(mode="wrap")
    def _tagged(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {self.tag: handler(self)["value"]}

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return _only_property(handler, schema, "value")


class Exponential(Variant[Q]):
    """Exponential with this mean."""

    tag = "exponential"
    mean: Q


class Erlang(Variant[Q]):
    """The sum of k equal exponentials, with this mean."""

    tag = "erlang"
    k: int = Field(ge=1)
    mean: Q


class Gamma(Variant[Q]):
    """Gamma with this mean and squared coefficient of variation."""

    tag = "gamma"
    mean: Q
    scv: Positive


class Hyperexponential(Variant[Q]):
    """Exponential with mean `means[i]` with probability `p[i]`."""

    tag = "hyperexponential"
    p: tuple[Probability, ...] = Field(strict=False, min_length=1)
    means: tuple[Q, ...] = Field(strict=False, min_length=1)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if len(self.p) != len(self.means):
            fail(f"{len(self.p)} probabilities but {len(self.means)} means", "means")
        if abs(math.fsum(self.p) - 1) > _TOLERANCE:
            fail(f"the probabilities sum to {math.fsum(self.p):g}, not to 1", "p")
        return self


class Lognormal(Variant[Q]):
    """Log-normal, by `median` and the `sigma` of its logarithm, or by `mean` and squared coefficient of variation."""

    tag = "lognormal"
    median: Q | None = None
    sigma: Number | None = None
    mean: Q | None = None
    scv: Number | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        given = {name for name in ("median", "sigma", "mean", "scv") if getattr(self, name) is not None}
        if given not in ({"median", "sigma"}, {"mean", "scv"}):
            fail("a log-normal needs either `median` and `sigma`, or `mean` and `scv`")
        return self


class BoundedPareto(Variant[Q]):
    """Pareto with tail index `alpha`, truncated to [low, high]."""

    tag = "bounded_pareto"
    alpha: Positive
    low: Q
    high: Q

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not 0 < self.low < self.high:
            fail("`low` must be more than zero and less than `high`", "low")
        return self


class Uniform(Variant[Q]):
    """Uniform on [low, high]."""

    tag = "uniform"
    low: Q
    high: Q

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.low > self.high:
            fail("`low` is above `high`", "low")
        return self


class Choice(Variant[Q]):
    """Value v with probability `weights[v]`; written `{choice: {v: weight, ...}}`. The weights sum to 1."""

    tag = "choice"
    weights: Mapping[Q, Probability]

    @model_validator(mode="before")
    @classmethod
    def _from_short_form(cls, data: Any) -> Any:
        if not isinstance(data, dict) or isinstance(data.get("weights"), Mapping):
            return data if isinstance(data, dict) else {"weights": data}
        values = {plain_scalar(key) if isinstance(key, str) else key: weight for key, weight in data.items()}
        if len(values) < len(data):
            fail("a value is given twice")
        return {"weights": values}

    @model_validator(mode="after")
    def _check(self) -> Self:
        if abs(math.fsum(self.weights.values()) - 1) > _TOLERANCE:
            fail(f"the weights sum to {math.fsum(self.weights.values()):g}, not to 1")
        return self

    @model_serializer(mode="wrap")
    def _tagged(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {self.tag: {str(key): weight for key, weight in handler(self)["weights"].items()}}

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return _only_property(handler, schema, "weights")


class Quantiles(Variant[Q]):
    """An empirical distribution: `values` at cumulative `levels` from 0 to 1, linear between."""

    tag = "quantiles"
    levels: tuple[Probability, ...] = Field(strict=False, min_length=2)
    values: tuple[Q, ...] = Field(strict=False, min_length=2)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if len(self.levels) != len(self.values):
            fail(f"{len(self.levels)} levels but {len(self.values)} values", "values")
        if self.levels[0] != 0 or self.levels[-1] != 1 or not _ascending(self.levels, strictly=True):
            fail("the levels must ascend from 0 to 1", "levels")
        if not _ascending(self.values):
            fail("the values must ascend", "values")
        return self


Distribution = (
    float
    | Fixed[float]
    | Exponential[float]
    | Erlang[float]
    | Gamma[float]
    | Hyperexponential[float]
    | Lognormal[float]
    | BoundedPareto[float]
    | Uniform[float]
    | Choice[float]
    | Quantiles[float]
)
"""A number, or one of the variants; SI units."""

VARIANTS: Mapping[str, type[Variant[Any]]] = {
    variant.tag: variant
    for variant in (
        Fixed,
        Exponential,
        Erlang,
        Gamma,
        Hyperexponential,
        Lognormal,
        BoundedPareto,
        Uniform,
        Choice,
        Quantiles,
    )
}


@dataclass(frozen=True)
class Of:
    """Marks a `Distribution` whose values have the type `quantity` (an annotated float).

    Where what it draws is rounded to whole numbers, `exactly` is the type of values that are named one by one.
    """

    quantity: Any
    exactly: Any = None

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        exactly = self.exactly or self.quantity
        number = handler.generate_schema(exactly)
        choices: dict[str, CoreSchema] = {"number": number}
        for tag, variant in VARIANTS.items():
            quantity = exactly if variant in (Fixed, Choice) else self.quantity
            body = core_schema.typed_dict_field(handler.generate_schema(variant[quantity]))  # type: ignore[index]
            choices[tag] = core_schema.no_info_after_validator_function(
                _value_of(tag), core_schema.typed_dict_schema({tag: body})
            )
        write = self.quantity.__metadata__[0].write
        return core_schema.no_info_before_validator_function(
            _check_tag,
            core_schema.tagged_union_schema(choices, _tag),
            serialization=core_schema.plain_serializer_function_ser_schema(
                lambda value: value.model_dump() if isinstance(value, BaseModel) else write(value)
            ),
        )


def _only_property(handler: GetJsonSchemaHandler, schema: CoreSchema, name: str) -> JsonSchemaValue:
    """Return the schema of a short form: the map's only value instead of the map."""
    value: JsonSchemaValue = handler.resolve_ref_schema(handler(schema))["properties"][name]
    return value


def _value_of(tag: str) -> Any:
    return lambda data: data[tag]


def _tag(value: Any) -> str:
    return next(iter(value)) if isinstance(value, dict) else "number"


def _check_tag(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    if len(value) != 1:
        fail("a distribution is a number, or a map with one key", hint=f"one of {', '.join(VARIANTS)}")
    tag = str(next(iter(value)))
    if tag not in VARIANTS:
        fail(f"unknown distribution `{tag}`", tag, near(tag, VARIANTS) or f"known: {', '.join(VARIANTS)}")
    return value


def _ascending(values: tuple[float, ...], *, strictly: bool = False) -> bool:
    return all(low < high or (low == high and not strictly) for low, high in pairwise(values))


DurationDistribution = Annotated[Distribution, Of(Duration)]
"""Seconds."""
NumberDistribution = Annotated[Distribution, Of(Number)]
CountDistribution = Annotated[Distribution, Of(AtLeastOne, exactly=Count)]
"""Numbers of at least 1: tokens, accelerators, requests in a batch."""
