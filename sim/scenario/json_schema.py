"""The JSON Schema of scenario files, for editors."""

from typing import Any

from sim.scenario.scenario import Scenario


def json_schema() -> dict[str, Any]:
    """Return the schema (draft 2020-12); quantities are strings with a pattern and examples."""
    schema = Scenario.model_json_schema(mode="validation")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "fleetsim scenario"}
