"""Rows of workloads.yaml: one source a row."""

from collections.abc import Mapping, Sequence
from typing import Any

from sim.catalog.figures import DataError
from sim.catalog.rows import Quantiles, Workload

_NUMBERS = {
    "rate_per_s": "rate",
    "rate_cv": "rate_cv",
    "correlation_time_s": "correlation_time",
    "burstiness": "burstiness",
}


def workload_row(name: str, entries: Mapping[str, Any], levels: Sequence[float]) -> Workload:
    """Return the workload that a row describes; `levels` are those of the file, which a row may replace."""
    left = dict(entries)
    at = tuple(float(level) for level in left.pop("levels", levels))
    values: dict[str, Any] = {field: float(left.pop(key)) for key, field in _NUMBERS.items() if key in left}
    values |= {length: _quantiles(name, at, left.pop(length)) for length in ("prompt", "output") if length in left}
    values["hourly_shape"] = tuple(float(value) for value in left.pop("hourly_shape", ()))
    values["statistics"] = {key: float(value) for key, value in left.pop("statistics", {}).items()}
    values |= {key: str(left.pop(key, "")) for key in ("kind", "source", "date", "notes")}
    if left:
        raise DataError(f"workloads.yaml: {name}: {', '.join(left)}: unknown key")
    return Workload(name=name, **values)


def _quantiles(name: str, levels: tuple[float, ...], values: Sequence[float]) -> Quantiles:
    if len(values) != len(levels):
        raise DataError(f"workloads.yaml: {name}: {len(values)} values for {len(levels)} levels")
    return Quantiles(levels, tuple(float(value) for value in values))
