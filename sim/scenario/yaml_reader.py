"""YAML text to plain data with the position of every key and value, and back.

Own resolvers (see `scalars`). Errors are: repeated keys, tags, several documents, files that are too large or too deep,
and aliases that expand into too much.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

import yaml

from sim.scenario import paths
from sim.scenario.document import Document
from sim.scenario.errors import Position, Problem, ScenarioError
from sim.scenario.paths import Path as DottedPath
from sim.scenario.scalars import plain_scalar

LARGEST_FILE = 10_000_000
"""Bytes."""
MOST_VALUES = 200_000
"""Keys and values, aliases expanded."""
DEEPEST = 60
_TOO_DEEP = f"more than {DEEPEST} levels deep"
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_DUMPER = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


def read_file(path: Path) -> Document:
    """Return the document in a file. Raises ScenarioError where it cannot be read."""
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_FILE + 1)
        if len(content) > LARGEST_FILE:
            _refuse(Position(str(path)), f"the file is larger than {LARGEST_FILE // 10**6} MB")
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        _refuse(Position(str(path)), f"the file is not UTF-8 text (byte {error.start})")
    except OSError as error:
        _refuse(Position(str(path)), error.strerror or str(error))
    return read_text(text, str(path), path.parent)


def read_text(text: str, file: str = "scenario", folder: Path | None = None) -> Document:
    """Return the document in a text. Raises ScenarioError where it cannot be read, with all repeated keys at once."""
    root = _compose(text, file)
    if not isinstance(root, _Map):
        _refuse(
            root.position if root else Position(file, 1, 1), "expected a map of keys" if root else "the file is empty"
        )
    builder = _Builder()
    builder.keys[()] = builder.values[()] = Position(file, 1, 1)
    data = builder.build_map(root, ())
    builder.finish()
    return Document(data, file, folder or Path(), builder.keys, builder.values)


def read_value(text: str, file: str = "value") -> Any:
    """Return the value that a text stands for, as after `--set path=`. Raises ScenarioError where it cannot be read."""
    builder = _Builder()
    root = _compose(text, file)
    value = builder.build(root, ()) if root else None
    builder.finish()
    return value


def write(data: Mapping[str, Any]) -> str:
    """YAML that `read_text` reads back as the same data."""
    text: str = yaml.dump(data, Dumper=_Writer, sort_keys=False, allow_unicode=True, width=120)
    return text


@dataclass
class _Scalar:
    position: Position
    value: Any


@dataclass
class _List:
    position: Position
    items: list["_Node"] = field(default_factory=list)


@dataclass
class _Map:
    position: Position
    items: list[tuple[_Scalar, "_Node"]] = field(default_factory=list)


_Node = _Scalar | _List | _Map


def _compose(text: str, file: str) -> "_Node | None":
    try:
        return _Composer(file).compose(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = Position(file, mark.line + 1, mark.column + 1) if mark else Position(file)
        too_deep = "nesting depth" in str(error.problem)  # newer parsers have a limit of their own
        _refuse(place, _TOO_DEEP if too_deep else f"not YAML: {error.problem or error.context}")
    except yaml.YAMLError as error:
        _refuse(Position(file), f"not YAML: {str(error).splitlines()[0]}")


class _Composer:
    """Nodes from parser events; an alias is the very node of its anchor."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.anchors: dict[str, _Node] = {}
        self.events: Iterator[Any] = iter(())
        self.nodes = 0

    def compose(self, text: str) -> _Node | None:
        self.events = iter(yaml.parse(text, Loader=_LOADER))
        root = None
        for event in self.events:
            if isinstance(event, yaml.DocumentStartEvent):
                if root is not None:
                    _refuse(self.place(event), "a second document in the file")
                root = self.node(next(self.events), 0)
        return None if isinstance(root, _Scalar) and root.value is None else root

    def place(self, event: Any) -> Position:
        return Position(self.file, event.start_mark.line + 1, event.start_mark.column + 1)

    def node(self, event: Any, depth: int) -> _Node:
        place = self.place(event)
        self.nodes += 1
        if self.nodes > MOST_VALUES:
            _refuse(place, f"more than {MOST_VALUES} values")
        if isinstance(event, yaml.AliasEvent):
            if event.anchor not in self.anchors:
                _refuse(place, f"alias `*{event.anchor}` without an anchor before it")
            return self.anchors[event.anchor]
        if event.tag not in (None, "!"):
            _refuse(place, f"tags such as `{event.tag}` are not read")
        if depth > DEEPEST:
            _refuse(place, _TOO_DEEP)
        node = self.content(event, place, depth)
        if event.anchor:
            self.anchors[event.anchor] = node
        return node

    def content(self, event: Any, place: Position, depth: int) -> _Node:
        if isinstance(event, yaml.ScalarEvent):
            return _Scalar(place, plain_scalar(event.value) if event.implicit[0] else event.value)
        if isinstance(event, yaml.SequenceStartEvent):
            return _List(place, list(iter(lambda: self.child(depth), None)))
        return _Map(place, [(key, self.node(next(self.events), depth + 1)) for key in iter(self.key, None)])

    def child(self, depth: int) -> _Node | None:
        event = next(self.events)
        return None if isinstance(event, yaml.SequenceEndEvent | yaml.MappingEndEvent) else self.node(event, depth + 1)

    def key(self) -> _Scalar | None:
        event = next(self.events)
        if isinstance(event, yaml.MappingEndEvent):
            return None
        if not isinstance(event, yaml.ScalarEvent) or event.tag not in (None, "!"):
            _refuse(self.place(event), "a key is plain text")
        return _Scalar(self.place(event), event.value)


class _Builder:
    """Plain data from nodes; every alias is built anew."""

    def __init__(self) -> None:
        self.keys: dict[DottedPath, Position] = {}
        self.values: dict[DottedPath, Position] = {}
        self.problems: list[Problem] = []

    def finish(self) -> None:
        """Raise what was found wrong."""
        if self.problems:
            raise ScenarioError(self.problems)

    def build(self, node: _Node, path: DottedPath) -> Any:
        self.values[path] = node.position
        if len(self.values) > MOST_VALUES:
            _refuse(node.position, f"more than {MOST_VALUES} values, aliases expanded")
        if isinstance(node, _Scalar):
            return node.value
        if isinstance(node, _List):
            return [self.build(item, (*path, index)) for index, item in enumerate(node.items)]
        return self.build_map(node, path)

    def build_map(self, node: _Map, path: DottedPath) -> dict[str, Any]:
        data: dict[str, Any] = {}
        for key, value in node.items:
            name = key.value
            place = (*path, name)
            if name in data:
                first, here = self.keys[place], key.position
                message, hint = "the key is given twice", f"first in line {first.line}"
                self.problems.append(Problem(here.file, here.line, here.column, paths.join(place), message, hint))
                continue
            self.keys[place] = key.position
            data[name] = self.build(value, place)
        return data


class _Writer(_DUMPER):  # type: ignore[misc, valid-type]
    """A dumper that quotes every text that would read as something else."""

    def ignore_aliases(self, _data: Any) -> bool:
        return True


def _write_text(writer: Any, text: str) -> yaml.ScalarNode:
    style = None if plain_scalar(text) == text and text.strip() else "'"
    node: yaml.ScalarNode = writer.represent_scalar("tag:yaml.org,2002:str", text, style=style)
    return node


_Writer.add_representer(str, _write_text)


def _refuse(place: Position, message: str) -> NoReturn:
    raise ScenarioError([Problem(place.file, place.line, place.column, "", message)])
