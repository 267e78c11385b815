"""`warmup: auto`: pilot runs show how long the fleet takes to settle, metric by metric; the longest counts."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sim.scenario import Scenario, ScenarioError, paths
from sim.warmup import mser5

if TYPE_CHECKING:
    import pandas as pd

SAMPLES = 2000
"""Intervals into which a pilot's horizon is cut: 400 batches of five."""
METRICS = frozenset({"queue_length", "running", "queued", "busy", "power_w"})
"""What is watched, of services, streams of jobs and pools. Response times follow by Little's law."""


@dataclass(frozen=True)
class WarmUp:
    """A warm-up found by MSER-5: seconds, and by metric what it asked for and whether that can be relied on."""

    seconds: float
    by_metric: dict[str, dict[str, Any]]

    @property
    def unreliable(self) -> list[str]:
        """The metrics that had not settled by half of the horizon."""
        return [metric for metric, found in self.by_metric.items() if not found["reliable"]]


def pilot_of(scenario: Scenario) -> Scenario:
    """The scenario as a pilot runs it: everything counted, in fine intervals. Raises ScenarioError."""
    if isinstance(scenario.horizon, str):
        problem = scenario.problem("warmup", "`auto` needs a horizon in time", "such as horizon: 1 d")
        raise ScenarioError([problem])
    interval = f"{scenario.horizon / SAMPLES!r} s"
    output = {"output.telemetry": interval, "output.requests": False, "output.timeline": False}
    return scenario.with_({"warmup": 0, "drain": False, **output})


def warm_up(telemetry: Sequence["pd.DataFrame"]) -> WarmUp:
    """What the telemetry of pilot runs, averaged over them, asks for."""
    import pandas as pd

    every = pd.concat(telemetry)
    watched = every[every["metric"].isin(METRICS)]
    by_metric: dict[str, dict[str, Any]] = {}
    for names, group in watched.groupby(["kind", "name", "metric"], sort=False):
        series = group.groupby("time_s")["value"].mean()
        found = mser5(series.to_numpy())
        seconds = float(series.index[found.index - 1]) if found.index else 0.0
        by_metric[_path(*map(str, names))] = {"seconds": seconds, "reliable": found.reliable}
    return WarmUp(max((found["seconds"] for found in by_metric.values()), default=0.0), by_metric)


def _path(kind: str, name: str, metric: str) -> str:
    return paths.join(("fleet", metric) if kind == "fleet" else (SECTIONS[kind], name, metric))


SECTIONS = {"service": "services", "training": "training", "pool": "pools"}
