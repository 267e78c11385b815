"""The catalog as tables for a terminal: what there is, and each figure of one row with its unit and source."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from typing import Literal

from rich.table import Table
from rich.text import Text

from sim import catalog
from sim.catalog.rows import Accelerator, Fact, LatencyTable, Model, Quantiles, Workload
from sim.policies import registry
from sim.units import Dimension, number, show

Kind = Literal["accelerators", "models", "workloads", "policies"]

_DIMENSIONS: Mapping[str, Dimension] = {
    "memory": "memory",
    "memory_bandwidth": "bandwidth",
    "interconnect_bandwidth": "bandwidth",
    "host_link_bandwidth": "bandwidth",
    "all_reduce_bandwidth": "bandwidth",
    "peak_flops": "compute",
    "idle_power": "power",
    "resident_power": "power",
    "busy_power": "power",
    "peak_power": "power",
    "training_power": "power",
    "host_idle_power": "power",
    "host_busy_power": "power",
    "floor": "power",
    "price": "price",
    "embodied_carbon": "mass",
    "reconfiguration_time": "time",
    "step_overhead": "time",
    "request_overhead": "time",
    "pass_overhead": "time",
    "all_reduce_latency_per_peer": "time",
    "all_reduce_latency": "time",
    "rate": "rate",
    "correlation_time": "time",
}
_SHARES = ("efficiency.memory", "power_law.memory")
_UNITS = {
    "flops_per_pass": "FLOP",
    "training_flops": "FLOP",
    "attention_flops_per_token": "FLOP",
    "kv_values_per_token": "values",
}


def summary() -> Table:
    """Return what the catalog holds: how many of each kind, and how many figures rest on which basis."""
    table = _table("catalog", "entries", "measured", "vendor", "derived", "estimate")
    rows: dict[str, Iterable[Accelerator | Model]] = {
        "accelerators": catalog.accelerators().values(),
        "models": catalog.models().values(),
    }
    for name, entries in rows.items():
        facts = [fact for entry in entries for key, fact in entry.facts.items() if not key.startswith("software.")]
        bases = (sum(fact.basis == basis for fact in facts) for basis in ("measured", "vendor", "derived", "estimate"))
        table.add_row(name, str(len(tuple(entries))), *map(str, bases))
    table.add_row("workloads", str(len(catalog.workloads())), "", "", "", "")
    table.add_row("policies", str(sum(map(len, registry.BUILT_IN.values()))), "", "", "", "")
    return table


def overview(kind: Kind) -> Table:
    """Return one line for each entry of a kind."""
    return {"accelerators": _accelerators, "models": _models, "workloads": _workloads, "policies": _policy_names}[
        kind
    ]()


def entry(kind: Kind, name: str) -> Table:
    """Return every figure of one entry with its source; raises `UnknownName`."""
    if kind == "accelerators":
        row = catalog.accelerator(name)
        return _figures(name, row, row.facts)
    if kind == "models":
        model = catalog.model(name)
        return _figures(name, model, model.facts)
    return _workload(catalog.workload(name)) if kind == "workloads" else _policy(name)


def _accelerators() -> Table:
    table = _table("name", "kind", "year", "memory", "bandwidth", "bf16", "fp8 / int8", "idle", "peak", "price")
    for row in catalog.accelerators().values():
        flops = row.peak_flops
        low = flops.get("fp8", flops.get("int8"))
        table.add_row(
            row.name,
            row.kind,
            str(row.year or ""),
            show(row.memory, "memory"),
            _shown("memory_bandwidth", row.memory_bandwidth),
            _shown("peak_flops", flops.get("bf16")),
            _shown("peak_flops", low),
            show(row.idle_power, "power"),
            show(row.peak_power, "power"),
            _shown("price", row.price),
        )
    return table


def _models() -> Table:
    table = _table(
        "name", "kind", "parameters", "active", "layers", "KV values a token", "GFLOP a pass", "latency measured on"
    )
    for row in catalog.models().values():
        table.add_row(
            row.name,
            row.kind,
            _count(row.parameters),
            _count(row.active_parameters),
            str(row.layers or ""),
            number(row.kv_values_per_token) if row.kv_values_per_token else "",
            number(row.flops_per_pass / 1e9) if row.flops_per_pass else "",
            ", ".join(row.latency),
        )
    return table


def _workloads() -> Table:
    table = _table("name", "rate", "prompt p50 / p99", "output p50 / p99", "shape", "arrivals", "kind")
    for row in catalog.workloads().values():
        lengths = (f"{_at(each, 0.5):.0f} / {_at(each, 0.99):.0f}" if each else "" for each in (row.prompt, row.output))
        shape = {0: "", 24: "day", 168: "week"}[len(row.hourly_shape)]
        arrivals = "cox" if row.correlation_time else "gamma" if row.burstiness else ""
        table.add_row(row.name, _shown("rate", row.rate), *lengths, shape, arrivals, row.kind)
    return table


def _policy_names() -> Table:
    table = _table("seam", "policy", "what it does")
    for seam, names in registry.BUILT_IN.items():
        for name in names:
            table.add_row(seam, name, registry.description(seam, name))
        if later := registry.LATER.get(seam):
            table.add_row(seam, "later", ", ".join(sorted(later)))
    return table


def _figures(name: str, row: Accelerator | Model, facts: Mapping[str, Fact]) -> Table:
    table = _table("figure", "value", "low to high", "basis", "date", "source", title=name)
    for key, value in _walk(row):
        fact = facts.get(key, facts.get(key.rpartition(".")[0]))
        if fact is None:
            table.add_row(key, _shown(key, value), "", "", "", "")
        else:
            source = f"{fact.source}; {fact.note}" if fact.note else fact.source
            table.add_row(key, _shown(key, value), _between(key, fact), fact.basis, fact.date, source)
    return table


def _walk(row: object, prefix: str = "") -> Iterable[tuple[str, object]]:
    """Yield each figure that is known, by its dotted name; software generations other than the default are left out."""
    for each in fields(row) if is_dataclass(row) else ():
        value = getattr(row, each.name)
        if each.name in ("name", "facts", "software") or value in (None, "", (), {}) or (not prefix and value == 0):
            continue
        yield from _parts(f"{prefix}{each.name}", value)


def _parts(key: str, value: object) -> Iterable[tuple[str, object]]:
    if isinstance(value, Mapping):
        for part, inner in value.items():
            yield from _parts(f"{key}.{part}", inner)
    elif is_dataclass(value) and not key.startswith("latency."):
        yield from _walk(value, f"{key}.")
    else:
        yield key, value


def _workload(row: Workload) -> Table:
    table = _table("figure", "value", title=f"{row.name}: {row.source}, {row.date}")
    for key in ("kind", "rate", "rate_cv", "correlation_time", "burstiness"):
        if getattr(row, key) is not None:
            table.add_row(key, _shown(key, getattr(row, key)))
    for name, lengths in (("prompt", row.prompt), ("output", row.output)):
        if lengths:
            shares = ((level, _at(lengths, level)) for level in (0.1, 0.5, 0.9, 0.99))
            table.add_row(f"{name} tokens", ", ".join(f"p{level * 100:g} {value:.0f}" for level, value in shares))
    if row.hourly_shape:
        peak = max(row.hourly_shape)
        table.add_row(
            "hourly_shape", f"{len(row.hourly_shape)} hours, {min(row.hourly_shape):.3g} to {peak:.3g} of the mean"
        )
    for key, value in row.statistics.items():
        table.add_row(key, number(value))
    table.add_row("notes", row.notes)
    return table


def _policy(name: str) -> Table:
    table = _table("seam", "policy", "what it does", "where")
    for seam, names in registry.BUILT_IN.items():
        if name in names:
            table.add_row(seam, name, registry.description(seam, name), names[name])
        elif name in registry.LATER.get(seam, ()):
            table.add_row(seam, name, "arrives in a later version", "")
    if not table.row_count:
        known = {each: None for names in registry.BUILT_IN.values() for each in names}
        raise catalog.UnknownName("policy", name, known)
    return table


def _at(lengths: Quantiles, level: float) -> float:
    """Return the quantile at a level, straight between those given."""
    at = next(i for i, upper in enumerate(lengths.levels) if upper >= level)
    if at == 0 or math.isclose(lengths.levels[at], level):
        return lengths.values[at]
    share = (level - lengths.levels[at - 1]) / (lengths.levels[at] - lengths.levels[at - 1])
    return lengths.values[at - 1] + share * (lengths.values[at] - lengths.values[at - 1])


def _count(parameters: float) -> str:
    return f"{parameters / 1e9:.4g} G" if parameters >= 1e9 else f"{parameters / 1e6:.4g} M"


def _between(key: str, fact: Fact) -> str:
    return " to ".join(_shown(key, end) for end in (fact.low, fact.high) if end is not None)


def _shown(key: str, value: object) -> str:
    """Return a value with its unit: that of its last name that has one, except shares of a peak."""
    names = [part for part in key.split(".") if part in _DIMENSIONS] if key not in _SHARES else []
    if isinstance(value, int | float) and names:
        return show(value, _DIMENSIONS[names[-1]])
    if isinstance(value, int | float):
        return f"{number(value)} {_UNITS.get(key, '')}".strip()
    if isinstance(value, LatencyTable):
        points = zip(value.batch, value.seconds, strict=True)
        return ", ".join(f"{batch}: {show(seconds, 'time')}" for batch, seconds in points)
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    return "" if value is None else str(value)


def _table(*columns: str, title: str | None = None) -> Table:
    table = Table(
        title=Text(title) if title else None, title_justify="left", box=None, pad_edge=False, header_style="bold"
    )
    for column in columns:
        table.add_column(column, overflow="fold")
    return table
