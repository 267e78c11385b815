"""`analysis.plan`: from a plan to the smallest fleet that keeps its promise."""

import time
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from analysis.capacity.bracket import first_guess
from analysis.capacity.candidate import Candidate, Rule, evaluate
from analysis.capacity.constraint import Constraint, ConstraintError, read_constraint
from analysis.capacity.plan_file import Bounds, PlanFile
from analysis.capacity.result import PlanResult
from analysis.capacity.search import smallest_met
from analysis.documents import open_document, overrides_placed, path_problems, scenario_facts, scenario_of, validated
from analysis.replications import replication_seeds
from analysis.workers import worker_pool
from sim.scenario import Problem, Scenario, ScenarioError, paths
from sim.scenario.document import Document
from sim.summary import versions


@dataclass(frozen=True)
class Question:
    """A plan that is ready to be worked out: its scenario, and what it asks."""

    file: PlanFile
    document: Document
    scenario: Scenario
    scenario_file: str | None
    path: str
    bounds: Bounds
    constraints: tuple[Constraint, ...]

    def scenario_at(self, value: int) -> Scenario:
        """The scenario of one candidate. Raises ScenarioError."""
        with overrides_placed(self.document, {self.path: ("decision_variables", self.path)}):
            return self.scenario.with_({self.path: value})

    @property
    def promised(self) -> frozenset[str]:
        """The services and streams that constraints name; all of them where none is named."""
        owners = frozenset(self.scenario.services) | frozenset(self.scenario.training)
        named = [paths.resolve(each.metric, {})[:2] for each in self.constraints]
        return owners & {str(path[-1]) for path in named if path[0] in ("services", "training")} or owners

    @property
    def rule(self) -> Rule:
        """How a candidate is decided."""
        return Rule(self.constraints, self.file.replications.sizes, 1.0 - self.file.confidence)


def plan(
    source: str | Path | Mapping[str, Any],
    *,
    scenario: Scenario | None = None,
    bracket: bool = True,
    seed: int | None = None,
    jobs: int | None = None,
    executor: Executor | None = None,
    progress: Callable[[str], None] | None = None,
) -> PlanResult:
    """Work out a plan file, or a mapping of the same form; `scenario` stands for the one that it names.

    `bracket` begins the search where the square-root staffing rule points, else in the middle. `seed` replaces the
    scenario's own; `jobs` is the number of processes (default: one a processor), of which the result does not depend;
    `executor` runs the replications instead; `progress` hears what is being looked at. Raises ScenarioError for what is
    wrong with the input, and FigureError for a path that is no figure.
    """
    question = ready(open_document(source), scenario=scenario, seed=seed)
    return work_out(question, bracket=bracket, jobs=jobs, executor=executor, progress=progress)


def ready(document: Document, *, scenario: Scenario | None = None, seed: int | None = None) -> Question:
    """Check a plan and the scenarios at the ends of its bounds. Raises ScenarioError."""
    file = validated(PlanFile, document)
    named = None if scenario is not None else file.scenario
    scenario = scenario or scenario_of(document, file.scenario)
    own = file.seed if seed is None else seed
    if own is not None:
        scenario = scenario.with_({"seed": own})
    path, bounds = file.decision
    question = Question(file, document, scenario, named, path, bounds, _constraints(document, file, scenario))
    if wrong := path_problems(document, scenario, path, ("decision_variables", path)):
        raise ScenarioError(wrong)
    question.scenario_at(bounds.values[0])
    question.scenario_at(bounds.values[-1])
    return question


