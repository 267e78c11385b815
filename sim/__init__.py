"""Discrete-event simulation of AI compute fleets: a scenario goes in, a result comes out."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sim.results import Result
    from sim.scenario import Scenario, ScenarioError, load
    from sim.simulation import run

__all__ = ["Result", "Scenario", "ScenarioError", "load", "run"]

_HOMES = {
    "Result": "sim.results",
    "Scenario": "sim.scenario",
    "ScenarioError": "sim.scenario",
    "load": "sim.scenario",
    "run": "sim.simulation",
}


def __getattr__(name: str) -> Any:
    """Import what is asked for when it is first asked for: the simulator takes a second, checking a file must not."""
    if name not in _HOMES:
        raise AttributeError(f"module 'sim' has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(_HOMES[name]), name)
