"""From a study file to scenarios: what is wrong shows here, before anything runs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from analysis.documents import path_problems, placed, scenario_of, validated
from analysis.studies.design import DesignError, Level, Point, levels_of, points, span
from analysis.studies.study_file import Span, Study, Until
from sim.scenario import Problem, Scenario, ScenarioError, paths
from sim.scenario.document import Document


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
