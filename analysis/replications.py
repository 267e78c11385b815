"""A scenario several times, with other random numbers each time: every figure gets an interval."""

import json
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from analysis.sample import SECTIONS, Sample
from analysis.statistics.intervals import Interval
from analysis.statistics.stopping import LEAST, Precision, enough
from analysis.workers import Draw, draw, sample_of, worker_pool
from sim.pilot import WarmUp, pilot_of, warm_up
from sim.preparation import prepare
from sim.scenario import Scenario, paths
from sim.serving.summary import attainment_by_hour
from sim.whole_folder import MARK, written_whole

if TYPE_CHECKING:
    import pandas as pd

FEWEST = 2
"""Replications below which there is no interval."""
PILOTS = 5
"""Replications whose average tells the warm-up, where the scenario leaves it open."""
AHEAD = 8
"""Replications on their way while it is still open how many are needed; what is too many is thrown away."""
SEED_BITS = 53
"""A seed is a whole number that every reader of JSON keeps."""


T = TypeVar("T")


def replication_seeds(seed: int, n: int) -> tuple[int, ...]:
    """The seeds of n replications: the scenario's own, then ones spawned from it. So runs with one seed share draws."""
    spawned = np.random.SeedSequence(seed).spawn(n)
    others = [int(each.generate_state(1, np.uint64)[0]) >> (64 - SEED_BITS) for each in spawned[1:]]
    return (seed, *others)[:n]


