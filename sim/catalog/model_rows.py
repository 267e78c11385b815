"""Rows of models.yaml."""

from typing import Any

from sim.catalog.figures import Row
from sim.catalog.rows import LatencyTable, Model

_NUMBERS = {
    "parameters": ("parameters", 1),
    "active_parameters": ("active_parameters", 1),
    "kv_values_per_token": ("kv_values_per_token", 1),
    "attention_flops_per_token": ("attention_flops_per_token", 1),
    "expert_parameters": ("expert_parameters", 1),
    "gflops_per_pass": ("flops_per_pass", 1e9),
    "training_flops": ("training_flops", 1),
}
_COUNTS = ("layers", "hidden", "heads", "kv_heads", "head_dim", "vocabulary", "experts", "experts_active")


def model_row(name: str, row: Row) -> Model:
    """Return the model that a row describes; a dense model's active parameters are all of them."""
    values: dict[str, Any] = {
        field: row.number(key, field, factor) for key, (field, factor) in _NUMBERS.items() if key in row.entries
    }
    if "active_parameters" not in values:
        values["active_parameters"] = values["parameters"]
        row.facts["active_parameters"] = row.facts["parameters"]
    values |= {count: int(row.number(count, count) or 0) for count in _COUNTS if count in row.entries}
    values["latency"] = _latency(row)
    kind = row.take("kind", str, "")
    row.done()
    return Model(name=name, kind=kind, facts=row.facts, **values)  # type: ignore[arg-type]


def _latency(row: Row) -> dict[str, LatencyTable]:
    tables = row.take("latency", dict, {})
    return {accelerator: _table(row, accelerator, dict(table)) for accelerator, table in tables.items()}


def _table(row: Row, accelerator: str, table: dict[str, Any]) -> LatencyTable:
    key = f"latency.{accelerator}"
    row.facts[key] = row.provenance(key, table)
    if set(table) != {"batch", "seconds"}:
        row.refuse(key, "a table has `batch` and `seconds`")
    return LatencyTable(tuple(table["batch"]), tuple(float(each) for each in table["seconds"]))
