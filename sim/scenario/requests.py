"""The requests of a service: one stream, or a map of classes, each with its arrivals, lengths, priority and promise."""

import math
import re
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, NamedTuple, Self

from pydantic import ConfigDict, Discriminator, Field, Tag, ValidationInfo, field_validator, model_validator

from sim import catalog
from sim.scenario.arrivals import Arrivals, TraceArrivals, name_or_map
from sim.scenario.base import NAME, Name, Node, check_known, context_of, fail
from sim.scenario.clients import ClosedArrivals, Retries, Sessions
from sim.scenario.distributions import DurationDistribution, NumberDistribution
from sim.scenario.quantities import PositiveDuration, Share


class Lengths(Node):
    """Tokens of the prompt and of the output."""

    prompt: NumberDistribution
    output: NumberDistribution


LengthsOrPreset = Annotated[Annotated[str, Tag("name")] | Annotated[Lengths, Tag("map")], Discriminator(name_or_map)]


RequestArrivals = Annotated[Arrivals | ClosedArrivals, Field(discriminator="process")]

LIMITS = ("ttft", "tpot", "itl", "e2e")


class Slo(Node):
    """The promise: this share of the requests is within all limits (seconds)."""

    ttft: PositiveDuration | None = None
    tpot: PositiveDuration | None = None
    itl: PositiveDuration | None = None
    """Of every time between two tokens."""
    e2e: PositiveDuration | None = None
    attainment: Share = 0.99

    @property
    def limits(self) -> Mapping[str, float]:
        """The limits that are given, in seconds."""
        given = {name: getattr(self, name) for name in LIMITS}
        return {name: limit for name, limit in given.items() if limit is not None}

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not self.limits:
            fail("an slo needs at least one limit", hint="ttft, tpot, itl or e2e")
        return self


class _Stream(Node):
    lengths: LengthsOrPreset | None = None
    work: NumberDistribution | None = None
    """Scales the latency of a single-pass model."""
    patience: DurationDistribution | None = None
    """A request that has waited so long, and not started, is abandoned."""
    retries: Retries | None = None
    sessions: Sessions | None = None

    @field_validator("lengths")
    @classmethod
    def _check_preset(cls, lengths: Lengths | str | None) -> Lengths | str | None:
        if isinstance(lengths, str):
            workloads = catalog.workloads()
            known = [name for name, workload in workloads.items() if workload.prompt and workload.output]
            check_known("workload preset", lengths, known)
        return lengths


def _check_sessions(arrivals: Any, stream: _Stream) -> None:
    if stream.sessions is not None and isinstance(arrivals, ClosedArrivals):
        fail("the clients of a closed loop go on for ever, they have no sessions", "sessions", "another process")
    if stream.sessions is not None and isinstance(arrivals, TraceArrivals):
        fail("a trace has all turns of its sessions already", "sessions", "another process")


class Requests(_Stream):
    """A stream of requests."""

    arrivals: RequestArrivals

    @model_validator(mode="after")
    def _check(self) -> Self:
        _check_sessions(self.arrivals, self)
        return self

    @model_validator(mode="before")
    @classmethod
    def _refuse_keys_of_classes(cls, data: Any) -> Any:
        for key in _OF_A_CLASS:
            if isinstance(data, dict) and key in data:
                fail(f"`{key}` is for a class of requests", key, "requests: {<class>: {arrivals: ..., ...}, ...}")
        return data


_OF_A_STREAM = ("lengths", "work", "patience", "retries", "sessions")
_OF_A_CLASS = ("share", "priority", "slo", "model")


class RequestClass(_Stream):
    """One of several classes: with arrivals of its own, or a `share` of those that stand beside the classes."""

    arrivals: RequestArrivals | None = None
    share: Share | None = None
    priority: int = Field(default=0, ge=-(2**31), lt=2**31)
    """The highest goes first, and is preempted last."""
    slo: Slo | None = None
    """Instead of the service's."""
    model: Name | None = None
    """Of a single-pass service, instead of the service's."""

    @field_validator("model")
    @classmethod
    def _check_model(cls, name: str | None, info: ValidationInfo) -> str | None:
        return None if name is None else context_of(info).check_model(name)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.arrivals is None) == (self.share is None):
            fail("a class has either `arrivals` or a `share` of those beside the classes")
        _check_sessions(self.arrivals, self)
        if self.slo is not None and self.slo.itl is not None:
            fail("classes share their batches: `itl` is promised by the service", "slo.itl")
        return self


class RequestClasses(Node):
    """Classes of requests by name. `arrivals` beside them are those of all that have a share of them."""

    model_config: ClassVar = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, RequestClass] = Field(init=False)
    arrivals: RequestArrivals | None = None

    @property
    def classes(self) -> Mapping[str, RequestClass]:
        """The classes in the order of the file."""
        return self.__pydantic_extra__

    @model_validator(mode="before")
    @classmethod
    def _refuse_keys_of_streams(cls, data: Any) -> Any:
        for key in (*_OF_A_STREAM, *_OF_A_CLASS):
            if key in data:
                fail(f"`{key}` beside classes: each class has its own", key)
        return data

    @model_validator(mode="after")
    def _check(self) -> Self:
        for name in self.classes:
            if not re.fullmatch(NAME, name):
                fail(f"`{name}` is not a name of a class", name)
        shares = {name: each.share for name, each in self.classes.items() if each.share is not None}
        if self.arrivals is None and shares:
            fail("a share of what? There are no `arrivals` beside the classes", f"{next(iter(shares))}.share")
        if isinstance(self.arrivals, TraceArrivals):
            fail("the requests of a trace are of one class", "arrivals", "a trace for each class")
        if isinstance(self.arrivals, ClosedArrivals):
            fail("the clients of a closed loop are of one class", "arrivals", "a closed loop for each class")
        if self.arrivals is not None and not math.isclose(math.fsum(shares.values()), 1.0, abs_tol=1e-9):
            fail(f"the shares of the classes sum to {math.fsum(shares.values()):g}, not to 1", "arrivals")
        return self


def _form(value: Any) -> str:
    """Classes are maps that say how they arrive."""
    if isinstance(value, dict):
        others = [each for key, each in value.items() if key not in ("arrivals", *_OF_A_STREAM, *_OF_A_CLASS)]
        several = any(isinstance(each, dict) and ("arrivals" in each or "share" in each) for each in others)
    else:
        several = isinstance(value, RequestClasses)
    return "several classes" if several else "one stream"


AnyRequests = Annotated[
    Annotated[Requests, Tag("one stream")] | Annotated[RequestClasses, Tag("several classes")], Discriminator(_form)
]


class Part(NamedTuple):
    """The requests of a class, or all of a service without classes."""

    path: tuple[str, ...]
    """The keys below the service's `requests` that lead to it: none, or the class."""
    stream: Requests | RequestClass
    arrivals: Arrivals | ClosedArrivals
    share: float
    """Of the arrivals."""

    @property
    def shares(self) -> bool:
        """Whether others arrive by the same process."""
        return self.stream.arrivals is None


def parts(requests: Requests | RequestClasses) -> list[Part]:
    """What the requests of a service are made of."""
    if isinstance(requests, Requests):
        return [Part((), requests, requests.arrivals, 1.0)]
    found = []
    for name, each in requests.classes.items():
        arrivals = each.arrivals or requests.arrivals
        assert arrivals is not None  # noqa: S101  one of the two is given
        found.append(Part((name,), each, arrivals, 1.0 if each.share is None else each.share))
    return found
