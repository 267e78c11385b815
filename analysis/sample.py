"""Looks at one system: the replications of a scenario, or the batches of one long run.

Every figure of a summary is a vector over the looks, and every latency a histogram of each. What is made of them
(intervals, pairs, control variates, selection) is the same for both.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from analysis.errors import FigureError
from analysis.statistics.batch_means import batch_mean, batch_quantiles, batch_share
from analysis.statistics.dependence import worth
from analysis.statistics.intervals import (
    FloatArray,
    IntArray,
    Interval,
    quantile_at,
    quantile_interval,
    ratio_interval,
    t_interval,
)
from sim.scenario import paths

if TYPE_CHECKING:
    import pandas as pd

    from sim.results import Result

SECTIONS = ("services", "training", "tenants", "pools", "sites", "phases", "fleet")
"""The parts of a summary that hold figures."""
QUANTILES = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99, "p999": 0.999}
DECIDED = ("completed", "rejected", "timed_out", "abandoned", "lost", "in_flight")


@dataclass(frozen=True)
class Sample:
    """m looks at one system; `figures` by dotted path, shape (m,), nan where the summary says null.

    `latencies` has the buckets of each look: service, metric, low_s, high_s, count. `seeds` are those of replications.
    """

    figures: Mapping[str, FloatArray]
    latencies: Sequence["pd.DataFrame"]
    seeds: tuple[int, ...] = ()
    method: Literal["replications", "batches"] = "replications"

    @classmethod
    def of_batches(cls, result: "Result") -> "Sample":
        """The batches of one run. A largest value of the parts says nothing of that of the whole."""
        figures = stacked(map(figures_of, result.batches))
        kept = {path: values for path, values in figures.items() if not path.endswith((".p99", ".peak"))}
        return cls(kept, result.batch_latencies(), method="batches")

    def __len__(self) -> int:
        return len(self.latencies)

    def first(self, n: int) -> "Sample":
        """The first n looks."""
        return Sample(
            {path: v[:n] for path, v in self.figures.items()}, self.latencies[:n], self.seeds[:n], self.method
        )

    def of_seeds(self, seeds: Sequence[int]) -> "Sample":
        """The replications with these seeds, in their order. ValueError for a seed that is not there."""
        at = [self.seeds.index(seed) for seed in seeds]
        figures = {path: values[at] for path, values in self.figures.items()}
        return Sample(figures, [self.latencies[place] for place in at], tuple(seeds), self.method)

    def resolve(self, path: str) -> str:
        """The path of a figure as the summary writes it; quotes may be left out. Raises FigureError."""
        if path in self.figures or self._is_quantile(path):
            return path
        known = self._by_plain_name
        if plain(path) not in known:
            near = get_close_matches(plain(path), known, 1)
            hint = f"; did you mean `{known[near[0]]}`?" if near else ""
            raise FigureError(f"the summary has no figure `{path}`{hint}")
        return known[plain(path)]

    def estimate(self, path: str, level: float = 0.95) -> Interval:
        """The figure with its interval: a pooled quantile, a ratio, or a mean over the looks. Raises FigureError."""
        path = self.resolve(path)
        if self._is_quantile(path):
            block, _, name = path.rpartition(".")
            return self._quantiles(block, [name], level)[name]
        values, weights = self.figures[path], self._weights(path)
        if self.method == "batches":
            return self._of_batches(path, _times(values, weights), weights, level)
        if np.ptp(weights) == 0:
            return t_interval(values, level)
        return ratio_interval(_times(values, weights), weights, level)

    def pseudo_values(self, path: str) -> FloatArray:
        """The figure as m values that are as good as independent, by the jackknife; of a plain mean the looks' own.

        Shape (m,). Their mean estimates the figure and their spread its error (Tukey 1958), whether it is a mean, a
        ratio or a pooled quantile; pairs and controls are formed of them. Raises FigureError.
        """
        path = self.resolve(path)
        block, _, name = path.rpartition(".")
        m = len(self)
        if name in QUANTILES and block in self._rows:
            counts, edges = self._histogram(block)
            total = counts.sum(axis=0)
            whole = quantile_at(total, edges, QUANTILES[name])
            without = np.array([quantile_at(total - own, edges, QUANTILES[name]) for own in counts])
            return np.asarray(m * whole - (m - 1) * without)
        values, weights = self.figures[path], self._weights(path)
        if m < 2 or np.ptp(weights) == 0:
            return values
        parts = _times(values, weights)
        ratio, without = parts.sum() / weights.sum(), (parts.sum() - parts) / (weights.sum() - weights)
        return np.asarray(m * ratio - (m - 1) * without)

    def counted_behind(self, path: str) -> float:
        """How many requests or jobs a mean or a share was formed of, in all looks. Raises FigureError."""
        return float(np.nansum(self._weights(self.resolve(path))))

    def intervals(self, level: float = 0.95) -> dict[str, dict[str, Any]]:
        """The intervals of all figures, as a summary holds them."""
        found = {path: self.estimate(path, level) for path in self.figures if not self._is_quantile(path)}
        for block in self._rows:
            quantiles = self._quantiles(block, list(QUANTILES), level)
            found |= {f"{block}.{name}": interval for name, interval in quantiles.items()}
        return {path: interval.as_dict() for path, interval in found.items()}

    def _quantiles(self, block: str, names: Sequence[str], level: float) -> dict[str, Interval]:
        counts, edges = self._histogram(block)
        shares = [QUANTILES[name] for name in names]
        if self.method == "batches":
            return dict(zip(names, batch_quantiles(counts, edges, shares, level), strict=True))
        return {name: quantile_interval(counts, edges, p, level) for name, p in zip(names, shares, strict=True)}

    def _of_batches(self, path: str, numerators: FloatArray, weights: FloatArray, level: float) -> Interval:
        """The interval of a figure of one run. How much requests are worth is seen in their latencies."""
        block, _, name = path.rpartition(".")
        service, slo, _ = path.rpartition(".slo.")
        if slo and name != "goodput_per_s":
            return batch_share(numerators, weights, level, self._worth.get(f"{service}.e2e_s", 0.0))
        if name == "mean" and block in self._rows:
            return batch_mean(numerators, weights, level, self._worth[block])
        return batch_mean(numerators, weights, level)

    @cached_property
    def _worth(self) -> dict[str, float]:
        """How many independent observations each latency has, by the path of its block."""
        return {block: worth(self._histogram(block)[0]) for block in self._rows}

    def _is_quantile(self, path: str) -> bool:
        """Whether a path is a quantile of a latency, which has a histogram."""
        block, _, name = path.rpartition(".")
        return name in QUANTILES and block in self._rows

    def _weights(self, path: str) -> FloatArray:
        """What each look counts by: a mean by the number behind it, everything else alike."""
        ones = np.ones(len(self))
        service, slo, _ = path.rpartition(".slo.")
        if slo:
            shares = path.endswith(".attainment") or ".slo.by_limit." in path
            return self._counted(self._decided(service)) if shares else ones
        block, _, name = path.rpartition(".over." if ".over." in path else ".")
        per = "count" if name == "mean" or ".over." in path else _PER.get(name)
        return self._counted(self.figures.get(f"{block}.{per}", ones)) if per else ones

    def _counted(self, weights: FloatArray) -> FloatArray:
        return weights if np.any(weights) else np.ones(len(self))

    def _decided(self, service: str) -> FloatArray:
        nothing = np.zeros(len(self))
        counts = [self.figures.get(f"{service}.requests.{name}", nothing) for name in DECIDED]
        return np.asarray(np.sum(counts, axis=0) - self.figures.get(f"{service}.requests.undecided", nothing))

    @cached_property
    def _by_plain_name(self) -> dict[str, str]:
        quantiles = (f"{block}.{name}" for block in self._rows for name in QUANTILES)
        return {plain(path): path for path in (*self.figures, *quantiles)}

    @cached_property
    def _every(self) -> "pd.DataFrame":
        """The buckets of all looks, with the number of theirs."""
        import pandas as pd

        looks = np.repeat(np.arange(len(self)), [len(rows) for rows in self.latencies])
        return pd.concat(self.latencies, ignore_index=True).assign(look=looks)

    @cached_property
    def _rows(self) -> dict[str, IntArray]:
        """Which rows of all buckets are of a latency, by the path of its block."""
        if not self.latencies:
            return {}
        every = self._every
        codes = every.groupby(["service", "metric"], sort=False).ngroup().to_numpy()
        order = np.argsort(codes, kind="stable")
        groups = np.split(order, np.flatnonzero(np.diff(codes[order])) + 1)
        firsts = every.iloc[[rows[0] for rows in groups if len(rows)]]
        names = zip(firsts["service"], firsts["metric"], strict=True)
        return {paths.join(("services", *name)): rows for name, rows in zip(names, groups, strict=False)}

    def _histogram(self, block: str) -> tuple[IntArray, FloatArray]:
        """Counts by look and bucket (m, k), and the buckets' edges (k, 2) in seconds."""
        rows = self._rows[block]
        look, low, high, count = (self._every[name].to_numpy()[rows] for name in ("look", "low_s", "high_s", "count"))
        lows, first, bucket = np.unique(low, return_index=True, return_inverse=True)
        counts = np.zeros((len(self), len(lows)), np.int64)
        counts[look, bucket] = count
        return counts, np.column_stack([lows, high[first]])


