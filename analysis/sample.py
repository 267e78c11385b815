"""Looks at one system: the replications of a scenario, or the batches of one long run.

Every figure of a summary is a vector over the looks, and every latency a histogram of each. What is made of them
(intervals, pairs, control variates, selection) is the same for both.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from analysis.errors import FigureError
from analysis.histograms import Histograms
from analysis.statistics.batch_means import as_share, batch_means, batch_quantiles
from analysis.statistics.dependence import worth
from analysis.statistics.intervals import (
    FloatArray,
    Interval,
    quantile_at,
    quantile_interval,
    ratio_interval,
    t_interval,
)
from sim.scenario import paths

if TYPE_CHECKING:
    from sim.results import Result

SECTIONS = ("services", "training", "tenants", "pools", "sites", "phases", "fleet")
"""The parts of a summary that hold figures."""
QUANTILES = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99, "p999": 0.999}
DECIDED = ("completed", "rejected", "timed_out", "abandoned", "lost", "in_flight")


@dataclass(frozen=True)
class Sample:
    """m looks at one system; `figures` by dotted path, shape (m,), nan where the summary says null.

    `seeds` are those of replications.
    """

    figures: Mapping[str, FloatArray]
    latencies: Histograms
    seeds: tuple[int, ...] = ()
    method: Literal["replications", "batches"] = "replications"

    @classmethod
    def of_batches(cls, result: "Result") -> "Sample":
        """The batches of one run. A largest value of the parts says nothing of that of the whole."""
        figures = stacked(map(figures_of, result.batches))
        kept = {path: values for path, values in figures.items() if not path.endswith((".p99", ".peak"))}
        return cls(kept, Histograms.of_batches(result), method="batches")

    def __len__(self) -> int:
        return self.latencies.looks

    def first(self, n: int) -> "Sample":
        """The first n looks."""
        return self._at(range(min(n, len(self))))

    def of_seeds(self, seeds: Sequence[int]) -> "Sample":
        """The replications with these seeds, in their order. ValueError for a seed that is not there."""
        return self._at([self.seeds.index(seed) for seed in seeds])

    def _at(self, places: Sequence[int]) -> "Sample":
        figures = {path: values[list(places)] for path, values in self.figures.items()}
        seeds = tuple(self.seeds[place] for place in places) if self.seeds else ()
        return Sample(figures, self.latencies.at(places), seeds, self.method)

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
        if self.method == "batches":
            return self._of_batches([path], level)[path]
        values, weights = self.figures[path], self._weights(path)
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
        if self._is_quantile(path):
            counts, edges = self.latencies.of(block)
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
        plain_ones = [path for path in self.figures if not self._is_quantile(path)]
        if self.method == "batches":
            found = self._of_batches(plain_ones, level)
        else:
            found = {path: self.estimate(path, level) for path in plain_ones}
        for block in self.latencies.blocks:
            quantiles = self._quantiles(block, list(QUANTILES), level)
            found |= {f"{block}.{name}": interval for name, interval in quantiles.items()}
        return {path: interval.as_dict() for path, interval in found.items()}

    def _quantiles(self, block: str, names: Sequence[str], level: float) -> dict[str, Interval]:
        counts, edges = self.latencies.of(block)
        shares = [QUANTILES[name] for name in names]
        if self.method == "batches":
            return dict(zip(names, batch_quantiles(counts, edges, shares, level), strict=True))
        return {name: quantile_interval(counts, edges, p, level) for name, p in zip(names, shares, strict=True)}

    def _of_batches(self, figures: Sequence[str], level: float) -> dict[str, Interval]:
        """The intervals of figures of one run that are no quantiles."""
        weights = np.column_stack([self._weights(path) for path in figures])
        values = np.column_stack([self.figures[path] for path in figures])
        independent = np.array([self._independent(path) for path in figures])
        means = batch_means(_times(values, weights), weights, independent, level)
        return {
            path: as_share(found, worth) if _is_share(path) else found
            for path, found, worth in zip(figures, means, independent.tolist(), strict=True)
        }

    def _independent(self, path: str) -> float:
        """How many independent requests are behind a figure of one run; infinite where that is not known."""
        block, _, name = path.rpartition(".")
        if _is_share(path):
            return self._worth.get(f"{path.partition('.slo.')[0]}.e2e_s", 0.0)
        return self._worth[block] if name == "mean" and block in self._worth else math.inf

    @cached_property
    def _worth(self) -> dict[str, float]:
        """How many independent observations each latency has, by the path of its block."""
        return {block: worth(self.latencies.of(block)[0]) for block in self.latencies.blocks}

    def _is_quantile(self, path: str) -> bool:
        """Whether a path is a quantile of a latency, which has a histogram."""
        block, _, name = path.rpartition(".")
        return name in QUANTILES and block in self.latencies.blocks

    def _weights(self, path: str) -> FloatArray:
        """What each look counts by: a mean by the number behind it, everything else alike."""
        ones = np.ones(len(self))
        service, slo, _ = path.rpartition(".slo.")
        if slo:
            return self._counted(self._decided(service)) if _is_share(path) else ones
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
        quantiles = (f"{block}.{name}" for block in self.latencies.blocks for name in QUANTILES)
        return {plain(path): path for path in (*self.figures, *quantiles)}


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
    jobs = (path for path in sample.figures if path.startswith("training.") and ".jobs.submitted" in path)
    streams = dict.fromkeys(path.split(".jobs.")[0] for path in jobs)
    wanted += [f"{stream}.jct_s.mean" for stream in streams]
    wanted += ["fleet.energy_kwh", "fleet.cost_usd", "fleet.carbon_kg"]
    known = {path for path, values in sample.figures.items() if np.isfinite(values).any()}
    return [path for path in wanted if path in known]


def _is_share(path: str) -> bool:
    """Whether a figure is a share of the requests that are decided."""
    return path.endswith(".slo.attainment") or ".slo.by_limit." in path


def over(block: str, limit: float) -> str:
    """The path of the share beyond a registered limit, in a block of durations such as `services.chat.ttft_s`."""
    return f"{block}.over.'{limit!r}'"


def plain(path: str) -> str:
    """A path without its quotes."""
    return path.replace("'", "").replace('"', "")


def figures_of(summary: Mapping[str, Any]) -> dict[str, float | None]:
    """All figures of a summary by dotted path; None where it says null."""
    found: dict[str, float | None] = {}
    for section in SECTIONS:
        _gather(summary.get(section, {}), section, found)
    return found


NO_FIGURES = frozenset(("priority", "worst_hour"))
"""Whole numbers whose mean says nothing."""


def _gather(tree: Mapping[str, Any], path: str, found: dict[str, float | None]) -> None:
    for key, value in tree.items():
        if value is None or isinstance(value, float):
            found[_below(path, key)] = value
        elif isinstance(value, dict):
            _gather(value, _below(path, key), found)
        elif isinstance(value, int) and not isinstance(value, bool) and key not in NO_FIGURES:
            found[_below(path, key)] = float(value)


@lru_cache(2**17)
def _below(path: str, key: str) -> str:
    """The path of a key: there are few, and many summaries."""
    return f"{path}.{paths.join((key,))}"


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
