"""Figures as people read them: three significant digits, a unit of fitting size, an en dash for what is unknown."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

UNKNOWN = "–"
SPACE = "\u00a0"
"""Between a number and its unit: no line breaks there."""

Units = Sequence[tuple[float, str]]
"""Units of one kind with their sizes, the largest first."""

UNITS: Mapping[str, Units] = {
    "time": ((86400.0, "d"), (3600.0, "h"), (60.0, "min"), (1.0, "s"), (1e-3, "ms"), (1e-6, "µs")),
    "power": ((1e6, "MW"), (1e3, "kW"), (1.0, "W")),
    "energy": ((1e6, "GWh"), (1e3, "MWh"), (1.0, "kWh"), (1e-3, "Wh")),
    "joules": ((1e6, "MJ"), (1e3, "kJ"), (1.0, "J"), (1e-3, "mJ")),
    "mass": ((1e3, "t"), (1.0, "kg"), (1e-3, "g")),
}

_ROUNDING = 1e-9


def find(tree: Any, *keys: str) -> Any:
    """Return the value under nested keys, or None where any of them is missing or null."""
    for key in keys:
        if not isinstance(tree, Mapping) or key not in tree:
            return None
        tree = tree[key]
    return tree


def figure(value: Any) -> float | None:
    """Return a finite float, or None for everything else."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)


def number(value: Any, digits: int = 3) -> str:
    """`1234567 -> 1,234,567`, `0.012345 -> 0.0123`; whole numbers keep all their digits."""
    known = figure(value)
    if known is None:
        return UNKNOWN
    if known == 0:
        return "0"
    if known.is_integer() and abs(known) < 1e15:
        return f"{known:,.0f}"
    magnitude = math.floor(math.log10(abs(float(f"{known:.{digits - 1}e}"))))
    if magnitude < -4 or magnitude >= 15:
        return f"{known:.{digits - 1}e}"
    return f"{known:,.{max(0, digits - 1 - magnitude)}f}"


def exact(value: Any, digits: int = 9) -> str:
    """Return a number with all its digits up to `digits`, without zeros at the end."""
    known = figure(value)
    if known is None:
        return UNKNOWN
    return f"{known:,.0f}" if 10**digits <= abs(known) < 1e15 else f"{known:,.{digits}g}"


def share(value: Any) -> str:
    """Return a share as a percentage; near one it keeps the digits that say how near, and never rounds up to 100 %."""
    known = figure(value)
    if known is None:
        return UNKNOWN
    known = 1.0 if abs(known - 1.0) < _ROUNDING else known
    decimals = 1 if known < 0.9 or known >= 1 else 2 if known < 0.999 else 3
    scale = 10.0 ** (decimals + 2)
    rounded = math.floor(known * scale + 1e-9) / scale if 0.9 <= known < 1 else known
    return f"{rounded * 100:.{0 if known in (0.0, 1.0) else decimals}f}{SPACE}%"


def unit_of(kind: str, value: float) -> tuple[float, str]:
    """Return the unit of fitting size for a value of a kind of `UNITS`: (its size, its name); days from two of them."""
    units = UNITS[kind]
    if kind == "time" and abs(value) < 2 * 86400:
        units = units[1:]
    if value == 0:
        return next(unit for unit in units if unit[0] == 1.0)
    return next((unit for unit in units if abs(value) >= unit[0] * 0.9995), units[-1])


def _scaled(value: Any, kind: str) -> str:
    known = figure(value)
    if known is None:
        return UNKNOWN
    size, unit = unit_of(kind, known)
    return f"{number(float(f'{known / size:.3g}'))}{SPACE}{unit}"


def duration(seconds: Any) -> str:
    """Seconds as µs, ms, s, min, h or, from two of them on, d."""
    return _scaled(seconds, "time")


def power(watts: Any) -> str:
    """Watts as W, kW or MW."""
    return _scaled(watts, "power")


def energy(kilowatt_hours: Any) -> str:
    """Kilowatt-hours as Wh, kWh, MWh or GWh."""
    return _scaled(kilowatt_hours, "energy")


def joules(value: Any) -> str:
    """Joules as mJ, J, kJ or MJ."""
    return _scaled(value, "joules")


def mass(kilograms: Any) -> str:
    """Kilograms as g, kg or t."""
    return _scaled(kilograms, "mass")


def money(dollars: Any) -> str:
    """US dollars, whole ones above a hundred."""
    known = figure(dollars)
    if known is None:
        return UNKNOWN
    return f"${known:,.0f}" if abs(known) >= 100 else f"${known:,.2f}"


def plural(count: Any, noun: str) -> str:
    """`1 job`, `3 jobs`."""
    return f"{number(count)}{SPACE}{noun}{'' if count == 1 else 's'}"


def listed(words: Sequence[str]) -> str:
    """Return `a, b and c`."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}" if words else ""
