"""Which points of a study need more replications for the precision that was asked for."""

from collections.abc import Mapping, Sequence

from analysis.sample import Sample
from analysis.statistics.intervals import Interval
from analysis.statistics.stopping import LEAST, Precision, enough, look_ahead
from analysis.studies.preparing import ReadyStudy
from analysis.studies.result import StudyResult
from analysis.studies.study_file import Compare, Until
from analysis.workers import Draw, sample_of


def still_open(
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
