"""Quantities as people write them: "90 s", "12/s", "600 W", "8%/month" to SI floats, and back.

Inside, a time is in s, a rate in 1/s, a power in W, memory in B, a price in USD/h, electricity in USD/kWh, a carbon
intensity in kg/kWh, a mass in kg, and a growth is the g of exp(g*t) in 1/s: percentages compound, so 8%/month is
ln(1.08) per month.
A month is 30.4375 d and a year 365.25 d.
"""

import difflib
import math
import re
from collections.abc import Mapping
from fractions import Fraction
from types import MappingProxyType
from typing import Literal, NoReturn

Dimension = Literal[
    "time",
    "rate",
    "power",
    "memory",
    "bandwidth",
    "compute",
    "price",
    "electricity",
    "carbon_intensity",
    "mass",
    "growth",
]

MONTH = 30.4375 * 86400.0
"""Seconds in a month."""

_TIME = {
    "ns": Fraction(1, 10**9),
    "us": Fraction(1, 10**6),
    "ms": Fraction(1, 1000),
    "s": Fraction(1),
    "min": Fraction(60),
    "h": Fraction(3600),
    "d": Fraction(86400),
    "week": Fraction(604800),
    "month": Fraction(2629800),
    "y": Fraction(31557600),
}
_MEMORY = {
    "B": Fraction(1),
    "kB": Fraction(10**3),
    "MB": Fraction(10**6),
    "GB": Fraction(10**9),
    "TB": Fraction(10**12),
    "PB": Fraction(10**15),
    "KiB": Fraction(2**10),
    "MiB": Fraction(2**20),
    "GiB": Fraction(2**30),
    "TiB": Fraction(2**40),
}
_PREFIXES = {"": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_FLOPS = {f"{prefix}{name}/s": Fraction(10**power) for name in ("FLOP", "OP") for prefix, power in _PREFIXES.items()}

_UNITS: Mapping[str, Mapping[str, Fraction]] = MappingProxyType(
    {
        "time": _TIME,
        "rate": {f"/{unit}": 1 / seconds for unit, seconds in _TIME.items()},
        "power": {
            "mW": Fraction(1, 1000),
            "W": Fraction(1),
            "kW": Fraction(10**3),
            "MW": Fraction(10**6),
            "GW": Fraction(10**9),
        },
        "memory": _MEMORY,
        "bandwidth": {f"{unit}/s": factor for unit, factor in _MEMORY.items()},
        "compute": _FLOPS,
        "price": {f"USD/{unit}": 3600 / seconds for unit, seconds in _TIME.items() if seconds >= 1},
        "electricity": {"USD/kWh": Fraction(1), "USD/MWh": Fraction(1, 1000)},
        "carbon_intensity": {"g/kWh": Fraction(1, 1000), "kg/kWh": Fraction(1), "kg/MWh": Fraction(1, 1000)},
        "mass": {"g": Fraction(1, 1000), "kg": Fraction(1), "t": Fraction(1000)},
        "growth": {"/s": Fraction(1)},
    }
)
_SI: Mapping[str, str] = MappingProxyType(
    {
        "time": "s",
        "rate": "/s",
        "power": "W",
        "memory": "B",
        "bandwidth": "B/s",
        "compute": "FLOP/s",
        "price": "USD/h",
        "electricity": "USD/kWh",
        "carbon_intensity": "kg/kWh",
        "mass": "kg",
        "growth": "/s",
    }
)
_EXAMPLES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "time": ("s", "min", "h"),
        "rate": ("/s", "/h"),
        "power": ("W", "kW"),
        "memory": ("GB", "GiB"),
        "bandwidth": ("GB/s", "TB/s"),
        "compute": ("TFLOP/s",),
        "price": ("USD/h",),
        "electricity": ("USD/kWh",),
        "carbon_intensity": ("g/kWh",),
        "mass": ("kg",),
        "growth": ("%/month", "%/y"),
    }
)
_SHOWN: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "time": ("y", "d", "h", "min", "s", "ms", "us"),
        "rate": ("/s", "/min", "/h", "/d"),
        "power": ("MW", "kW", "W"),
        "memory": ("TB", "GB", "MB", "kB", "B"),
        "bandwidth": ("TB/s", "GB/s", "MB/s", "B/s"),
        "compute": ("PFLOP/s", "TFLOP/s", "GFLOP/s", "FLOP/s"),
        "price": ("USD/h",),
        "electricity": ("USD/kWh",),
        "carbon_intensity": ("g/kWh",),
        "mass": ("t", "kg", "g"),
    }
)
_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d{1,4})?"
_QUANTITY = re.compile(rf"({_NUMBER})\s*([^\d\s].*)?", re.ASCII)
_GROWTH = re.compile(r"%\s*/\s*([a-z]+)")
_LONGEST = 60


