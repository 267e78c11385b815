"""The points of a study: every combination of the values, or the values side by side."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, Literal, get_args

from sim import units

Label = str | int | float
MOST_POINTS = 100_000


class DesignError(ValueError):
    """Values that make no design; `path` is the varied path, empty where it is the design itself."""

    def __init__(self, message: str, path: str = "") -> None:
        super().__init__(message)
        self.path = path


@dataclass(frozen=True)
class Point:
    """One point: what is set in the scenario, and how it reads, by varied path."""

    number: int
    overrides: Mapping[str, Any]
    labels: Mapping[str, Label]

    @property
    def label(self) -> str:
        """The point in words."""
        return words(self.labels)


@dataclass(frozen=True)
class Level:
    """One value of a varied path, with how it reads."""

    value: Any
    label: Label


def words(values: Mapping[str, Any]) -> str:
    """Values by path as a person would say them."""
    return ", ".join(f"{short_name(path)} {_said(value)}" for path, value in values.items())


def short_name(path: str) -> str:
    """The last word of a path that says something by itself."""
    last, *before = [segment for segment in reversed(path.replace("'", "").split(".")) if segment]
    return f"{before[0]} {last}" if last in ("rate", "policy", "initial", "max", "min") and before else last


def points(vary: Mapping[str, Sequence[Level]], design: Literal["grid", "paired"] = "grid") -> tuple[Point, ...]:
    """The points in order, the last path varying fastest. Raises DesignError."""
    if design == "paired":
        lengths = {path: len(levels) for path, levels in vary.items()}
        if len(set(lengths.values())) > 1:
            said = ", ".join(f"{path} has {length}" for path, length in lengths.items())
            raise DesignError(f"a paired design needs equally many values on every path: {said}")
        rows = list(zip(*vary.values(), strict=True))
    else:
        number = 1
        for levels in vary.values():
            number *= len(levels)
        if number > MOST_POINTS:
            raise DesignError(f"{number:,} points are too many: at most {MOST_POINTS:,}")
        rows = list(product(*vary.values()))
    return tuple(
        Point(
            place,
            {path: level.value for path, level in zip(vary, row, strict=True)},
            {path: level.label for path, level in zip(vary, row, strict=True)},
        )
        for place, row in enumerate(rows, 1)
    )


def levels_of(values: Sequence[Any], path: str) -> tuple[Level, ...]:
    """The listed values of a path; a map may carry a `label`. Raises DesignError where two read alike."""
    levels = tuple(_level(value) for value in values)
    labels = [level.label for level in levels]
    if len(set(labels)) < len(labels):
        twice = next(label for label in labels if labels.count(label) > 1)
        raise DesignError(f"`{twice}` stands twice", path)
    return levels


def _level(value: Any) -> Level:
    if isinstance(value, Mapping):
        own = {key: part for key, part in value.items() if key != "label"}
        return Level(own, str(value.get("label") or _said(own)))
    if isinstance(value, bool) or value is None or not isinstance(value, str | int | float):
        return Level(value, _said(value))
    return Level(value, value)


def _said(value: Any) -> str:
    if isinstance(value, Mapping):
        return " ".join(f"{key} {_said(part)}" for key, part in value.items())
    if isinstance(value, list | tuple):
        return "+".join(_said(part) for part in value)
    if value is None or isinstance(value, bool):
        return str(value).lower()
    return str(value)


def span(first: Any, last: Any, steps: int, path: str) -> tuple[Level, ...]:
    """Equally spaced values between two numbers or two quantities of one kind. Raises DesignError."""
    if isinstance(first, int | float) and isinstance(last, int | float):
        spaced = _spaced(float(first), float(last), steps)
        whole = isinstance(first, int) and isinstance(last, int) and all(value.is_integer() for value in spaced)
        return levels_of([int(value) if whole else value for value in spaced], path)
    for dimension in get_args(units.Dimension):
        try:
            ends = units.parse(first, dimension), units.parse(last, dimension)
        except units.UnitError:
            continue
        shown = [units.show(value, dimension) for value in _spaced(*ends, steps)]
        exact = [units.exact(value, dimension) for value in _spaced(*ends, steps)]
        alike = len(set(shown)) < len(shown)
        return tuple(Level(value, value if alike else label) for value, label in zip(exact, shown, strict=True))
    raise DesignError(f"`{first}` and `{last}` are not two quantities of one kind", path)


def _spaced(first: float, last: float, steps: int) -> list[float]:
    """Rounded to twelve digits, so that a tenth is a tenth."""
    return [float(f"{first + (last - first) * step / (steps - 1):.12g}") for step in range(steps)]
