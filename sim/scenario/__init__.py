"""What the user wrote: the schema of a scenario, and loading with errors that name file, line and key."""

from sim.scenario.errors import Position, Problem, ScenarioError
from sim.scenario.json_schema import json_schema
from sim.scenario.loading import load
from sim.scenario.scenario import Scenario

__all__ = ["Position", "Problem", "Scenario", "ScenarioError", "json_schema", "load"]
