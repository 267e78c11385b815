"""A scenario as it stands in its file: plain data, the position of every key and value, and overrides on top."""

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sim.scenario import paths
from sim.scenario.errors import Position, Problem, ScenarioError
from sim.scenario.paths import Path as DottedPath

OVERRIDE = Position("override")


@dataclass(frozen=True)
class Document:
    """Plain data (maps with text keys, lists, scalars) and where each part stands."""

    data: dict[str, Any]
    file: str = "scenario"
    folder: Path = field(default_factory=Path)
    keys: Mapping[DottedPath, Position] = field(default_factory=dict)
    values: Mapping[DottedPath, Position] = field(default_factory=dict)

    def position(self, path: DottedPath, *, of_key: bool = False) -> Position:
        """Where the value (of a map: its key) at `path` stands, or else the nearest part around it."""
        places = self.keys if of_key or self._is_map(path) else self.values
        for length in range(len(path), -1, -1):
            place = (places if length == len(path) else self.keys).get(path[:length])
            if place is not None:
                return place
        return Position(self.file)

    def _is_map(self, path: DottedPath) -> bool:
        return not _misses(self.data, path) and isinstance(paths.value_at(self.data, path), dict)

    def problem(self, path: DottedPath, message: str, hint: str = "", *, of_key: bool = False) -> Problem:
        """Return a problem at `path`."""
        place = self.position(path, of_key=of_key)
        return Problem(place.file, place.line, place.column, paths.join(path), message, hint)

    def with_overrides(self, overrides: Mapping[str, Any], resolved: Callable[[], Any]) -> "Document":
        """Return a copy with other values at dotted paths.

        A path that leads into something the file left to its default starts from that default, which `resolved()`
        gives as plain data.
        """
        data, keys, values = copy.deepcopy(self.data), dict(self.keys), dict(self.values)
        for text, value in overrides.items():
            try:
                path = paths.resolve(text, data)
                defaults = resolved() if _misses(data, path) else {}
                path = paths.resolve(text, _merged(defaults, data)) if defaults else path
                _set(data, path, _plain(value), defaults)
            except paths.PathError as error:
                raise ScenarioError([Problem(OVERRIDE.file, 0, 0, text[:80], str(error))]) from None
            for places in (keys, values):
                for stale in [place for place in places if place[: len(path)] == path]:
                    del places[stale]
                places[path] = OVERRIDE
        return Document(data, self.file, self.folder, keys, values)


def from_mapping(data: Mapping[str, Any]) -> Document:
    """Return a document of a Python mapping; keys become text, tuples lists."""
    return Document(_plain(data))


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    return value


def _misses(data: Any, path: DottedPath) -> bool:
    try:
        paths.value_at(data, path)
    except KeyError:
        return True
    return False


def _merged(defaults: Any, data: Any) -> Any:
    """Return `data` over `defaults`; where only one of the two is a map, that one."""
    if isinstance(defaults, dict) and isinstance(data, dict):
        return {key: _merged(defaults.get(key), data.get(key)) for key in (defaults | data)}
    return defaults if data is None or isinstance(defaults, dict) else data


def _set(data: Any, path: DottedPath, value: Any, defaults: Any) -> None:
    for depth in range(1, len(path)):
        _check_segment(data, path[:depth])
        child = data[path[depth - 1]] if isinstance(data, list) else data.get(path[depth - 1])  # type: ignore[index]
        if not isinstance(child, dict | list):
            child = _default_map(defaults, path[:depth], child)
            data[path[depth - 1]] = child
        data = child
    _check_segment(data, path)
    data[path[-1]] = value


def _check_segment(data: Any, path: DottedPath) -> None:
    segment = path[-1]
    if isinstance(data, list) != isinstance(segment, int):
        raise paths.PathError(f"`{paths.join(path[:-1])}` is a {'list' if isinstance(data, list) else 'map'}")
    if isinstance(data, list) and isinstance(segment, int) and segment >= len(data):
        raise paths.PathError(f"`{paths.join(path[:-1])}` has {len(data)} entries, counted from [0]")


def _default_map(defaults: Any, path: DottedPath, scalar: Any) -> Any:
    try:
        default = paths.value_at(defaults, path)
    except KeyError:
        default = None
    if isinstance(default, dict | list):
        return copy.deepcopy(default)
    if scalar is not None:
        raise paths.PathError(f"`{paths.join(path)}` is not a map")
    return {}