_PER = {
    "energy_j_per_request": "throughput.requests_per_s",
    "energy_j_per_output_token": "throughput.output_tokens_per_s",
    "ettr": "accelerator_hours",
}
"""Figures per something, and what they are per."""


def usual_figures(sample: Sample) -> list[str]:
    """The few figures that a planner asks for first, of those that are known."""
    wanted = []
    for service in dict.fromkeys(path.split(".requests.")[0] for path in sample.figures if ".requests.arrived" in path):
        latency = "ttft_s" if f"{service}.ttft_s.mean" in sample.figures else "e2e_s"
        wanted += [f"{service}.{latency}.p99", f"{service}.slo.attainment"]
    streams = dict.fromkeys(path.split(".jobs.")[0] for path in sample.figures if ".jobs.submitted" in path)
    wanted += [f"{stream}.jct_s.mean" for stream in streams]
    wanted += ["fleet.energy_kwh", "fleet.cost_usd", "fleet.carbon_kg"]
    known = {path for path, values in sample.figures.items() if np.isfinite(values).any()}
    return [path for path in wanted if path in known]


def over(block: str, limit: float) -> str:
    """The path of the share beyond a registered limit, in a block of durations such as `services.chat.ttft_s`."""
    return f"{block}.over.'{limit!r}'"


def plain(path: str) -> str:
    """A path without its quotes."""
    return path.replace("'", "").replace('"', "")


def figures_of(summary: Mapping[str, Any]) -> dict[str, float | None]:
    """All figures of a summary by dotted path; None where it says null."""
    found: dict[str, float | None] = {}
    for path, value in paths.leaves({section: summary.get(section, {}) for section in SECTIONS}):
        if value is None or (isinstance(value, int | float) and not isinstance(value, bool)):
            found[paths.join(path)] = None if value is None else float(value)
    return found


def stacked(looks: Iterable[Mapping[str, float | None]]) -> dict[str, FloatArray]:
    """The figures of several looks as vectors, nan where one has none."""
    every = list(looks)
    names = dict.fromkeys(name for look in every for name in look)
    return {name: np.array([_number(look.get(name)) for look in every]) for name in names}


def _number(value: float | None) -> float:
    return np.nan if value is None else value


def _times(values: FloatArray, weights: FloatArray) -> FloatArray:
    """Values by their weights; what has no weight counts nothing, whatever its value."""
    return np.where(weights == 0, 0.0, values * weights)
