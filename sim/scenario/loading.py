"""From a file or a mapping to a checked scenario."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from sim.scenario import document, validation, yaml_reader
from sim.scenario.base import Context
from sim.scenario.checks import check
from sim.scenario.document import Document
from sim.scenario.errors import ScenarioError
from sim.scenario.room import fill_replicas
from sim.scenario.scenario import Scenario


def load(source: str | Path | Mapping[str, Any], overrides: Mapping[str, Any] | None = None) -> Scenario:
    """Return the scenario in a file, or in a mapping of the same form, with `overrides` by dotted path.

    Raises ScenarioError with everything that is wrong.
    """
    plain = document.from_mapping(source) if isinstance(source, Mapping) else yaml_reader.read_file(Path(source))
    return read(plain.with_overrides(overrides, lambda: _defaults(plain)) if overrides else plain)


def read(plain: Document) -> Scenario:
    """Return the scenario that a document holds. Raises ScenarioError with everything that is wrong."""
    context = _context(plain)
    try:
        scenario = Scenario.model_validate(plain.data, context=context)
    except ValidationError as error:
        raise ScenarioError(validation.problems(error, plain, context)) from None
    scenario = fill_replicas(scenario.with_origin(plain, context.rows), plain)
    problems = check(scenario)
    if problems:
        raise ScenarioError(problems)
    return scenario


def _defaults(plain: Document) -> Any:
    try:
        return read(plain).resolved()
    except ScenarioError:
        return {}


def _context(plain: Document) -> Context:
    sections = {name: _section(plain, name) for name in ("pools", "accelerators", "models", "sites", "tenants")}
    pools = {name: pool for name, pool in sections["pools"].items() if isinstance(pool, dict)}
    names = {name: frozenset(section) for name, section in sections.items()}
    names["sites"] |= {"default"}
    unplaced = any(pool.get("site", "default") == "default" for pool in pools.values())
    accelerators = {name: str(pool.get("accelerator")) for name, pool in pools.items()}
    return Context(plain.folder, names, pools=accelerators, unplaced=unplaced)


def _section(plain: Document, name: str) -> Mapping[str, Any]:
    section = plain.data.get(name)
    return section if isinstance(section, dict) else {}
