"""A figure by its dotted path: which kind of quantity it is, how people name it, and how they read its interval."""

import math
import re
from collections.abc import Callable, Mapping
from typing import Any

from analysis.wording import (
    SPACE,
    UNITS,
    UNKNOWN,
    duration,
    energy,
    figure,
    joules,
    mass,
    money,
    number,
    power,
    share,
    unit_of,
)

THIN = "†"
"""Marks a figure whose data cannot carry an interval."""
THIN_NOTE = f"{THIN} the data are too thin for an interval"
MINUS = "\u2212"
_NOTHING = 1e-9
"""Half-widths of a smaller part of the mean come of rounding."""

_SEGMENT = re.compile(r"'([^']*)'|\"([^\"]*)\"|([^.\[\]'\"]+)")
_SECTIONS = ("services", "training", "tenants", "pools", "sites", "phases", "classes", "groups")
_SHARES = ("attainment", "availability", "ettr", "fragmentation", "utilization", "kv_utilization_mean")
_WORDS = {
    "slo": "",
    "attainment": "SLO attainment",
    "by_limit": "within",
    "over": "share over",
    "ttft_s": "TTFT",
    "tpot_s": "TPOT",
    "itl_s": "ITL",
    "e2e_s": "E2E",
    "jct_s": "JCT",
    "queueing_s": "queueing",
    "p999": "p99.9",
    "utilization": "utilization",
    "allocated": "held",
    "power_w": "power",
    "cost_usd": "cost",
    "cost_usd_per_h": "cost per hour",
    "goodput_per_s": "goodput",
    "requests_per_s": "requests per second",
    "energy_j_per_request": "energy per request",
    "energy_j_per_output_token": "energy per output token",
    "ettr": "useful share (ETTR)",
}
_UNIT_NAMES = ("_usd", "_kwh", "_kg", "_w", "_s", "_j")
_FORMATS: Mapping[str, Callable[[Any], str]] = {
    "time": duration,
    "share": share,
    "energy": energy,
    "joules": joules,
    "power": power,
    "mass": mass,
    "money": money,
    "number": number,
}


def segments(path: str) -> list[str]:
    """Return the names along a dotted path, without quotes."""
    return [single or double or plain for single, double, plain in _SEGMENT.findall(path)]


def kind_of(path: str) -> str:
    """Return the kind of quantity at a path: time, share, energy, joules, power, mass, money or number."""
    names = segments(path)
    if any(name == "over" or name.startswith("share_") for name in names):
        return "share"
    if any(name in _SHARES or name.startswith("utilization") for name in names[1:]) or "by_limit" in names:
        return "share"
    for name in reversed(names[1:]):
        if name == "count" or name.endswith("_per_s"):
            return "number"
        for mark, kind in (("_usd", "money"), ("_kwh", "energy"), ("_kg", "mass"), ("energy_j", "joules")):
            if mark in f"_{name}":
                return kind
        if name.endswith("_w"):
            return "power"
        if name.endswith("_s"):
            return "time"
    return "number"


def in_words(path: str) -> str:
    """`services.chat.ttft_s.p99 -> chat TTFT p99`; a quantity that is not known by name keeps its words."""
    names = segments(path)
    first = [name for name in names[:1] if name not in _SECTIONS]
    rest = [name for name in names[1:] if name not in _SECTIONS and (name != "utilization" or names[-1] == name)]
    return " ".join(word for word in (*first, *(_WORDS.get(name, _plain(name)) for name in rest)) if word) or path


def _plain(name: str) -> str:
    if "_by" in name:
        name = name.partition("_by")[0] + name.partition("_by")[2]
    for unit in _UNIT_NAMES:
        name = name.removesuffix(unit)
    return name.replace("_", " ").strip()


def worded(path: str, value: Any) -> str:
    """Return the value of a figure in words, with its unit."""
    rate = f"{SPACE}/s" if segments(path)[-1:] and segments(path)[-1].endswith("_per_s") else ""
    text = _FORMATS[kind_of(path)](value)
    return text if text == UNKNOWN else text + rate


