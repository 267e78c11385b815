"""The catalog's rows, read from the data files beside this module: each file once, when it is first asked for."""

import difflib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Any, TypeVar

import yaml

from sim.catalog.accelerator_rows import accelerator_row, software_generations
from sim.catalog.figures import Row
from sim.catalog.model_rows import model_row
from sim.catalog.rows import Accelerator, Model, Workload
from sim.catalog.workload_rows import workload_row

T = TypeVar("T")


class UnknownName(KeyError):  # noqa: N818 - it is no fault of the program
    """A name that the catalog does not have; `near` are the closest that it has, `known` all of them."""

    def __init__(self, kind: str, name: str, known: Mapping[str, object]) -> None:
        lower = {each.lower(): each for each in known}
        self.kind, self.name, self.known = kind, name, tuple(known)
        self.near = tuple(lower[each] for each in difflib.get_close_matches(name.lower(), lower, n=3, cutoff=0.5))
        super().__init__(name)

    def __str__(self) -> str:
        hint = (
            f"did you mean {' or '.join(f'`{each}`' for each in self.near)}?"
            if self.near
            else f"known: {', '.join(self.known)}"
        )
        return f"no {self.kind} is named `{self.name}`; {hint}"


@cache
def accelerators() -> Mapping[str, Accelerator]:
    """Return every accelerator by name, in the order of the file."""
    data = _load("accelerators.yaml")
    sources = data["sources"]
    generations = software_generations(data["software"], sources)
    rows = _rows(data["accelerators"], "accelerators.yaml", sources)
    return MappingProxyType({name: accelerator_row(name, row, generations) for name, row in rows.items()})


@cache
def models() -> Mapping[str, Model]:
    """Return every model by name, in the order of the file."""
    data = _load("models.yaml")
    rows = _rows(data["models"], "models.yaml", data["sources"])
    return MappingProxyType({name: model_row(name, row) for name, row in rows.items()})


@cache
def workloads() -> Mapping[str, Workload]:
    """Return every workload by name, in the order of the file."""
    data = _load("workloads.yaml")
    rows = data["workloads"].items()
    return MappingProxyType({name: workload_row(name, entries, data["levels"]) for name, entries in rows})


def accelerator(name: str) -> Accelerator:
    """Return the accelerator of that name; raises `UnknownName`."""
    return _named("accelerator", name, accelerators())


def model(name: str) -> Model:
    """Return the model of that name; raises `UnknownName`."""
    return _named("model", name, models())


def workload(name: str) -> Workload:
    """Return the workload of that name; raises `UnknownName`."""
    return _named("workload", name, workloads())


def _named(kind: str, name: str, known: Mapping[str, T]) -> T:
    if name not in known:
        raise UnknownName(kind, name, known)
    return known[name]


def _load(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.load(
        resources.files("sim.catalog").joinpath(name).read_bytes(), Loader=yaml.CSafeLoader
    )
    return loaded


def _rows(entries: Mapping[str, Any], file: str, sources: Mapping[str, Any]) -> dict[str, Row]:
    return {name: Row(f"{file}: {name}", dict(given), sources) for name, given in entries.items()}
