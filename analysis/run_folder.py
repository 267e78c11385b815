"""What a finished run left behind, read back: the tables and dictionaries that figures and reports are made of."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import pandas as pd
import yaml

from analysis.wording import find
from sim.scenario import paths
from sim.units import parse


class Run(Protocol):
    """What figures need of a run: a `RunFolder`, or the result of `sim.run`."""

    @property
    def summary(self) -> dict[str, Any]:
        """The contents of summary.json."""

    @property
    def telemetry(self) -> pd.DataFrame:
        """Long form: time_s (end of the interval), kind, name, metric, value."""

    @property
    def jobs(self) -> pd.DataFrame:
        """One row a job."""

    @property
    def latency(self) -> pd.DataFrame:
        """Buckets of log histograms: service, metric, low_s, high_s, count."""

    @property
    def scenario(self) -> Any:
        """The resolved scenario, as an object with `to_yaml()` or as plain dictionaries."""


_COLUMNS = {
    "telemetry": ("time_s", "kind", "name", "metric", "value"),
    "jobs": (
        "job_id",
        "stream",
        "tenant",
        "accelerators",
        "submit_s",
        "start_s",
        "end_s",
        "status",
        "queueing_s",
        "jct_s",
    ),
    "spells": ("job_id", "stream", "tenant", "pool", "node", "accelerators", "start_s", "end_s", "outcome"),
    "latency": ("service", "metric", "low_s", "high_s", "count"),
    "replication_latency": ("service", "metric", "low_s", "high_s", "count", "replication"),
    "ensemble": ("kind", "name", "metric", "time_s", "mean", "sem"),
}


@dataclass(frozen=True)
class RunFolder:
    """A folder written by `fleetsim run`. A table that is missing reads as empty; `summary.json` must be there."""

    path: Path

    @cached_property
    def summary(self) -> dict[str, Any]:
        """The contents of summary.json; raises FileNotFoundError where the folder holds no run."""
        loaded: dict[str, Any] = json.loads((self.path / "summary.json").read_text(encoding="utf-8"))
        return loaded

    @cached_property
    def scenario(self) -> dict[str, Any]:
        """The resolved scenario as plain dictionaries, quantities as text with their units."""
        file = self.path / "scenario.yaml"
        return _plain(file.read_text(encoding="utf-8")) if file.exists() else {}

    @cached_property
    def telemetry(self) -> pd.DataFrame:
        """Long form: time_s (end of the interval), kind, name, metric, value."""
        return self._table("telemetry")

    @cached_property
    def jobs(self) -> pd.DataFrame:
        """One row a job."""
        return self._table("jobs")

    @cached_property
    def latency(self) -> pd.DataFrame:
        """Buckets of log histograms: service, metric, low_s, high_s, count."""
        return self._table("latency")

    @cached_property
    def spells(self) -> pd.DataFrame:
        """What jobs held: one row for each node of each time in which a job ran; empty of replications."""
        return self._table("spells")

    @cached_property
    def latencies(self) -> pd.DataFrame:
        """Buckets of log histograms by replication; empty of a single run."""
        return self._table("replication_latency")

    @cached_property
    def ensemble(self) -> pd.DataFrame:
        """Telemetry averaged over replications: kind, name, metric, time_s, mean, sem; empty of a single run."""
        return self._table("ensemble")

    def _table(self, name: str) -> pd.DataFrame:
        file = self.path / f"{name}.parquet"
        return pd.read_parquet(file) if file.exists() else pd.DataFrame(columns=list(_COLUMNS[name]))


def opened(source: Run | Path | str) -> Run:
    """Return a run as it is, or the one in a folder."""
    return RunFolder(Path(source)) if isinstance(source, str | Path) else source


def latencies(run: Run) -> pd.DataFrame:
    """Return the latencies of a run by replication; empty where it was not replicated."""
    return getattr(run, "latencies", pd.DataFrame(columns=list(_COLUMNS["replication_latency"])))


def ensemble(run: Run) -> pd.DataFrame:
    """Return the telemetry of a run averaged over replications; empty where it was not replicated."""
    return getattr(run, "ensemble", pd.DataFrame(columns=list(_COLUMNS["ensemble"])))


def spells(run: Run) -> pd.DataFrame:
    """Return what jobs held from when to when, those cut off by the end up to it; empty of replications."""
    table = getattr(run, "spells", pd.DataFrame(columns=list(_COLUMNS["spells"])))
    return table.assign(end_s=table["end_s"].astype(float).fillna(window(run)[1]))


def replications(run: Run) -> int:
    """Return how often a run was replicated; 1 where it was not."""
    return int(find(run.summary, "run", "replications") or 1)


def interval(summary: Mapping[str, Any], *keys: str) -> Mapping[str, Any] | None:
    """Return the interval of the figure under these keys of a summary; None where there is none.

    One run often cannot carry one: it is short, or follows the hours of the day. Its flagged intervals count as none.
    """
    found: Mapping[str, Any] | None = (summary.get("intervals") or {}).get(paths.join(keys))
    single = not find(summary, "run", "replications")
    return None if found and single and found.get("flagged") else found


def without_interval(summary: Mapping[str, Any]) -> int:
    """Return how many figures of one run it cannot carry an interval for."""
    every = (summary.get("intervals") or {}).values()
    return 0 if find(summary, "run", "replications") else sum(bool(each.get("flagged")) for each in every)


def level_of(summary: Mapping[str, Any]) -> float | None:
    """Return the confidence level of a summary's intervals; None where it has none."""
    every = (summary.get("intervals") or {}).values()
    return next((float(each["level"]) for each in every if each.get("level")), None)