def scale_of(path: str, largest: float) -> tuple[float, str]:
    """Return the unit of an axis or an interval with values up to `largest`: (its size, its name)."""
    kind = kind_of(path)
    if kind == "share":
        return 0.01, "%"
    if kind == "money":
        return 1.0, "USD"
    if kind in UNITS:
        return unit_of(kind, largest)
    return 1.0, "/s" if segments(path)[-1].endswith("_per_s") else ""


def difference(path: str, value: Any) -> str:
    """Return a difference with its sign and unit; between shares in percentage points."""
    known = figure(value)
    if known is None:
        return UNKNOWN
    sign = "+" if known > 0 else MINUS if known < 0 else "±"
    if kind_of(path) == "share":
        return f"{sign}{number(float(f'{abs(known) * 100:.2g}'), 2)}{SPACE}points"
    return sign + worded(path, abs(known))


def relative(part: Any) -> str:
    """`0.123 -> +12.3 %`."""
    known = figure(part)
    if known is None:
        return UNKNOWN
    sign = "+" if known > 0 else MINUS if known < 0 else "±"
    percent = abs(known) * 100
    return f"{sign}{number(float(f'{percent:.2g}'), 2) if percent < 100 else f'{percent:,.0f}'}{SPACE}%"


def half_width(found: Mapping[str, Any] | None) -> float | None:
    """Return half the width of an interval, where both of its ends are known."""
    low, high = (figure((found or {}).get(end)) for end in ("low", "high"))
    return None if low is None or high is None else (high - low) / 2


def plus_minus(path: str, found: Mapping[str, Any] | None) -> str:
    """`±0.04`: half of an interval's width in the unit of its mean; empty without an interval, a mark where flagged."""
    mean, half = figure((found or {}).get("mean")), half_width(found)
    if found is None or mean is None:
        return ""
    if half is None or found.get("flagged"):
        return THIN
    if half <= _NOTHING * abs(mean):
        return "±0"
    size, _ = scale_of(path, abs(mean))
    text = worded(path, mean)
    shown = len(re.split(r"[^\d]", text.partition(".")[2])[0]) if "." in text else 0
    return f"±{_fixed(half / size, max(shown, _decimals(half / size, 1)))}"


def low_to_high(path: str, found: Mapping[str, Any] | None, *, signed: bool = False) -> str:
    """`2.29 – 2.37 s`: the ends of an interval in one unit; empty where there is none, a mark where flagged.

    Unless it is one of a difference (`signed`), it is cut to what the figure can be: not negative, a share at most 1.
    """
    if found is None or figure(found.get("mean")) is None:
        return ""
    low, high, half = figure(found.get("low")), figure(found.get("high")), half_width(found)
    if low is None or high is None or half is None or found.get("flagged"):
        return THIN
    if half <= _NOTHING * abs(float(found["mean"])):
        return "±0"
    if not signed:
        low, high = max(low, 0.0), min(high, 1.0) if kind_of(path) == "share" else high
    size, unit = scale_of(path, abs(float(found["mean"])))
    if high >= 1000 * size:
        size, unit = scale_of(path, high)
    width = (high - low) / size
    decimals = _decimals(width, 2 if f"{width:e}"[0] in "12" else 1) if width > 0 else 0
    prefix, suffix = ("$", "") if unit == "USD" else ("", f"{SPACE}{unit}" if unit else "")
    ends = [_signed(prefix, end / size, decimals) for end in (low, high)]
    between = "to" if low < 0 else "–"
    return f"{ends[0]}{SPACE}{between}{SPACE}{ends[1]}{suffix}"


def _signed(prefix: str, value: float, decimals: int) -> str:
    text = _fixed(abs(value), decimals)
    return f"{MINUS if value < 0 and float(text.replace(',', '')) else ''}{prefix}{text}"


def _decimals(value: float, digits: int) -> int:
    """Return the decimals that show so many significant digits."""
    if value == 0:
        return 0
    return min(max(digits - 1 - math.floor(math.log10(abs(float(f"{value:.{digits - 1}e}")))), 0), 9)


def _fixed(value: float, decimals: int) -> str:
    return f"{value:,.{decimals}f}"
