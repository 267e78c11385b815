"""Dotted paths into maps and lists: `pools.h100.nodes`, `models.'Llama-3.1-70B'.precision`, `services.a.pools[0]`."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Path = tuple[str | int, ...]

_TOKEN = re.compile(r"'([^']*)'|\"([^\"]*)\"|\[(\d+)\]|([^.\[\]'\"]+)")
_PLAIN = re.compile(r"[^.\[\]'\"]+")
_LONGEST = 1000


class PathError(ValueError):
    """A dotted path that cannot be read, or that has more than one reading."""


def join(path: Path) -> str:
    """Return the dotted text of a path; segments that hold a dot are quoted."""
    text = ""
    for segment in path:
        if isinstance(segment, int):
            text += f"[{segment}]"
        else:
            text += ("." if text else "") + (segment if _PLAIN.fullmatch(segment) else f"'{segment}'")
    return text


def resolve(text: str, tree: Any) -> Path:
    """Return the path that `text` means in `tree` (nested maps and lists).

    Dots may belong to a name: of all readings the one that follows existing keys furthest counts. Raises PathError
    where two are equal.
    """
    tokens = _tokens(text)
    readings = _readings(tokens, tree)
    fewest = min(unmatched for unmatched, _ in readings)
    best = {path for unmatched, path in readings if unmatched == fewest}
    if len(best) > 1:
        written = " or ".join(sorted(join(path) for path in best))
        raise PathError(f"`{text}` has more than one reading; write {written}")
    return best.pop()


def value_at(tree: Any, path: Path) -> Any:
    """Return what stands at `path`; raises KeyError where nothing does."""
    for segment in path:
        try:
            tree = tree[segment]
        except (KeyError, IndexError, TypeError):
            raise KeyError(join(path)) from None
    return tree


def keys_of(text: str) -> Path:
    """Return the path of plain keys with dots between them."""
    return tuple(text.split(".")) if text else ()


def leaves(tree: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """All values of nested maps that are no maps themselves, with their paths."""
    if not isinstance(tree, Mapping):
        yield path, tree
        return
    for key, value in tree.items():
        yield from leaves(value, (*path, key))


def covers(tree: Any, path: Path) -> bool:
    """Whether the tree has a value at `path`, or a scalar or list on the way there (a short form)."""
    for segment in path:
        if not isinstance(tree, Mapping):
            return tree is not None
        tree = tree.get(str(segment))
    return tree is not None


def _tokens(text: str) -> list[tuple[str | int, bool]]:
    """Segments with whether they may be joined with their neighbours over a dot (not quoted, no index)."""
    tokens: list[tuple[str | int, bool]] = []
    at = 0
    while at < len(text) <= _LONGEST:
        match = _TOKEN.match(text, at)
        if match is None:
            break
        single, double, index, plain = match.groups()
        tokens.append((int(index), False) if index else (plain, True) if plain else (single or double or "", False))
        at = match.end()
        if text[at : at + 1] == "." and at + 1 < len(text):
            at += 1
        elif text[at : at + 1] not in ("", "["):
            break
    if at != len(text) or not tokens:
        raise PathError(f"`{text[:80]}` is not a dotted path such as `pools.h100.nodes`")
    return tokens


def _readings(tokens: Sequence[tuple[str | int, bool]], tree: Any) -> list[tuple[int, Path]]:
    """All readings as (number of segments that do not exist yet, path)."""
    if not tokens:
        return [(0, ())]
    found = []
    for taken in range(1, len(tokens) + 1):
        head = tokens[:taken]
        if taken > 1 and not all(joinable for _, joinable in head):
            break
        key = head[0][0] if taken == 1 else ".".join(str(segment) for segment, _ in head)
        try:
            child = value_at(tree, (key,))
        except KeyError:
            continue
        found += [(unmatched, (key, *rest)) for unmatched, rest in _readings(tokens[taken:], child)]
    return found or [(len(tokens), tuple(segment for segment, _ in tokens))]
