"""Rows of accelerators.yaml, and how near serving software of a date comes to their peaks."""

from collections.abc import Mapping
from dataclasses import MISSING, fields
from typing import Any

from sim.catalog.figures import Row
from sim.catalog.rows import Accelerator, CapLaw, Efficiency, ExponentPower, Fact, PowerLaw, UtilizationPower

_NUMBERS = {
    "memory_gb": ("memory", 1e9),
    "memory_gib": ("memory", 2.0**30),
    "memory_bandwidth_gb_per_s": ("memory_bandwidth", 1e9),
    "interconnect_gb_per_s": ("interconnect_bandwidth", 1e9),
    "host_link_gb_per_s": ("host_link_bandwidth", 1e9),
    "idle_power_w": ("idle_power", 1),
    "resident_power_w": ("resident_power", 1),
    "peak_power_w": ("peak_power", 1),
    "busy_power_w": ("busy_power", 1),
    "training_power_w": ("training_power", 1),
    "price_usd_per_h": ("price", 1),
    "embodied_carbon_kg": ("embodied_carbon", 1),
    "reconfiguration_time_s": ("reconfiguration_time", 1),
    "host_idle_power_w": ("host_idle_power", 1),
    "host_busy_power_w": ("host_busy_power", 1),
}
_EFFICIENCY = {
    "memory": ("memory", 1),
    "decode_compute": ("decode_compute", 1),
    "prefill_compute": ("prefill_compute", 1),
    "step_overhead_ms": ("step_overhead", 1e-3),
    "request_overhead_ms": ("request_overhead", 1e-3),
    "all_reduce_latency_us": ("all_reduce_latency", 1e-6),
    "all_reduce_latency_per_peer_us": ("all_reduce_latency_per_peer", 1e-6),
    "pass_overhead_ms": ("pass_overhead", 1e-3),
}
Generations = Mapping[str, Mapping[str, tuple[Efficiency, Mapping[str, Fact]]]]
"""By family of accelerators, then by software generation: the constants and their provenance."""


def software_generations(data: Mapping[str, Mapping[str, Any]], sources: Mapping[str, Any]) -> Generations:
    """Read the `software` table: by generation and family in the file, by family and generation in the result."""
    families: dict[str, dict[str, tuple[Efficiency, Mapping[str, Fact]]]] = {}
    for generation, table in data.items():
        for family, entries in table.items():
            row = Row(f"accelerators.yaml: software.{generation}.{family}", dict(entries), sources)
            families.setdefault(family, {})[generation] = (_efficiency(row), row.facts)
    return families


def accelerator_row(name: str, row: Row, generations: Generations) -> Accelerator:
    """Return the accelerator that a row describes."""
    values: dict[str, Any] = {
        field: row.number(key, field, factor) for key, (field, factor) in _NUMBERS.items() if key in row.entries
    }
    values["peak_flops"] = row.numbers("peak_tflops", "peak_flops", 1e12)
    values["power_law"] = _power_law(row)
    values["cap_law"] = _cap_law(row)
    values["accelerators_per_node"] = int(row.number("accelerators_per_node", "accelerators_per_node") or 1)
    values["year"] = int(row.number("year", "year") or 0) or None
    slices = row.figure("slices", "slices")
    values["slices"] = tuple(slices) if isinstance(slices, list) else ()
    values |= _software(row, generations)
    kind, vendor = row.take("kind", str, ""), row.take("vendor", str, "")
    row.done()
    return Accelerator(name=name, kind=kind, vendor=vendor, facts=row.facts, **values)  # type: ignore[arg-type]


def _software(row: Row, generations: Generations) -> dict[str, Any]:
    family, default = row.take("family", str, ""), row.take("software", str, "")
    if not family:
        return {}
    known = generations[family]
    for generation, (_, facts) in known.items():
        row.facts |= {f"software.{generation}.{constant}": fact for constant, fact in facts.items()}
    row.facts |= {f"efficiency.{constant}": fact for constant, fact in known[default][1].items()}
    return {
        "software": {generation: efficiency for generation, (efficiency, _) in known.items()},
        "efficiency": known[default][0],
    }


def _efficiency(row: Row) -> Efficiency:
    values: dict[str, Any] = {
        "all_reduce_bandwidth": row.number("all_reduce_bandwidth_gb_per_s", "all_reduce_bandwidth", 1e9)
    }
    values |= {
        field: row.number(key, field, factor) for key, (field, factor) in _EFFICIENCY.items() if key in row.entries
    }
    row.done()
    missing = [each.name for each in fields(Efficiency) if each.default is MISSING and each.name not in values]
    if missing:
        row.refuse(", ".join(missing), "missing")
    return Efficiency(**values)


def _power_law(row: Row) -> PowerLaw | None:
    constants = row.block("power_law", "power_law")
    if constants is None:
        return None
    return ExponentPower(**constants) if "exponent" in constants else UtilizationPower(**constants)


def _cap_law(row: Row) -> CapLaw | None:
    constants = row.block("cap_law", "cap_law")
    return None if constants is None else CapLaw(constants["share"], constants["floor_w"], constants["exponent"])
