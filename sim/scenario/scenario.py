"""A whole scenario: what stands in the file, checked, with every default filled in."""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BeforeValidator,
    Discriminator,
    Field,
    PlainSerializer,
    PrivateAttr,
    Tag,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
)

from sim.catalog.rows import Accelerator, Model
from sim.scenario import paths, yaml_reader
from sim.scenario.arrivals import TraceArrivals
from sim.scenario.base import Name, Node, context_of, fail
from sim.scenario.document import Document
from sim.scenario.errors import Position, Problem
from sim.scenario.fleet import InlineAccelerator, InlineModel, Pool, Site
from sim.scenario.policies import Policies
from sim.scenario.quantities import Duration, PositiveDuration, found
from sim.scenario.requests import parts
from sim.scenario.rows import Rows
from sim.scenario.service import Service
from sim.scenario.tenants import Tenant
from sim.scenario.training import TrainingStream

MONDAY = datetime(2027, 1, 4)  # noqa: DTZ001  wall time, read in the time zone of a site
JOBS_DONE: Literal["jobs_done"] = "jobs_done"
AUTO: Literal["auto"] = "auto"
TIMELINE = 600.0
"""Seconds of replicas' steps in a timeline."""


def _wall_time(value: Any) -> datetime:
    try:
        time = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    except (TypeError, ValueError):
        fail(f"expected a date and time, found {found(value)}", hint="such as 2027-01-04T00:00")
    if time.tzinfo is not None:
        fail("a wall time has no offset", hint="time zones belong to sites")
    return time


WallTime = Annotated[
    datetime,
    BeforeValidator(_wall_time),
    PlainSerializer(lambda time: time.isoformat(timespec="auto")),
    WithJsonSchema({"type": "string", "examples": ["2027-01-04T00:00"]}),
]
Horizon = Annotated[
    Annotated[Literal["jobs_done"], Tag("name")] | Annotated[PositiveDuration, Tag("duration")],
    Discriminator(lambda value: "name" if value == JOBS_DONE else "duration"),
]
WarmUp = Annotated[
    Annotated[Literal["auto"], Tag("name")] | Annotated[Duration, Tag("duration")],
    Discriminator(lambda value: "name" if value == AUTO else "duration"),
]


def _path_from(folder: Path | None, file: Path) -> str:
    return Path(os.path.relpath(file.resolve(), (folder or Path()).resolve())).as_posix()


class TimelineWindow(Node):
    """When the steps of replicas are shown in the timeline."""

    at: Duration
    duration: PositiveDuration = TIMELINE


TimelineChoice = Annotated[
    Annotated[bool, Tag("switch")] | Annotated[TimelineWindow, Tag("window")],
    Discriminator(lambda value: "window" if isinstance(value, Mapping | TimelineWindow) else "switch"),
]


class Output(Node):
    """What a run writes beside its summary."""

    requests: bool = False
    timeline: TimelineChoice = False
    telemetry: PositiveDuration = 60.0

    def steps_within(self, warmup: float) -> tuple[float, float]:
        """When the steps of replicas are shown (seconds): from the end of the warm-up, where nothing else is said."""
        if isinstance(self.timeline, TimelineWindow):
            return self.timeline.at, self.timeline.at + self.timeline.duration
        return warmup, warmup + TIMELINE


