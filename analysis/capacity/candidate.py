"""One candidate of a plan: replications at growing looks until its promise is decided.

The error that the plan may make is spent over the looks, and both ways: a candidate that keeps the promise may be
turned down, or one that breaks it taken.
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import Any, Literal

from analysis.capacity.constraint import Constraint, Judgement
from analysis.replications import settled
from analysis.sample import Sample
from analysis.statistics.intervals import Interval
from analysis.studies.records import Records
from analysis.workers import Draw, sample_of
from sim.scenario import Scenario


@dataclass(frozen=True)
class Candidate:
    """What is known of one candidate."""

    decided: Mapping[str, int]
    verdict: Literal["met", "not_met", "undecided", "failed"]
    judgements: tuple[Judgement, ...] = ()
    sample: Sample | None = field(default=None, repr=False)
    error: str | None = None

    @property
    def value(self) -> int:
        """The value of the one decision."""
        [value] = self.decided.values()
        return value

    @property
    def replications(self) -> int:
        """How many there were."""
        return 0 if self.sample is None else len(self.sample)

    @property
    def binding(self) -> Judgement:
        """The constraint that is broken, else the one with the least room."""
        order = {"not_met": 0, "undecided": 1, "met": 2}
        return min(self.judgements, key=lambda each: (order[each.verdict], each.margin))

    def objective(self, metric: str) -> Interval | None:
        """The figure that is minimised."""
        return None if self.sample is None else self.sample.estimate(metric)


@dataclass(frozen=True)
class Rule:
    """How a candidate is decided: constraints, the looks, and the probability of a wrong answer in all."""

    constraints: tuple[Constraint, ...]
    looks: Sequence[int]
    error: float

    def judge(self, sample: Sample) -> tuple[tuple[Judgement, ...], Literal["met", "not_met", "undecided"]]:
        """The judgements at one look, and what follows: all met, one surely not, or neither yet.

        Half of the error goes to each side. For all to be met each must be, so none needs a correction; one of
        several not met is found at its share of the error.
        """
        each = self.error / (2 * len(self.looks))
        met = [constraint.judge(sample, each) for constraint in self.constraints]
        if all(judgement.verdict == "met" for judgement in met):
            return tuple(met), "met"
        broken = [constraint.judge(sample, each / len(self.constraints)) for constraint in self.constraints]
        if any(judgement.verdict == "not_met" for judgement in broken):
            return tuple(broken), "not_met"
        return tuple(met), "undecided"


def evaluate(
    scenario: Scenario,
    decided: Mapping[str, int],
    rule: Rule,
    seeds: tuple[int, ...],
    workers: Executor,
    told: Callable[[int], None] | None = None,
) -> Candidate:
    """Replicate a candidate's scenario until it is decided, or the looks are used up. Raises FigureError.

    `told` hears of each replication that is done.
    """
    if scenario.warmup == "auto":
        scenario, _ = settled(scenario, workers)
    records = Records({1: scenario}, seeds, workers, limits=_limits(rule.constraints))
    draws: list[Draw] = []
    found: Any = ((), "undecided")
    for look in rule.looks:
        for record in records.run([1], len(draws) + 1, look):
            if record.draw is None:
                return Candidate(decided, "failed", error=record.error)
            draws.append(record.draw)
            if told:
                told(len(draws))
        sample = sample_of(draws)
        found = rule.judge(sample)
        if found[1] != "undecided":
            break
    return Candidate(decided, found[1], found[0], sample_of(draws))


def _limits(constraints: Sequence[Constraint]) -> dict[str, list[float]]:
    """The limits that a run has to count, by the path of their block."""
    limits: dict[str, list[float]] = {}
    for constraint in constraints:
        if constraint.block:
            limits.setdefault(constraint.block, []).append(constraint.limit)
    return limits
