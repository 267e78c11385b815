"""The catalog figures that a run rests on, with their sources."""

from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any

from sim.accounts import LIFETIME_HOURS
from sim.catalog.rows import Accelerator, Fact, Model
from sim.hardware.training import HALF_SCALE, SMALL_SCALE_UTILIZATION, UTILIZATION_FACT
from sim.scenario import Scenario
from sim.scenario.fleet import Pool

Row = dict[str, Any]
UNITS: Mapping[str, str] = {
    "memory": "B",
    "memory_bandwidth": "B/s",
    "interconnect_bandwidth": "B/s",
    "host_link_bandwidth": "B/s",
    "peak_flops": "FLOP/s",
    "idle_power": "W",
    "peak_power": "W",
    "resident_power": "W",
    "training_power": "W",
    "host_idle_power": "W",
    "host_busy_power": "W",
    "price": "USD/h",
    "embodied_carbon": "kg",
    "reconfiguration_time": "s",
    "step_overhead": "s",
    "request_overhead": "s",
    "pass_overhead": "s",
    "all_reduce_latency": "s",
    "all_reduce_latency_per_peer": "s",
    "all_reduce_bandwidth": "B/s",
}


def assumptions(scenario: Scenario) -> list[Row]:
    """Each figure of the accelerators and models in use: name, figure, value, unit, source, date, basis, low, high."""
    accelerators = {pool.accelerator for pool in scenario.pools.values()}
    trained = {name for stream in scenario.training.values() for name in stream.models}
    models = trained | {name for service in scenario.services.values() for name in (service.model, *service.models)}
    rows = [
        row
        for name in sorted(accelerators)
        for row in _figures(scenario.accelerator(name))
        if row["figure"] not in _replaced(scenario, name)
    ]
    rows += [row for name in sorted(models) for row in _figures(scenario.model(name))]
    if trained:
        rows.append(
            _row("training", "share of peak FLOP/s of small gangs", SMALL_SCALE_UTILIZATION, "", UTILIZATION_FACT)
        )
        rows.append(_row("training", "accelerators at which half of it is lost", HALF_SCALE, "", UTILIZATION_FACT))
    lifetime = Fact("straight-line depreciation of servers", "2027", "estimate")
    return [*rows, _row("fleet", "lifetime over which embodied carbon is spread", LIFETIME_HOURS, "h", lifetime)]


def _replaced(scenario: Scenario, accelerator: str) -> set[str]:
    """Figures of an accelerator's row that every one of its pools states otherwise."""
    row = scenario.accelerator(accelerator)
    pools = [pool for pool in scenario.pools.values() if pool.accelerator == accelerator]
    return {
        figure for figure, of_pool in _OF_POOL.items() if all(of_pool(pool) != getattr(row, figure) for pool in pools)
    }


_OF_POOL: Mapping[str, Callable[[Pool], float | None]] = {
    "price": lambda pool: pool.price,
    "accelerators_per_node": lambda pool: pool.accelerators_per_node,
    "host_idle_power": lambda pool: pool.host_power.idle,
    "host_busy_power": lambda pool: pool.host_power.busy,
}


def _figures(row: Accelerator | Model) -> list[Row]:
    found = []
    for figure, fact in row.facts.items():
        if figure.startswith("software.") or figure == "year":
            continue
        head, _, rest = figure.partition(".")
        value = _value(row, head, rest)
        if value is not None:
            found.append(_row(row.name, figure, value, _unit(head, rest), fact))
    return found


def _unit(head: str, rest: str) -> str:
    """The unit of a figure; those of an efficiency that are not times or bandwidths are shares."""
    if head != "efficiency":
        return UNITS.get(head, "")
    return "" if rest == "memory" else UNITS.get(rest, "")


def _value(row: Accelerator | Model, head: str, rest: str) -> float | str | None:
    if head not in {field.name for field in fields(row)}:
        return None
    value = getattr(row, head)
    if rest and isinstance(value, Mapping):
        value = value.get(rest)
    elif rest:
        value = getattr(value, rest, None)
    if value is None or isinstance(value, str | int | float):
        return value
    return (
        ", ".join(f"{field.name} {getattr(value, field.name):g}" for field in fields(value)) if _is_law(value) else None
    )


def _is_law(value: Any) -> bool:
    return hasattr(value, "__dataclass_fields__") and all(
        isinstance(getattr(value, field.name), int | float) for field in fields(value)
    )


def _row(name: str, figure: str, value: float | str, unit: str, fact: Fact) -> Row:
    return {
        "name": name,
        "figure": figure,
        "value": value,
        "unit": unit,
        "source": fact.source,
        "date": fact.date,
        "basis": fact.basis,
        "low": fact.low,
        "high": fact.high,
    }
