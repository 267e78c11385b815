"""Rows of accelerators and models: the catalog's, with what the file adds or overrides."""

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sim import catalog
from sim.catalog.rows import (
    Accelerator,
    CapLaw,
    Efficiency,
    ExponentPower,
    Fact,
    LatencyTable,
    Model,
    PowerLaw,
    UtilizationPower,
)

if TYPE_CHECKING:
    from sim.scenario.fleet import InlineAccelerator, InlineModel, PowerLawSpec

_GIVEN = Fact(source="scenario", date="", basis="estimate")
_ARCHITECTURE = {"layers", "hidden", "heads", "kv_heads", "head_dim"}
_NEEDED = {"generative": ("parameters", "layers", "hidden", "heads"), "single_pass": ()}


class RowError(ValueError):
    """A row that lacks something; `key` is where."""

    def __init__(self, message: str, key: str = "", hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.key = key
        self.hint = hint


@dataclasses.dataclass
class Rows:
    """The rows that a scenario can name."""

    accelerators: Mapping[str, "InlineAccelerator"] = dataclasses.field(default_factory=dict)
    models: Mapping[str, "InlineModel"] = dataclasses.field(default_factory=dict)

    def accelerator(self, name: str, seen: tuple[str, ...] = ()) -> Accelerator:
        """Return the row of this name. Raises KeyError where there is none and RowError where it is not whole."""
        inline = self.accelerators.get(name)
        if inline is None:
            return catalog.accelerators()[name]
        _refuse_circle(name, seen)
        figures = _figures_of_accelerator(inline)
        facts = dict.fromkeys(figures, _GIVEN)
        base = self._base(name, inline.like, catalog.accelerators)
        if base is None:
            return Accelerator(name=name, **_whole(name, figures), facts=facts)
        row = catalog.accelerators()[name] if base == name else self.accelerator(base, (*seen, name))
        if "peak_flops" in figures:
            figures["peak_flops"] = {**row.peak_flops, **figures["peak_flops"]}
        return dataclasses.replace(row, name=name, **figures, facts={**row.facts, **facts})

    def model(self, name: str, seen: tuple[str, ...] = ()) -> Model:
        """Return the row of this name. Raises KeyError where there is none and RowError where it is not whole."""
        inline = self.models.get(name)
        if inline is None:
            return catalog.models()[name]
        _refuse_circle(name, seen)
        figures = _figures_of_model(inline)
        facts = dict.fromkeys(figures, _GIVEN)
        base = self._base(name, inline.like, catalog.models)
        if base is None:
            return Model(name=name, **_derived(_whole_model(name, figures)), facts=facts)
        row = catalog.models()[name] if base == name else self.model(base, (*seen, name))
        if _ARCHITECTURE & figures.keys():
            figures = _derived({key: getattr(row, key) for key in _ARCHITECTURE | {"parameters"}} | figures)
        if "latency" in figures:
            figures["latency"] = {**row.latency, **figures["latency"]}
        return dataclasses.replace(row, name=name, **figures, facts={**row.facts, **facts})

    @staticmethod
    def _base(name: str, like: str | None, known: Any) -> str | None:
        if like == name and name not in known():
            raise RowError(f"`{name}` is like itself", "like")
        return like if like is not None else name if name in known() else None


def _refuse_circle(name: str, seen: tuple[str, ...]) -> None:
    if name in seen:
        raise RowError(f"`like` goes round in a circle: {' -> '.join((*seen, name))}", "like")


def _given(inline: Any) -> dict[str, Any]:
    """Return the figures that the file gives."""
    return {
        key: value
        for key in type(inline).model_fields  # in their order: that of a set differs from process to process
        if key in inline.model_fields_set and (value := getattr(inline, key)) is not None and key != "like"
    }


def _figures_of_accelerator(inline: "InlineAccelerator") -> dict[str, Any]:
    figures = _given(inline)
    if inline.host_power is not None:
        del figures["host_power"]
        figures |= {"host_idle_power": inline.host_power.idle, "host_busy_power": inline.host_power.busy}
    if inline.power_law is not None:
        figures["power_law"] = _power_law(inline.power_law)
    if inline.cap_law is not None:
        figures["cap_law"] = CapLaw(**inline.cap_law.__dict__)
    if inline.efficiency is not None:
        figures["efficiency"] = Efficiency(**inline.efficiency.__dict__)
    return figures


def _power_law(law: "PowerLawSpec") -> PowerLaw:
    if law.exponent is not None:
        return ExponentPower(law.exponent)
    return UtilizationPower(law.base or 0.0, law.memory or 0.0, law.compute or 0.0)


def _whole(name: str, figures: dict[str, Any]) -> dict[str, Any]:
    figures = {"peak_power": figures.get("busy_power"), **figures}
    for key, named in (*((key, key) for key in ("kind", "memory", "idle_power")), ("peak_power", "busy_power")):
        if figures.get(key) is None:
            raise RowError(f"`{name}` is not in the catalog, so it needs `{named}`", hint="or `like: <accelerator>`")
    return figures


def _figures_of_model(inline: "InlineModel") -> dict[str, Any]:
    figures = _given(inline)
    if inline.latency is not None:
        figures["latency"] = {name: LatencyTable(**table.__dict__) for name, table in inline.latency.items()}
    return figures


def _whole_model(name: str, figures: dict[str, Any]) -> dict[str, Any]:
    if "kind" not in figures:
        raise RowError(
            f"`{name}` is not in the catalog, so it needs `kind`", hint="generative or single_pass, or `like: <model>`"
        )
    for key in _NEEDED[figures["kind"]]:
        if key not in figures:
            raise RowError(f"a generative model needs `{key}`", hint="or `like: <model>`")
    if figures["kind"] == "single_pass" and not ({"latency", "flops_per_pass"} & figures.keys()):
        raise RowError("a single-pass model needs `latency` or `flops_per_pass`")
    return figures


def _derived(figures: dict[str, Any]) -> dict[str, Any]:
    """Figures that follow from a plain transformer's architecture."""
    if not figures.get("layers"):
        return figures
    layers, hidden, heads = figures["layers"], figures["hidden"], figures["heads"]
    kv_heads = figures.get("kv_heads") or heads
    head_dim = figures.get("head_dim") or hidden // heads
    return {
        "active_parameters": figures["parameters"],
        "kv_heads": kv_heads,
        "head_dim": head_dim,
        "kv_values_per_token": 2.0 * layers * kv_heads * head_dim,
        "attention_flops_per_token": 4.0 * layers * hidden,
        **figures,
    }