class UnitError(ValueError):
    """A quantity that cannot be read; `hint` says how to write it."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(f"{message} ({hint})" if hint else message)
        self.message = message
        self.hint = hint


def parse(text: object, dimension: Dimension) -> float:
    """Return the SI value of a quantity such as "2 h"; zero may stand without a unit.

    Raises UnitError for a bare number, an unknown unit, NaN, infinity, and a negative value (growth may be negative).
    """
    if isinstance(text, bool) or not isinstance(text, str | int | float):
        raise UnitError(f"expected a {_spoken(dimension)}", f"such as `{examples(dimension)[0]}`")
    if not isinstance(text, str):
        return _bare(text, dimension)
    match = _QUANTITY.fullmatch(text.strip()) if len(text) <= _LONGEST else None
    if match is None:
        raise UnitError(f"`{text[:_LONGEST]}` is not a {_spoken(dimension)}", f"such as `{examples(dimension)[0]}`")
    number, unit = match[1], (match[2] or "").strip().replace("µ", "u")
    if not unit:
        return _bare(float(number), dimension)
    if not math.isfinite(float(number)):
        raise UnitError(f"`{text}` is not finite")
    value = _value(number, unit, dimension)
    if value < 0 and dimension != "growth":
        raise UnitError(f"`{text}` is negative", f"a {_spoken(dimension)} is zero or more")
    return value


def exact(value: float, dimension: Dimension) -> str:
    """Return the quantity in its SI unit, written so that `parse` gives back the very same float."""
    unit = _SI[dimension]
    return f"{number(value)}{'' if unit.startswith('/') else ' '}{unit}"


def show(value: float, dimension: Dimension) -> str:
    """Return the quantity for people: four digits, in the largest unit that leaves at least 1."""
    if dimension == "growth":
        return f"{math.expm1(value * MONTH) * 100:.4g}%/month"
    ladder = _SHOWN[dimension]
    unit = next((unit for unit in ladder if abs(value) >= _UNITS[dimension][unit]), ladder[-1])
    if value == 0:
        unit = _SI[dimension]
    return f"{value / float(_UNITS[dimension][unit]):.4g}{'' if unit.startswith('/') else ' '}{unit}"


def number(value: float) -> str:
    """Return the shortest text of a number that reads back as the same float, without a trailing `.0`."""
    return repr(float(value)).removesuffix(".0")


def examples(dimension: Dimension, value: float = 8) -> tuple[str, ...]:
    """How `value` would be written in the usual units of the dimension."""
    return tuple(f"{value:g}{'' if unit[0] in '/%' else ' '}{unit}" for unit in _EXAMPLES[dimension])


def pattern(dimension: Dimension) -> str:
    """Return a regular expression of the quantity, for editors."""
    units = [re.escape(unit).replace("/", r"\s*/\s*") for unit in _UNITS[dimension]]
    if dimension == "growth":
        units += [rf"%\s*/\s*{unit}" for unit in _TIME]
    return rf"^\s*{_NUMBER}\s*(?:{'|'.join(units)})\s*$"


def _value(number: str, unit: str, dimension: Dimension) -> float:
    growth = _GROWTH.fullmatch(unit) if dimension == "growth" else None
    if growth and growth[1] in _TIME:
        return _growth(float(number), float(_TIME[growth[1]]))
    unit = re.sub(r"\s*/\s*", "/", unit)
    factor = _UNITS[dimension].get(unit)
    if factor is None:
        _unknown_unit(unit, dimension)
    if float(number) == 0:
        return 0.0
    try:
        return float(Fraction(number) * factor)
    except OverflowError:
        raise UnitError(f"`{number} {unit}` is not finite") from None


def _growth(percent: float, seconds: float) -> float:
    if percent <= -100:
        raise UnitError(f"`{percent:g}%` leaves nothing", "a decline is less than 100 %")
    return math.log1p(percent / 100) / seconds


def _bare(value: float, dimension: Dimension) -> float:
    if value == 0:
        return 0.0
    if not math.isfinite(value):
        raise UnitError(f"`{value}` is not finite")
    written = " or ".join(f"`{example}`" for example in examples(dimension, value))
    raise UnitError(f"`{value:g}` has no unit", f"write {written}")


def _unknown_unit(unit: str, dimension: Dimension) -> NoReturn:
    known = list(_UNITS[dimension]) + ([f"%/{time}" for time in _TIME] if dimension == "growth" else [])
    near = next((name for name in known if name.lower() == unit.lower()), None)
    near = near or next(iter(difflib.get_close_matches(unit, known, 1, 0.6)), None)
    hint = f"did you mean `{near}`?" if near else f"units: {', '.join(known)}"
    raise UnitError(f"`{unit}` is not a unit of {dimension.replace('_', ' ')}", hint)


def _spoken(dimension: Dimension) -> str:
    return {"time": "duration", "compute": "speed (FLOP/s)", "electricity": "price of electricity"}.get(
        dimension, dimension.replace("_", " ")
    )
