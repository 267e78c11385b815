"""Field types that read quantities with their unit and write them back exactly."""

import math
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from sim import units
from sim.scenario.base import fail


@dataclass(frozen=True)
class Quantity:
    """Marks a float that is written with a unit of `dimension`; `positive` refuses zero."""

    dimension: units.Dimension
    positive: bool = False

    def parse(self, value: Any) -> float:
        """Return the SI value; a validation error where it cannot be read."""
        try:
            parsed = units.parse(value, self.dimension)
        except units.UnitError as error:
            fail(error.message, hint=error.hint)
        if self.positive and parsed <= 0:
            fail(f"`{value}` must be more than zero")
        return parsed

    def write(self, value: float) -> str:
        """Return the exact text."""
        return units.exact(value, self.dimension)

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            self.parse, serialization=core_schema.plain_serializer_function_ser_schema(self.write)
        )

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        text = {
            "type": "string",
            "pattern": units.pattern(self.dimension),
            "examples": list(units.examples(self.dimension)),
        }
        return text if self.positive else {"anyOf": [text, {"const": 0}]}


@dataclass(frozen=True)
class Plain:
    """Marks a dimensionless float, bounded below; whole numbers are written without a point."""

    least: float = -math.inf
    above: float = -math.inf
    most: float = math.inf
    whole: bool = False

    def parse(self, value: Any) -> float:
        """Return the number; a validation error where it is none, not finite or out of bounds."""
        if isinstance(value, bool) or not isinstance(value, int | float):
            fail(f"expected a number, found {found(value)}")
        number = float(value)
        if not math.isfinite(number):
            fail(f"`{number}` is not finite")
        if number < self.least or number <= self.above or number > self.most:
            fail(f"`{value}` is out of bounds", hint=self.bounds())
        if self.whole and not number.is_integer():
            fail(f"`{value}` is not a whole number")
        return number

    def bounds(self) -> str:
        """Return the bounds in words."""
        low = f"more than {self.above:g}" if self.above > -math.inf else f"at least {self.least:g}"
        high = f"at most {self.most:g}"
        return " and ".join(
            ([low] if max(self.above, self.least) > -math.inf else []) + ([high] if self.most < math.inf else [])
        )

    @staticmethod
    def write(value: float) -> float | int:
        """Return the number, whole where it is."""
        return int(value) if float(value).is_integer() and abs(value) < 2**53 else value

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            self.parse, serialization=core_schema.plain_serializer_function_ser_schema(self.write)
        )

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        bounds = {"minimum": self.least, "exclusiveMinimum": self.above, "maximum": self.most}
        return {"type": "number"} | {key: bound for key, bound in bounds.items() if math.isfinite(bound)}


@dataclass(frozen=True)
class TimeOfDay:
    """Marks a float, seconds after midnight, that is written as "14:00"."""

    @staticmethod
    def parse(value: Any) -> float:
        """Seconds after midnight; a validation error where it cannot be read."""
        parts = value.split(":") if isinstance(value, str) else []
        if not 2 <= len(parts) <= 3 or not all(part.isascii() and part.isdigit() and len(part) <= 2 for part in parts):
            fail(f"expected a time of day, found {found(value)}", hint='such as "14:00"')
        hours, minutes, seconds = (*map(int, parts), 0)[:3]
        if hours > 23 or minutes > 59 or seconds > 59:
            fail(f"`{value}` is not a time of day", hint="from 00:00 to 23:59:59")
        return float(hours * 3600 + minutes * 60 + seconds)

    @staticmethod
    def write(value: float) -> str:
        """Return the text with seconds where there are any."""
        minutes, seconds = divmod(int(value), 60)
        return f"{minutes // 60:02d}:{minutes % 60:02d}" + (f":{seconds:02d}" if seconds else "")

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            self.parse, serialization=core_schema.plain_serializer_function_ser_schema(self.write)
        )

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {"type": "string", "pattern": r"^\d{1,2}:\d{2}(:\d{2})?$", "examples": ["14:00"]}


def found(value: Any) -> str:
    """Return a value as an error names it."""
    if value is None:
        return "nothing"
    if isinstance(value, dict | list):
        return "a map" if isinstance(value, dict) else "a list"
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"`{str(value)[:40]}`"


Duration = Annotated[float, Quantity("time")]
PositiveDuration = Annotated[float, Quantity("time", positive=True)]
Rate = Annotated[float, Quantity("rate", positive=True)]
NonNegativeRate = Annotated[float, Quantity("rate")]
Power = Annotated[float, Quantity("power")]
Memory = Annotated[float, Quantity("memory", positive=True)]
Bandwidth = Annotated[float, Quantity("bandwidth", positive=True)]
Compute = Annotated[float, Quantity("compute", positive=True)]
Price = Annotated[float, Quantity("price")]
Electricity = Annotated[float, Quantity("electricity")]
CarbonIntensity = Annotated[float, Quantity("carbon_intensity")]
Mass = Annotated[float, Quantity("mass")]
Growth = Annotated[float, Quantity("growth")]
Number = Annotated[float, Plain(least=0)]
Positive = Annotated[float, Plain(above=0)]
Share = Annotated[float, Plain(above=0, most=1)]
Probability = Annotated[float, Plain(least=0, most=1)]
AtLeastOne = Annotated[float, Plain(least=1)]
Count = Annotated[float, Plain(least=1, whole=True)]
