"""Reads a row of a data file figure by figure, and notes where each figure comes from."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn, TypeVar, cast, get_args

from sim.catalog.rows import Basis, Fact

T = TypeVar("T")

_PROVENANCE = ("source", "basis", "date", "low", "high", "note")


class DataError(ValueError):
    """A data file that breaks its own rules; the message names the row and the key."""


@dataclass(slots=True)
class Row:
    """One row, or a block inside one: `entries` shrinks as it is read, and `done` refuses what is left.

    A figure is a bare value, which has the source and the basis of the row, or a map `{value, low, high, source, basis,
    date, note}`.
    """

    where: str
    entries: dict[str, Any]
    sources: Mapping[str, Mapping[str, Any]]
    facts: dict[str, Fact] = field(default_factory=dict)
    source: str = ""
    basis: str = ""

    def __post_init__(self) -> None:
        """Take the defaults of the row's figures from its own entries."""
        self.source = self.take("source", str, self.source)
        self.basis = self.take("basis", str, self.basis)

    def take(self, key: str, kind: type[T], default: T) -> T:
        """Remove and return what is no figure, as a text."""
        value = self.entries.pop(key, default)
        return value if isinstance(value, kind) else self.refuse(key, f"{value!r} is no {kind.__name__}")

    def number(self, key: str, name: str, factor: float = 1) -> float | None:
        """Return the figure at `key` times `factor` (to SI), provenance noted under `name`; None where not known."""
        value = self.figure(key, name, factor)
        return None if value is None else self.scaled(key, value, factor)

    def numbers(self, key: str, name: str, factor: float = 1) -> dict[str, float]:
        """Return the figures of a map of figures, each with its own provenance under `name.<key>`."""
        block = Row(
            f"{self.where}.{key}", dict(self.take(key, dict, {})), self.sources, self.facts, self.source, self.basis
        )
        return {
            part: self.scaled(key, block.figure(part, f"{name}.{part}", factor), factor)
            for part in tuple(block.entries)
        }

    def figure(self, key: str, name: str, factor: float = 1) -> object:
        """Return the value at `key` as it stands and note its provenance under `name`; None where there is none."""
        entry = self.entries.pop(key, None)
        if entry is None:
            return None
        given = dict(entry) if isinstance(entry, dict) else {"value": entry}
        self.facts[name] = self.provenance(key, given, factor)
        if set(given) != {"value"}:
            self.refuse(key, f"a figure is a value with {', '.join(_PROVENANCE)}, not {', '.join(map(str, given))}")
        return cast("object", given["value"])

    def block(self, key: str, name: str) -> dict[str, float] | None:
        """Return a law's constants, which share one provenance; `low` and `high` are those of its only constant."""
        entry = self.entries.pop(key, None)
        if entry is None:
            return None
        given = dict(entry)
        self.facts[name] = self.provenance(key, given)
        return {constant: self.scaled(f"{key}.{constant}", value, 1) for constant, value in given.items()}

    def scaled(self, key: str, value: object, factor: float) -> float:
        """Return a number in SI units; texts, truth values and dates are refused."""
        if isinstance(value, bool) or not isinstance(value, int | float):
            self.refuse(key, f"{value!r} is no number")
        scaled = value * factor
        return float(round(scaled) if factor > 1 else round(scaled, 15) if factor < 1 else scaled)

    def done(self) -> None:
        """Refuse keys that nobody has read."""
        if self.entries:
            self.refuse(", ".join(map(str, self.entries)), "unknown key")

    def refuse(self, key: str, message: str) -> NoReturn:
        """Raise an error that names the row and the key."""
        raise DataError(f"{self.where}: {key}: {message}")

    def provenance(self, key: str, given: dict[str, Any], factor: float = 1) -> Fact:
        """Remove from `given` what tells where it comes from, and return that."""
        source, basis = given.pop("source", self.source), given.pop("basis", self.basis)
        if source not in self.sources:
            self.refuse(key, f"unknown source {source!r}")
        if basis not in get_args(Basis):
            self.refuse(key, f"unknown basis {basis!r}")
        cited = self.sources[source]
        low, high = (
            None if (end := given.pop(name, None)) is None else self.scaled(key, end, factor)
            for name in ("low", "high")
        )
        return Fact(
            str(cited["citation"]), str(given.pop("date", cited["date"])), basis, low, high, given.pop("note", "")
        )
