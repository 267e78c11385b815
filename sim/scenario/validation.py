"""A document against the schema: pydantic's errors become problems with positions and words of our own."""

from collections.abc import Callable, Mapping
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from sim.scenario import paths
from sim.scenario.base import Context
from sim.scenario.document import Document
from sim.scenario.errors import Problem, near
from sim.scenario.quantities import found


def problems(error: ValidationError, document: Document, context: Context) -> list[Problem]:
    """Return what pydantic found wrong with the document."""
    found = error.errors(include_url=False)
    return list(dict.fromkeys(_problem(detail, document, context) for detail in found if not _echo(detail)))


def _echo(error: ErrorDetails) -> bool:
    """Whether the list is called too short only because an entry of it is wrong."""
    return error["type"] == "too_short" and len(error["input"]) >= error["ctx"]["min_length"]


def _problem(error: ErrorDetails, document: Document, context: Context) -> Problem:
    """Return what one of pydantic's errors says about the document."""
    kind, details = error["type"], error.get("ctx", {})
    path = _path(error["loc"], document.data, missing=kind == "missing")
    if kind == "extra_forbidden":
        return _unknown_key(path, document, context)
    if kind == "scenario":
        path += paths.keys_of(details["key"])
        return document.problem(path, details["message"], details["hint"])
    if kind == "missing":
        return document.problem(path[:-1], f"`{path[-1]}` is missing", of_key=True)
    if kind.startswith("union_tag"):
        return _tag(error, path, document)
    of_key = error["loc"][-1:] == ("[key]",)
    message, hint = _MESSAGES.get(kind, _other)(error["input"], details or {"message": error["msg"]})
    return document.problem(path, message, hint, of_key=of_key)


def _path(location: tuple[str | int, ...], data: Any, *, missing: bool) -> paths.Path:
    """Return the location without what pydantic adds to it (names of union members), which stands in no file."""
    path: paths.Path = ()
    for index, given in enumerate(location):
        segment = given if isinstance(data, list) else str(given)
        try:
            data = paths.value_at(data, (segment,))
        except KeyError:
            if missing and index == len(location) - 1:
                path += (segment,)
            continue
        path += (segment,)
    return path


def _unknown_key(path: paths.Path, document: Document, context: Context) -> Problem:
    parent, key = paths.value_at(document.data, path[:-1]), str(path[-1])
    node = context.classes.get(id(parent))
    if node is not None and key in node.later_keys:
        return document.problem(path, f"`{key}` arrives in a later version", of_key=True)
    hint = near(key, node.model_fields) if node else ""
    return document.problem(path, "unknown key", hint, of_key=True)


def _tag(error: ErrorDetails, path: paths.Path, document: Document) -> Problem:
    details = error.get("ctx", {})
    key = str(details["discriminator"]).strip("'")
    if error["type"] == "union_tag_not_found":
        message = (
            f"`{key}` is missing"
            if isinstance(error["input"], dict)
            else f"expected a map, found {found(error['input'])}"
        )
        return document.problem(path, message, of_key=True)
    expected = [tag.strip("' ") for tag in str(details["expected_tags"]).split(",")]
    return document.problem((*path, key), f"unknown {key} `{details['tag']}`", near(str(details["tag"]), expected))


def _other(_: Any, details: Mapping[str, Any]) -> tuple[str, str]:
    return str(details.get("message") or details.get("error") or "not valid"), ""


def _expected(what: str) -> Callable[[Any, Mapping[str, Any]], tuple[str, str]]:
    return lambda value, _: (f"expected {what}, found {found(value)}", "")


def _literal(value: Any, details: Mapping[str, Any]) -> tuple[str, str]:
    expected = [name.strip("' ") for name in str(details["expected"]).replace(" or ", ",").split(",")]
    return f"unknown value {found(value)}", near(str(value), expected) or f"one of {', '.join(expected)}"


def _text(value: Any, _: Mapping[str, Any]) -> tuple[str, str]:
    return f"expected text, found {found(value)}", f"write '{value}'" if isinstance(value, int | float) else ""


def _name(value: Any, _: Mapping[str, Any]) -> tuple[str, str]:
    return f"{found(value)} is not a name", "letters, digits, `_`, `.` and `-`, beginning with a letter or digit"


_MESSAGES: Mapping[str, Callable[[Any, Mapping[str, Any]], tuple[str, str]]] = {
    "string_type": _text,
    "string_pattern_mismatch": _name,
    "int_type": _expected("a whole number"),
    "int_from_float": _expected("a whole number"),
    "bool_type": _expected("true or false"),
    "dict_type": _expected("a map"),
    "mapping_type": _expected("a map"),
    "model_type": _expected("a map"),
    "model_attributes_type": _expected("a map"),
    "tuple_type": _expected("a list"),
    "too_short": lambda _, details: (f"at least {details['min_length']} needed", ""),
    "greater_than_equal": lambda value, details: (f"{found(value)} is too small", f"at least {details['ge']}"),
    "less_than_equal": lambda value, details: (f"{found(value)} is too large", f"at most {details['le']}"),
    "literal_error": _literal,
}
