"""Many runs and what they mean: replications, studies, plans, figures, reports and the `fleetsim` command."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from analysis import figures
    from analysis.capacity.planning import plan
    from analysis.replications import replicate
    from analysis.studies.loading import load_study
    from analysis.studies.running import sweep

__all__ = ["figures", "load_study", "plan", "replicate", "sweep"]

_HOMES = {
    "load_study": "analysis.studies.loading",
    "plan": "analysis.capacity.planning",
    "replicate": "analysis.replications",
    "sweep": "analysis.studies.running",
}


def __getattr__(name: str) -> Any:
    """Import what is asked for when it is first asked for: the command must answer at once."""
    import importlib

    if name == "figures":
        return importlib.import_module("analysis.figures")
    if name not in _HOMES:
        raise AttributeError(f"module 'analysis' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)
