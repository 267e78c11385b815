"""`analysis.sweep`: from a study to its result."""

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from analysis.documents import open_document, path_problems, placed, scenario_of, validated
from analysis.replications import settled
from analysis.sample import Sample, usual_figures
from analysis.statistics.intervals import Interval
from analysis.statistics.stopping import LEAST, Precision, enough, look_ahead
from analysis.studies.design import DesignError, Level, Point, levels_of, points, span
from analysis.studies.records import Records, seeds_for, told
from analysis.studies.result import StudyResult, scenario_facts
from analysis.studies.study_file import Compare, Span, Study, Until
from analysis.workers import Draw, sample_of, worker_pool
from sim.scenario import Problem, Scenario, ScenarioError, paths
from sim.scenario.document import Document
from sim.summary import versions

ROUND = 5
"""Replications of every open point that run together while it is still open how many are needed."""


@dataclass(frozen=True)
class ReadyStudy:
    """A study that is ready to run: scenarios by number of point, all of them checked."""

    study: Study
    scenario: Scenario
    file: str | None
    points: tuple[Point, ...]
    scenarios: Mapping[int, Scenario]
    impossible: Mapping[int, str]
    """What is wrong with the points that have no scenario: values that do not go together."""

    @property
    def most(self) -> int:
        """Replications of a point at the most."""
        asked = self.study.replications
        return asked if isinstance(asked, int) else asked.max


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


def ready(document: Document, *, scenario: Scenario | None = None, seed: int | None = None) -> ReadyStudy:
    """Check a study and the scenarios of all its points. Raises ScenarioError."""
    study = validated(Study, document)
    file = None if scenario is not None else study.scenario
    scenario = scenario or scenario_of(document, study.scenario)
    own = study.seed if seed is None else seed
    if own is not None:
        scenario = scenario.with_({"seed": own})
    try:
        vary = {path: _levels(path, values) for path, values in study.vary.items()}
        found = points(vary, study.design)
    except DesignError as error:
        place = ("vary", error.path) if error.path else ("design",)
        raise ScenarioError([document.problem(place, str(error))]) from None
    wrong = [problem for path in vary for problem in path_problems(document, scenario, path, ("vary", path))]
    wrong += _baseline_problems(document, study, found)
    scenarios, impossible = _scenarios(document, scenario, found, wrong)
    return ReadyStudy(study, scenario, file, found, scenarios, impossible)


def run(
    prepared: ReadyStudy,
    *,
    jobs: int | None = None,
    executor: Executor | None = None,
    progress: Callable[[float], None] | None = None,
) -> StudyResult:
    """Run a study that is ready. Raises FigureError for a metric that no point has."""
    began = time.perf_counter()
    seeds = seeds_for(prepared.scenario, prepared.most)
    with nullcontext(executor) if executor else worker_pool(jobs) as workers:
        records = Records(_settled(prepared.scenarios, workers), seeds, workers)
        draws, failures, reached = _gathered(prepared, records, progress)
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
        versions=versions(),
        wall=time.perf_counter() - began,
    )
    return _with_metrics(result, prepared.study)


def _sample(prepared: ReadyStudy, taken: Sequence[Draw]) -> Sample:
    """The replications of a point; what is varied is its own column and no figure beside it."""
    sample = sample_of(taken)
    return replace(sample, figures={path: v for path, v in sample.figures.items() if path not in prepared.study.vary})


def _scenarios(
    document: Document, scenario: Scenario, found: Sequence[Point], known: Sequence[Problem]
) -> tuple[dict[int, Scenario], dict[int, str]]:
    """The scenarios of the points, and what is wrong with combinations that make none.

    Raises ScenarioError with the problems that are known and those of values that are wrong by themselves, all at once,
    and where no combination makes sense.
    """
    scenarios: dict[int, Scenario] = {}
    impossible: dict[int, str] = {}
    wrong = dict.fromkeys(known)
    for point in found:
        places: dict[str, paths.Path] = {path: ("vary", path) for path in point.overrides}
        try:
            scenarios[point.number] = scenario.with_(point.overrides)
        except ScenarioError as error:
            problems = [placed(problem, document, places) for problem in error.problems]
            wrong |= dict.fromkeys(problem for problem in problems if problem not in error.problems)
            impossible[point.number] = str(error)
    if wrong:
        raise ScenarioError(list(wrong))
    if not scenarios:
        problem = document.problem(("vary",), f"no point makes a scenario, such as {found[0].label}: {impossible[1]}")
        raise ScenarioError([problem])
    return scenarios, impossible