def resolved(run: Run) -> dict[str, Any]:
    """Return the resolved scenario as plain dictionaries, whichever form the run holds it in."""
    scenario = run.scenario
    if hasattr(scenario, "to_yaml"):
        return _plain(scenario.to_yaml())
    return scenario if isinstance(scenario, dict) else {}


def with_classes(summary: Mapping[str, Any], service: str) -> list[tuple[str, ...]]:
    """Return the keys below `services` of a service, and of each class of its requests where it has classes."""
    classes = find(summary, "services", service, "classes") or {}
    return [(service,), *((service, "classes", name) for name in classes)]


def place_name(place: tuple[str, ...]) -> str:
    """Return how people name a service, or a class of one."""
    return place[0] if len(place) == 1 else f"{place[-1]} of {place[0]}"


def promise(run: Run, service: str, *of_class: str) -> Mapping[str, Any]:
    """Return the objective of a service, or of a class of it (`classes` and its name), as the scenario states it."""
    spec = find(resolved(run), "services", service)
    own = find(spec, "requests", of_class[-1], "slo") if of_class else None
    return own or find(spec, "slo") or {}


def limits(run: Run, *service: str) -> dict[str, float]:
    """Return the latency limits of an objective (see `promise`) in seconds, by metric, such as `ttft_s`."""
    slo = promise(run, *service)
    names = [name for name in ("ttft", "tpot", "itl", "e2e") if slo.get(name) is not None]
    return {f"{name}_s": parse(slo[name], "time") for name in names}


def window(run: Run) -> tuple[float, float]:
    """(end of the warm-up, horizon) in simulated seconds; without a known horizon, the last moment on record."""
    horizon = find(run.summary, "run", "horizon_s")
    if horizon is None:
        moments = pd.concat([run.telemetry["time_s"], run.jobs["end_s"]]).dropna()
        horizon = moments.max() if len(moments) else 0.0
    return float(find(run.summary, "run", "warmup_s") or 0.0), float(horizon)


def _plain(text: str) -> dict[str, Any]:
    fastest = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return yaml.load(text, Loader=fastest) or {}  # noqa: S506 - both are safe loaders