class Scenario(Node):
    """A scenario. Attributes are the keys of the file, quantities in SI units."""

    fleetsim: Literal[1]
    name: Name
    description: str = ""
    start: WallTime = MONDAY
    horizon: Horizon
    warmup: WarmUp = 0.0
    drain: bool = False
    seed: int = Field(default=0, ge=0)
    sites: Mapping[Name, Site] = Field(default_factory=dict, validate_default=True)
    accelerators: Mapping[Name, InlineAccelerator] = Field(default_factory=dict)
    models: Mapping[Name, InlineModel] = Field(default_factory=dict)
    tenants: Mapping[Name, Tenant] = Field(default_factory=dict)
    pools: Mapping[Name, Pool]
    services: Mapping[Name, Service] = Field(default_factory=dict)
    training: Mapping[Name, TrainingStream] = Field(default_factory=dict)
    policies: Policies = Field(default_factory=Policies)
    output: Output = Output.model_construct()
    _document: Document = PrivateAttr()
    _rows: Rows = PrivateAttr()

    def accelerator(self, name: str) -> Accelerator:
        """Return the row of an accelerator, of the file or the catalog, overrides applied. Raises KeyError."""
        return self._rows.accelerator(name)

    def model(self, name: str) -> Model:
        """Return the row of a model, of the file or the catalog, overrides applied. Raises KeyError."""
        return self._rows.model(name)

    def fails_in(self, service: str) -> bool:
        """Whether accelerators fail in a pool of a service."""
        groups = self.services[service].replica_groups.values()
        return any(self.pools[pool].failures for group in groups for pool in group.pools)

    def replicas_change(self, service: str) -> bool:
        """Whether replicas of a service come and go during a run: more or fewer are wanted, or they fail."""
        return self.services[service].replicas.change or self.fails_in(service)

    def with_origin(self, document: Document, rows: Rows) -> Self:
        """Remember what this scenario was read from."""
        self._document, self._rows = document, rows
        return self

    @property
    def folder(self) -> Path:
        """The folder that paths in the scenario are relative to."""
        return self._document.folder

    @property
    def input_files(self) -> list[Path]:
        """The traces that the scenario names."""
        return [self.folder / path for _, path in self._traces()]

    def _traces(self) -> Iterator[tuple[paths.Path, str]]:
        """The traces that the scenario names, by where they stand."""
        for name, service in self.services.items():
            for part in parts(service.requests):
                if isinstance(part.arrivals, TraceArrivals):
                    yield ("services", name, "requests", *part.path, "arrivals", "path"), part.arrivals.path
        for name, stream in self.training.items():
            if stream.trace is not None:
                for key, path in stream.trace.files.items():
                    yield ("training", name, "trace", key), path
        for name, pool in self.pools.items():
            for number, failures in enumerate(pool.failures):
                if failures.trace is not None:
                    yield ("pools", name, "failures", number, "trace"), failures.trace

    def position(self, path: str) -> Position | None:
        """Where the value at a dotted path stands in the file; None where the file is silent (a default)."""
        return self._document.values.get(paths.resolve(path, self._document.data))

    def problem(self, path: str, message: str, hint: str = "") -> Problem:
        """Return a problem at a dotted path, with the nearest position, for a `ScenarioError`."""
        return self._document.problem(paths.resolve(path, self.resolved()), message, hint)

    def resolved(self) -> dict[str, Any]:
        """Return the scenario as plain data, every default written out."""
        return self.model_dump(mode="json", exclude_none=True, by_alias=True)

    def defaults(self) -> dict[str, Any]:
        """Return the values that the file left to their defaults, by dotted path."""
        given, found = self._document.data, {}
        for path, value in paths.leaves(self.resolved()):
            if path[0] not in ("accelerators", "models") and not paths.covers(given, path):
                found[paths.join(path)] = value
        return found

    def to_yaml(self, folder: Path | None = None) -> str:
        """Return the scenario as a file, every default written out; it loads back as an equal scenario.

        Relative paths of traces lead from the scenario's own folder, or from `folder`.
        """
        data = self.resolved()
        for place, path in self._traces() if folder is not None else ():
            if not Path(path).is_absolute():
                *parents, key = place
                paths.value_at(data, tuple(parents))[key] = _path_from(folder, self.folder / path)
        return yaml_reader.write(data)

    @property
    def sha256(self) -> str:
        """A hash of the resolved content, whatever the file looks like."""
        text = json.dumps(self.resolved(), sort_keys=True, allow_nan=False)
        return hashlib.sha256(text.encode()).hexdigest()

    def with_(self, overrides: Mapping[str, Any]) -> "Scenario":
        """Return a copy with other values at dotted paths, checked anew. Raises ScenarioError."""
        from sim.scenario.loading import read

        return read(self._document.with_overrides(overrides, self.resolved))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Scenario) and self.resolved() == other.resolved()

    def __hash__(self) -> int:
        return hash(self.sha256)

    def __reduce__(self) -> Any:
        from sim.scenario.loading import read

        return read, (self._document,)

    @field_validator("sites")
    @classmethod
    def _add_default_site(cls, sites: Mapping[str, Site], info: ValidationInfo) -> Mapping[str, Site]:
        return {**({"default": Site()} if context_of(info).unplaced else {}), **sites}

    @field_validator("accelerators")
    @classmethod
    def _note_accelerators(cls, value: Mapping[str, InlineAccelerator], info: ValidationInfo) -> Any:
        context_of(info).rows.accelerators = value
        return value

    @field_validator("models")
    @classmethod
    def _note_models(cls, value: Mapping[str, InlineModel], info: ValidationInfo) -> Mapping[str, InlineModel]:
        context_of(info).rows.models = value
        return value
