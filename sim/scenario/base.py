"""What all parts of a scenario share: strict frozen models, and what is known of the scenario while it is validated."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, ClassVar, NoReturn, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo, model_validator
from pydantic_core import PydanticCustomError

from sim import catalog
from sim.catalog.rows import Accelerator, Model
from sim.scenario.errors import near
from sim.scenario.rows import RowError, Rows

T = TypeVar("T")
NAME = r"[A-Za-z0-9][A-Za-z0-9_.-]*"


@dataclass
class Context:
    """What validation knows: the names that stand in the file, and the rows and pools that have been read so far."""

    folder: Path
    names: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Names by section of the file (`pools`, `accelerators`, `models`, `sites`, `tenants`)."""
    classes: dict[int, type["Node"]] = field(default_factory=dict)
    """The class that read each map of the file, by the map's id."""
    rows: Rows = field(default_factory=Rows)
    pools: dict[str, str] = field(default_factory=dict)
    """The accelerator of each pool."""
    unplaced: bool = False
    """Whether some pool names no site."""

    def accelerator(self, name: str) -> Accelerator | None:
        """Return the row of an accelerator; None where it is unknown or wrong."""
        return _or_none(self.rows.accelerator, name)

    def model(self, name: str) -> Model | None:
        """Return the row of a model; None where it is unknown or wrong."""
        return _or_none(self.rows.model, name)

    def row_of_pool(self, pool: str) -> Accelerator | None:
        """Return the row of a pool's accelerator; None where it is unknown or wrong."""
        return self.accelerator(self.pools.get(pool, ""))

    def check_accelerator(self, name: str) -> str:
        """Return the name, if the file or the catalog has it."""
        inline = self.names.get("accelerators", frozenset())
        return name if name in inline else check_known("accelerator", name, inline | catalog.accelerators().keys())

    def check_model(self, name: str) -> str:
        """Return the name, if the file or the catalog has it."""
        inline = self.names.get("models", frozenset())
        return name if name in inline else check_known("model", name, inline | catalog.models().keys(), inline)


MOST_NAMES = 12
"""That a hint lists."""


class Node(BaseModel):
    """A map of a scenario: unknown keys are errors, values are not coerced, nothing changes afterwards."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False, defer_build=True)
    later_keys: ClassVar[frozenset[str]] = frozenset()
    """Keys that a later version reads."""

    @model_validator(mode="before")
    @classmethod
    def _note_class(cls, data: Any, info: ValidationInfo) -> Any:
        if isinstance(info.context, Context) and isinstance(data, dict):
            info.context.classes[id(data)] = cls
        return data


def fail(message: str, key: str = "", hint: str = "") -> NoReturn:
    """Raise a validation error at the value under validation, or at `key` inside it."""
    raise PydanticCustomError("scenario", "{message}", {"message": message, "key": key, "hint": hint})


def later(*values: str) -> BeforeValidator:
    """Refuse values that a later version reads."""
    return later_tag("", *values)


def later_tag(key: str, *values: str) -> BeforeValidator:
    """Refuse a map whose `key` has a value that a later version reads; without a key, the value itself."""

    def refuse(value: Any) -> Any:
        tag = value.get(key) if key and isinstance(value, dict) else value
        if isinstance(tag, str) and tag in values:
            fail(f"`{tag}` arrives in a later version", key)
        return value

    return BeforeValidator(refuse)


def check_known(kind: str, name: str, known: Iterable[str], listed: Iterable[str] = ()) -> str:
    """Return the name, if it is known; else a validation error with near matches, or a few names (`listed`, or all)."""
    names = frozenset(known)
    if name not in names:
        few = sorted(listed or names)
        some = f"known: {', '.join(few)}" if len(few) <= MOST_NAMES else "`fleetsim catalog` has those that are known"
        fail(f"unknown {kind} `{name}`", hint=near(name, names) or (some if few else f"no {kind} is defined"))
    return name


def _known_in(section: str) -> AfterValidator:
    def check(name: str, info: ValidationInfo) -> str:
        if not isinstance(info.context, Context):
            return name
        return check_known(section.removesuffix("s"), name, info.context.names[section])

    return AfterValidator(check)


Name = Annotated[str, Field(pattern=rf"^{NAME}$")]


def _check_tenant(name: str, info: ValidationInfo) -> str:
    known = context_of(info).names.get("tenants")
    return check_known("tenant", name, known) if known else name


TenantName = Annotated[Name, AfterValidator(_check_tenant)]
"""One of the scenario's tenants, or any name where it has none."""
PoolName = Annotated[str, _known_in("pools")]
SiteName = Annotated[str, _known_in("sites")]


def unset() -> Any:
    """Return the default of a field that is derived where the file is silent (`Field(validate_default=True)`)."""
    return None


def context_of(info: ValidationInfo) -> Context:
    """Return the context of a validation; an empty one where a part is built on its own."""
    return info.context if isinstance(info.context, Context) else Context(Path())


def _or_none(read: Callable[[str], T], name: str) -> T | None:
    try:
        return read(name)
    except (KeyError, RowError):
        return None