@dataclass(frozen=True)
class Replicated:
    """The outcome of several replications, in the form of one run's with intervals."""

    scenario: Scenario
    draws: tuple[Draw, ...]
    stopping: dict[str, Any] | None = None
    """The precision that was asked for and whether it was reached, where the number of replications was left open."""
    warm_up: WarmUp | None = None
    """How the warm-up was found, where the scenario left it open."""

    @cached_property
    def sample(self) -> Sample:
        """Every figure of every replication."""
        return sample_of(self.draws)

    def interval(self, path: str, level: float = 0.95) -> Interval:
        """The interval of a figure of the summary. Raises FigureError."""
        return self.sample.estimate(path, level)

    def metric(self, path: str) -> float | None:
        """The estimate of a figure of the summary. Raises FigureError."""
        return self.interval(path).mean

    @cached_property
    def summary(self) -> dict[str, Any]:
        """The summary of a run, each figure estimated from all replications, with `intervals`."""
        intervals = self.sample.intervals()
        first = self.draws[0].summary
        found = {section: _estimated(first[section], intervals, (section,)) for section in SECTIONS if section in first}
        found |= {"services": _by_hour(found["services"], [draw.summary["services"] for draw in self.draws])}
        return (
            first | found | {"run": self._run(), "audit": self._audit(), "notes": self._notes(), "intervals": intervals}
        )

    @cached_property
    def frame(self) -> "pd.DataFrame":
        """One row a replication: replication, seed, and every figure by its path."""
        import pandas as pd

        numbers = np.arange(1, len(self.draws) + 1)
        return pd.DataFrame({"replication": numbers, "seed": self.sample.seeds, **self.sample.figures})

    @property
    def telemetry(self) -> "pd.DataFrame":
        """The telemetry of the first replication."""
        return _kept(self.draws[0].telemetry)

    @cached_property
    def jobs(self) -> "pd.DataFrame":
        """The jobs of all replications, with the number of theirs."""
        return self._all([_kept(each.jobs) for each in self.draws])

    @cached_property
    def latency(self) -> "pd.DataFrame":
        """The buckets of every latency, all replications counted together."""
        keys = ["service", "metric", "low_s", "high_s"]
        return self.latencies.groupby(keys, sort=True)["count"].sum().reset_index()

    @cached_property
    def latencies(self) -> "pd.DataFrame":
        """The buckets of every latency by replication."""
        return self._all([each.latency for each in self.draws])

    @cached_property
    def ensemble(self) -> "pd.DataFrame":
        """The telemetry averaged over replications: mean and standard error at each time that all of them have."""
        keys = ["kind", "name", "metric", "time_s"]
        groups = self._all([_kept(each.telemetry) for each in self.draws]).groupby(keys, sort=False)["value"]
        found = groups.agg(["mean", "sem", "count"]).reset_index()
        return found[found["count"] == len(self.draws)].drop(columns="count").reset_index(drop=True)

    def save(self, folder: str | Path, *, force: bool = False) -> Path:
        """Write the files into a folder. Raises FileExistsError where it holds another run, unless forced."""
        folder = Path(folder)
        with written_whole(folder, force=force) as partial:
            self.write(partial, at=folder)
        return folder

    def write(self, folder: Path, *, at: Path) -> None:
        """Write the files into an empty folder; `at` is where they will lie in the end."""
        (folder / "scenario.yaml").write_text(self.scenario.to_yaml(at), encoding="utf-8")
        tables = {
            "telemetry": self.telemetry,
            "jobs": self.jobs,
            "latency": self.latency,
            "replications": self.frame,
            "replication_latency": self.latencies,
            "ensemble": self.ensemble,
        }
        for name, table in tables.items():
            table.to_parquet(folder / f"{name}.parquet", index=False)
        (folder / MARK).write_text(json.dumps(self.summary, indent=1, allow_nan=False), encoding="utf-8")

    def _all(self, tables: "list[pd.DataFrame]") -> "pd.DataFrame":
        import pandas as pd

        return pd.concat(
            [table.assign(replication=number) for number, table in enumerate(tables, 1)], ignore_index=True
        )

    def _run(self) -> dict[str, Any]:
        runs: list[dict[str, Any]] = [each.summary["run"] for each in self.draws]
        totals = {name: sum(run[name] for run in runs) for name in ("requests", "decisions", "wall_s")}
        return (
            runs[0]
            | totals
            | {
                "horizon_s": float(np.mean([run["horizon_s"] for run in runs])),
                "requests_per_wall_s": totals["requests"] / totals["wall_s"],
                "replications": len(runs),
                "seeds": list(self.sample.seeds),
                "warmup_by_metric": None if self.warm_up is None else self.warm_up.by_metric,
                "stopping": self.stopping,
            }
        )

    def _audit(self) -> list[dict[str, Any]]:
        """Every law once: as the first replication found it, or the first that found it broken."""
        laws: dict[tuple[str, str], dict[str, Any]] = {}
        for each in self.draws:
            for law in each.summary["audit"]:
                known = laws.setdefault((law["law"], law["where"]), law)
                if known["holds"] and not law["holds"]:
                    laws[law["law"], law["where"]] = law
        return list(laws.values())

    def _notes(self) -> list[str]:
        return list(dict.fromkeys(note for each in self.draws for note in each.summary["notes"]))


def replicate(
    scenario: Scenario,
    replications: int | Precision = 10,
    *,
    seed: int | None = None,
    policies: Mapping[str, Any] | None = None,
    jobs: int | None = None,
    executor: Executor | None = None,
    progress: Callable[[float], None] | None = None,
) -> Replicated:
    """Run a scenario several times, or until the figures of a `Precision` are known so well.

    The result does not depend on the number of processes, `jobs` (default: one a processor). `seed` replaces the
    scenario's own; `policies` replaces policies by instances, which keeps all runs in this process; `progress` is told
    the share of the replications that is done. Raises ScenarioError, FleetError, FigureError for a target that is no
    figure, and ValueError for fewer than two replications.
    """
    most = replications if isinstance(replications, int) else replications.most
    if most < FEWEST:
        raise ValueError(f"{most} replication is too few for an interval: at least {FEWEST} are needed")
    if seed is not None:
        scenario = scenario.with_({"seed": seed})
    pool = nullcontext(executor) if executor else worker_pool(1 if policies else jobs)
    with pool as workers:
        found = None
        if scenario.warmup == "auto":
            scenario, found = settled(scenario, workers, policies)
        prepare(scenario, policies)
        seeds = replication_seeds(scenario.seed, most)

        def submit(seed: int) -> Future[Draw]:
            return workers.submit(draw, scenario, seed, policies=policies, tables=True)

        if isinstance(replications, int):
            draws, stopping = list(_told(in_order(submit, seeds), most, progress)), None
        else:
            draws, stopping = _until(replications, _told(in_order(submit, seeds, AHEAD), most, progress))
    return Replicated(scenario, tuple(draws), stopping, found)