def work_out(
    question: Question,
    *,
    bracket: bool = True,
    jobs: int | None = None,
    executor: Executor | None = None,
    progress: Callable[[str], None] | None = None,
) -> PlanResult:
    """Find the smallest candidate that is met, and look at its neighbours. Raises ScenarioError and FigureError."""
    began = time.perf_counter()
    with nullcontext(executor) if executor else worker_pool(jobs) as workers:
        asked = _Asked(question, workers, progress)
        values = question.bounds.values
        middle = values[len(values) // 2]
        begin = first_guess(values, question.scenario_at, question.promised) if bracket else middle
        found = smallest_met(values, asked, begin)
        answer, notes = (None, ()) if found is None else asked.cheapest_from(found)
    result = PlanResult(
        name=question.file.plan,
        scenario=scenario_facts(question.scenario, question.scenario_file),
        seed=question.scenario.seed,
        confidence=question.file.confidence,
        path=question.path,
        bounds=question.bounds.model_dump(),
        constraints=question.constraints,
        minimise=question.file.minimise,
        evaluated=tuple(asked.known[value] for value in sorted(asked.known)),
        answer=None if answer is None else asked.known[answer],
        step=question.bounds.step,
        description=question.file.description,
        rule=_words(question),
        notes=notes,
        versions=versions(),
    )
    return replace(result, wall=time.perf_counter() - began)


class _Asked:
    """The candidates that have been looked at."""

    def __init__(self, question: Question, workers: Executor, progress: Callable[[str], None] | None) -> None:
        self.question, self.workers, self.progress = question, workers, progress
        self.seeds = replication_seeds(question.scenario.seed, question.rule.looks[-1])
        self.known: dict[int, Candidate] = {}

    def __call__(self, value: int) -> Candidate:
        """The candidate of a value, looked at once."""
        if value not in self.known:
            question = self.question
            scenario = question.scenario_at(value)

            def told(done: int) -> None:
                if self.progress:
                    self.progress(f"{question.path} = {value}: {done} replications")

            found = evaluate(scenario, {question.path: value}, question.rule, self.seeds, self.workers, told)
            if not self.known and found.sample is None:
                raise ScenarioError([Problem("", 0, 0, f"{question.path} = {value}", found.error or "it failed")])
            if found.sample is not None:
                self._check_objective(scenario, found)
            self.known[value] = found
        return self.known[value]

    def cheapest_from(self, value: int) -> tuple[int, tuple[str, ...]]:
        """The candidate of the least objective from the smallest that is met on, and what there is to say of it.

        Costs rise with the fleet, so this is nearly always the smallest; where they do not, the search goes up as long
        as the objective falls.
        """
        values, notes = self.question.bounds.values, tuple[str, ...]()
        place, metric = values.index(value), self.question.file.minimise
        while place + 1 < len(values):
            here, above = (self(values[at]).objective(metric) for at in (place, place + 1))
            if here is None or above is None or here.mean is None or above.mean is None or above.mean >= here.mean:
                break
            if self.known[values[place + 1]].verdict != "met":
                break
            place += 1
        if values[place] != value:
            notes = (f"{metric} still falls beyond {value}, the smallest that keeps the promise",)
        if place > 0:
            self(values[place - 1])
        return values[place], notes

    def _check_objective(self, scenario: Scenario, found: Candidate) -> None:
        """What is minimised must be known. Raises ScenarioError with the row that is not."""
        objective = found.objective(self.question.file.minimise)
        if objective is not None and objective.mean is not None:
            return
        hint = "minimise another figure"
        if "cost" in self.question.file.minimise:
            unpriced = [name for name, pool in scenario.pools.items() if pool.price is None]
            rows = [f"pools.{name}.price (accelerator {scenario.pools[name].accelerator})" for name in unpriced]
            hint = f"say {' and '.join(rows)}" if rows else hint
        message = f"`{self.question.file.minimise}` is unknown"
        raise ScenarioError([self.question.document.problem(("minimise",), message, hint)])


def _constraints(document: Document, file: PlanFile, scenario: Scenario) -> tuple[Constraint, ...]:
    """The constraints with the paths of the summary. Raises ScenarioError with all that cannot be read."""
    named = {"services": scenario.services, "training": scenario.training}
    named |= {"pools": scenario.pools, "sites": scenario.sites}
    sections: dict[str, dict[str, Any]] = {kind: {name: {} for name in names} for kind, names in named.items()}
    found, problems = [], []
    for place, text in enumerate(file.subject_to):
        try:
            constraint = read_constraint(text)
            metric = paths.join(paths.resolve(constraint.metric, sections))
            found.append(replace(constraint, metric=metric))
        except ConstraintError as error:
            problems.append(document.problem(("subject_to", place), str(error), error.hint))
        except paths.PathError as error:
            problems.append(document.problem(("subject_to", place), str(error)))
    if problems:
        raise ScenarioError(problems)
    return tuple(found)


def _words(question: Question) -> str:
    """The rule in words, for the report."""
    rule = question.rule
    return (
        f"More {question.path} is taken never to do worse, so the smallest value that keeps every constraint is found "
        f"by striding and halving. A candidate is replicated {rule.looks[0]} times, and twice as often at each further "
        f"look up to {rule.looks[-1]}, all candidates with the same random numbers, until every constraint is surely "
        f"met or one is surely not; each of the {len(rule.looks)} looks may be wrong with a probability of "
        f"{rule.error / len(rule.looks):.2g}, half of it each way, so that the whole decision is right with "
        f"{question.file.confidence:.4g}. A limit on a quantile is decided on the share beyond the limit."
    )