def _levels(path: str, values: Span | list[Any]) -> tuple[Level, ...]:
    return span(values.from_, values.to, values.steps, path) if isinstance(values, Span) else levels_of(values, path)


def _baseline_problems(document: Document, study: Study, found: Sequence[Point]) -> list[Problem]:
    """A baseline names varied paths, and values that they have."""
    if study.compare is None:
        if not isinstance(study.replications, Until) or not study.replications.differences:
            return []
        place = ("replications", "until", "difference")
        return [document.problem(place, "a difference needs `compare: {baseline: ...}`")]
    problems = []
    for path, value in study.compare.baseline.items():
        label = levels_of([value], path)[0].label
        known = list(dict.fromkeys(point.labels[path] for point in found if path in point.labels))
        if label not in known:
            place = ("compare", "baseline", path)
            hint = f"it has {', '.join(map(str, known))}" if known else f"varied are {', '.join(found[0].labels)}"
            problems.append(document.problem(place, f"`{label}` is no value of the study", hint))
    return problems


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
            open_points = _still_open(prepared, prepared.study.replications, alive, open_points)
            reached = not open_points
    return draws, failures, reached


def _still_open(
    prepared: ReadyStudy, until: Until, draws: Mapping[int, list[Draw]], open_points: Sequence[int]
) -> list[int]:
    """The points that need more; those that are done keep as many replications as the rule asks for."""
    samples = {number: sample_of(taken) for number, taken in draws.items()}
    if until.differences and prepared.study.compare is not None:
        precise = _differences_reached(prepared, prepared.study.compare, until, samples)
        if not precise:
            return list(open_points)
    still = []
    for number in open_points:
        needed = _needed(samples[number], until) if until.figures else len(draws[number])
        if needed is None:
            still.append(number)
        elif not until.differences:
            del draws[number][needed:]
    return still


def _needed(sample: Sample, until: Until) -> int | None:
    """The first number of replications at which the stopping rule holds; None where it does not yet."""
    precision = Precision(until.figures, until.max)
    intervals: dict[str, list[Interval]] = {path: [] for path in until.figures}
    for n in range(1, len(sample) + 1):
        for path, found in intervals.items():
            found.append(sample.first(n).estimate(path))
        if enough(precision, intervals):
            return n
    return None


def _differences_reached(prepared: ReadyStudy, compare: Compare, until: Until, samples: Mapping[int, Sample]) -> bool:
    """Whether each difference's half-width is within its share of the baseline's figure, throughout the look-ahead."""
    n = min(len(sample) for sample in samples.values())
    if n < LEAST + look_ahead(LEAST):
        return False
    looks = range(n - look_ahead(LEAST), n + 1)
    return all(_differences_within(prepared, compare, until, samples, look) for look in looks)


def _differences_within(
    prepared: ReadyStudy, compare: Compare, until: Until, samples: Mapping[int, Sample], n: int
) -> bool:
    result = _bare(prepared, {number: sample.first(n) for number, sample in samples.items()})
    table = result.compare(compare.baseline, list(until.differences))
    half = (table["high"] - table["low"]) / 2
    return bool((half <= table["metric"].map(until.differences) * table["baseline"].abs()).all())


def _bare(prepared: ReadyStudy, samples: Mapping[int, Sample]) -> StudyResult:
    failures = {point.number: "failed" for point in prepared.points if point.number not in samples}
    return StudyResult(prepared.study.study, {}, prepared.points, samples, failures)


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
