"""`analysis.sweep`: from a study to its result."""

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from analysis.documents import open_document, scenario_facts
from analysis.known_means import known_means
from analysis.replications import replication_seeds, settled
from analysis.sample import Sample, usual_figures
from analysis.selection import best_of
from analysis.statistics.stopping import LEAST
from analysis.studies.precision import still_open
from analysis.studies.preparing import ReadyStudy, ready
from analysis.studies.records import Records, told
from analysis.studies.result import StudyResult
from analysis.studies.study_file import Best, Study, Until
from analysis.workers import Draw, sample_of, worker_pool
from sim.scenario import Scenario
from sim.summary import versions

ROUND = 5
"""Replications of every open point that run together while it is still open how many are needed."""


def sweep(
    source: Scenario | str | Path,
    vary: Mapping[str, Sequence[Any]] | None = None,
    *,
    design: Literal["grid", "paired"] = "grid",
    replications: int | Mapping[str, Any] = 10,
    compare: Mapping[str, Any] | None = None,
    metrics: Sequence[str] = (),
    seed: int | None = None,
    jobs: int | None = None,
    executor: Executor | None = None,
    progress: Callable[[float], None] | None = None,
) -> StudyResult:
    """Run a study file, or a scenario at the values of `vary` by dotted path.

    All points meet the same random numbers, replication by replication. `replications`, `compare` and `metrics` have
    the form of a study file, which says them itself. `seed` replaces the scenario's own; `jobs` is the number of
    processes (default: one a processor) of which the result does not depend; `executor` runs the tasks instead;
    `progress` is told the share that is done. Raises ScenarioError for what is wrong with the input, and FigureError
    for a metric that is no figure. A point that fails is a record in the result.
    """
    if isinstance(source, Scenario):
        data: dict[str, Any] = {"study": source.name, "scenario": "", "vary": dict(vary or {}), "design": design}
        data |= {"replications": replications, "metrics": list(metrics)} | ({"compare": compare} if compare else {})
        prepared = ready(open_document(data), scenario=source, seed=seed)
    else:
        if vary is not None:
            raise TypeError("a study file says itself what varies")
        prepared = ready(open_document(source), seed=seed)
    return run(prepared, jobs=jobs, executor=executor, progress=progress)


def run(
    prepared: ReadyStudy,
    *,
    jobs: int | None = None,
    executor: Executor | None = None,
    progress: Callable[[float], None] | None = None,
) -> StudyResult:
    """Run a study that is ready. Raises FigureError for a metric that no point has."""
    began = time.perf_counter()
    seeds = replication_seeds(prepared.scenario.seed, prepared.most)
    with nullcontext(executor) if executor else worker_pool(jobs) as workers:
        records = Records(_settled(prepared.scenarios, workers), seeds, workers)
        draws, failures, reached = _gathered(prepared, records, progress)
        alive = {
            point.label: records.scenarios[point.number] for point in prepared.points if point.number not in failures
        }
        best = _best(prepared.study.best, alive, workers)
    samples = {number: _sample(prepared, taken) for number, taken in draws.items() if number not in failures}
    result = StudyResult(
        name=prepared.study.study,
        scenario=scenario_facts(prepared.scenario, prepared.file),
        points=prepared.points,
        samples=samples,
        failures=failures,
        description=prepared.study.description,
        design=prepared.study.design,
        seed=prepared.scenario.seed,
        stopping=_stopping(prepared.study.replications, reached),
        baseline=None if prepared.study.compare is None else prepared.study.compare.baseline,
        known={number: known_means(records.scenarios[number]) for number in samples},
        best=best,
        versions=versions(),
        wall=time.perf_counter() - began,
    )
    return _with_metrics(result, prepared.study)


def _sample(prepared: ReadyStudy, taken: Sequence[Draw]) -> Sample:
    """The replications of a point; what is varied is its own column and no figure beside it."""
    sample = sample_of(taken)
    return replace(sample, figures={path: v for path, v in sample.figures.items() if path not in prepared.study.vary})


def _settled(scenarios: Mapping[int, Scenario], workers: Executor) -> Mapping[int, Scenario]:
    """The scenarios with one warm-up, the longest that any of those needs that leave it open."""
    asking = {number: scenario for number, scenario in scenarios.items() if scenario.warmup == "auto"}
    if not asking:
        return scenarios
    longest = max(settled(scenario, workers)[1].seconds for scenario in asking.values())
    found = {number: scenario.with_({"warmup": f"{longest!r} s"}) for number, scenario in asking.items()}
    return {**scenarios, **found}


def _gathered(
    prepared: ReadyStudy, records: Records, progress: Callable[[float], None] | None
) -> tuple[dict[int, list[Draw]], dict[int, str], bool]:
    """The draws of every point, what failed, and whether the precision that was asked for is reached."""
    draws: dict[int, list[Draw]] = {number: [] for number in prepared.scenarios}
    failures = dict(prepared.impossible)
    open_points, done, reached = list(draws), 0, isinstance(prepared.study.replications, int)
    step = prepared.most if reached else ROUND
    while open_points and done < prepared.most:
        last = min(done + step, prepared.most)
        for record in told(records.run(open_points, done + 1, last), len(draws) * prepared.most, progress):
            if record.draw is None:
                failures[record.point] = record.error or "failed"
            else:
                draws[record.point].append(record.draw)
        done = last
        open_points = [number for number in open_points if number not in failures]
        if isinstance(prepared.study.replications, Until):
            alive = {number: taken for number, taken in draws.items() if number not in failures}
            open_points = still_open(prepared, prepared.study.replications, alive, open_points)
            reached = not open_points
    return draws, failures, reached


def _best(asked: Best | None, scenarios: Mapping[str, Scenario], workers: Executor) -> dict[str, Any] | None:
    """What the summary says of the best point, where that is asked for. Raises FigureError."""
    if asked is None:
        return None
    smallest = asked.prefer == "smallest"
    found = best_of(
        scenarios,
        asked.metric,
        asked.indifference,
        asked.probability,
        smallest=smallest,
        most=asked.max,
        executor=workers,
    )
    used = dict(zip(scenarios, found.selection.observations, strict=True))
    return {**asked.model_dump(), "system": found.system, "decided": found.decided, "replications": used}


def _stopping(asked: int | Until, reached: bool) -> dict[str, Any] | None:  # noqa: FBT001  a fact, not a switch
    if isinstance(asked, int):
        return None
    until = {**asked.figures, **{f"difference of {path}": target for path, target in asked.differences.items()}}
    return {"until": until, "least": LEAST, "most": asked.max, "reached": reached}


def _with_metrics(result: StudyResult, study: Study) -> StudyResult:
    """The result with the figures that its report shows, by the names of the summary. Raises FigureError."""
    if not result.samples:
        return result
    compare = study.compare.metrics if study.compare else ()
    asked = {path: result.resolve(path) for path in (*study.metrics, *compare)}
    usual = usual_figures(next(iter(result.samples.values())))
    shown = [asked[path] for path in (study.metrics or compare)] or usual
    differing = [asked[path] for path in compare] or shown
    return replace(result, metrics=tuple(shown), compared_metrics=tuple(differing))