def settled(
    scenario: Scenario, workers: Executor, policies: Mapping[str, Any] | None = None
) -> tuple[Scenario, WarmUp]:
    """The scenario with the warm-up that pilot runs ask for, and what they say. Raises ScenarioError."""
    pilot = pilot_of(scenario)
    prepare(pilot, policies)
    seeds = replication_seeds(scenario.seed, PILOTS)
    draws = [workers.submit(draw, pilot, seed, policies=policies, tables=True) for seed in seeds]
    found = warm_up([_kept(each.result().telemetry) for each in draws])
    return scenario.with_({"warmup": f"{found.seconds!r} s"}), found


def in_order(submit: Callable[[int], Future[T]], seeds: Sequence[int], ahead: int | None = None) -> Iterator[T]:
    """Submit a task for each seed and yield the results in the order of the seeds, at most `ahead` being on their way.

    What is not yet begun when the caller stops is cancelled.
    """
    waiting: deque[Future[T]] = deque()
    left = iter(seeds)
    try:
        waiting.extend(map(submit, islice(left, ahead)))
        while waiting:
            yield waiting.popleft().result()
            waiting.extend(map(submit, islice(left, 1)))
    finally:
        for future in waiting:
            future.cancel()


def _told(draws: Iterator[Draw], most: int, progress: Callable[[float], None] | None) -> Iterator[Draw]:
    for number, each in enumerate(draws, 1):
        if progress:
            progress(number / most)
        yield each


def _until(precision: Precision, draws: Iterator[Draw]) -> tuple[list[Draw], dict[str, Any]]:
    """As many replications as a precision needs, and what the summary says of it."""
    taken: list[Draw] = []
    intervals: dict[str, list[Interval]] = {path: [] for path in precision.targets}
    reached = False
    for each in draws:
        taken.append(each)
        sample = sample_of(taken)
        for path, found in intervals.items():
            found.append(sample.estimate(path, precision.level))
        reached = enough(precision, intervals)
        if reached:
            break
    return taken, {"until": dict(precision.targets), "least": LEAST, "most": precision.most, "reached": reached}


def _estimated(tree: Any, intervals: Mapping[str, Mapping[str, Any]], path: paths.Path) -> Any:
    """The tree with every figure replaced by its estimate."""
    if isinstance(tree, dict):
        return {key: _estimated(value, intervals, (*path, key)) for key, value in tree.items()}
    found = intervals.get(paths.join(path))
    return tree if found is None else found["mean"]


def _by_hour(tree: Any, every: Sequence[Any]) -> Any:
    """The tree with attainments by hour of the day as means over those of all replications that know them."""
    if not isinstance(tree, dict):
        return tree
    if "by_hour_of_day" not in tree:
        return {key: _by_hour(value, [each[key] for each in every]) for key, value in tree.items()}
    shares = zip(*(each["by_hour_of_day"] for each in every), strict=True)
    hours = [[share for share in of_hour if share is not None] for of_hour in shares]
    means = [sum(known) / len(known) if known else None for known in hours]
    return tree | attainment_by_hour(means)


def _kept(table: "pd.DataFrame | None") -> "pd.DataFrame":
    if table is None:
        raise LookupError("the replications were run without their tables")
    return table
