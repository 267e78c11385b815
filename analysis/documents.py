"""Files of studies and plans: read like scenarios, with errors that name file, line and key."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from sim.scenario import Problem, Scenario, ScenarioError, load, paths, validation, yaml_reader
from sim.scenario import json_schema as scenario_schema
from sim.scenario.base import Context, Node
from sim.scenario.document import OVERRIDE, Document, from_mapping
from sim.scenario.errors import near

T = TypeVar("T", bound=Node)
NAMED = frozenset({"pools", "services", "training", "sites"})
"""Sections whose entries a path must not invent."""
KINDS = {"study": "study", "plan": "plan"}
"""The kind of a file by the key that only it has; every other file is taken for a scenario."""


def open_document(source: str | Path | Mapping[str, Any]) -> Document:
    """The plain data of a file, or of a mapping of the same form. Raises ScenarioError where it cannot be read."""
    return from_mapping(source) if isinstance(source, Mapping) else yaml_reader.read_file(Path(source))


def kind_of(document: Document) -> str:
    """Whether a document is a `scenario`, a `study` or a `plan`."""
    return next((kind for key, kind in KINDS.items() if key in document.data), "scenario")


def validated(model: type[T], document: Document) -> T:
    """The document as a model. Raises ScenarioError with everything that is wrong."""
    context = Context(document.folder)
    try:
        return model.model_validate(document.data, context=context)
    except ValidationError as error:
        raise ScenarioError(validation.problems(error, document, context)) from None


def scenario_of(document: Document, name: str) -> Scenario:
    """The scenario that a study or plan names under `scenario`, relative to its own folder. Raises ScenarioError."""
    file = document.folder / name
    if not file.is_file():
        raise ScenarioError([document.problem(("scenario",), f"no file {file}")])
    return load(file)


def scenario_facts(scenario: Scenario, file: str | None) -> dict[str, Any]:
    """What a study or a plan says of its scenario."""
    return {"name": scenario.name, "file": file, "sha256": scenario.sha256, "description": scenario.description}


def json_schema(kind: str) -> dict[str, Any]:
    """The JSON Schema of scenarios, studies or plans."""
    if kind == "scenario":
        return scenario_schema()
    from analysis.capacity.plan_file import PlanFile
    from analysis.studies.study_file import Study

    schema = (Study if kind == "study" else PlanFile).model_json_schema(mode="validation")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": f"fleetsim {kind}"}


@contextmanager
def overrides_placed(document: Document, places: Mapping[str, paths.Path]) -> Iterator[None]:
    """Say of what is wrong with an override where the document asks for it; `places` by the override's path."""
    try:
        yield
    except ScenarioError as error:
        raise ScenarioError([placed(problem, document, places) for problem in error.problems]) from None


def path_problems(document: Document, scenario: Scenario, path: str, place: paths.Path) -> list[Problem]:
    """What is wrong with a path: it cannot be read, or leads into a pool, service or the like that is not there."""
    tree = scenario.resolved()
    try:
        section, *inside = paths.resolve(path, tree)
    except paths.PathError as error:
        return [document.problem(place, str(error))]
    known = tree.get(str(section), {})
    if section not in NAMED or len(inside) < 2 or inside[0] in known:
        return []
    message = f"`{paths.join((section, inside[0]))}` is not in the scenario"
    return [document.problem(place, message, near(str(inside[0]), known))]


def placed(problem: Problem, document: Document, places: Mapping[str, paths.Path]) -> Problem:
    """A problem of an override as one of the document's; other problems, and those of no override, as they are."""
    if problem.file != OVERRIDE.file:
        return problem
    for path, place in places.items():
        if problem.path.startswith(path) or path.startswith(problem.path):
            message = f"{problem.path}: {problem.message}" if problem.path != path else problem.message
            return document.problem(place, message, problem.hint)
    return problem
