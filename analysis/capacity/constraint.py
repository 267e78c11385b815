"""A promise about one figure of the summary, and whether replications show that it is kept.

A limit on a quantile is decided on the share of requests or jobs beyond the limit: an average over all of them, and so
unbiased and nearly normal, where quantiles of single replications are neither.
"""

import math
import re
from dataclasses import dataclass
from typing import Any, Literal

from analysis.sample import QUANTILES, Sample, over, plain
from analysis.statistics.intervals import Interval
from sim import units

Verdict = Literal["met", "not_met", "undecided"]
_FORM = re.compile(r"\s*(?P<metric>[^<>=\s]+)\s*(?P<operator><=|>=)\s*(?P<limit>[^<>=]+?)\s*")
_STATISTICS = frozenset({"mean", "sd", "max", "peak", *QUANTILES})


class ConstraintError(ValueError):
    """A constraint that cannot be read; `hint` says how to write it."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


@dataclass(frozen=True)
class Constraint:
    """`metric operator limit`, the limit in the unit of the metric (seconds, watts, a share)."""

    text: str
    metric: str
    operator: Literal["<=", ">="]
    limit: float

    @property
    def block(self) -> str:
        """The block of durations whose share beyond the limit decides; empty where the figure itself does."""
        block, _, name = self.metric.rpartition(".")
        return block if name in QUANTILES and self.operator == "<=" else ""

    @property
    def allowed(self) -> float:
        """The share that may lie beyond the limit, where that decides."""
        return 1.0 - QUANTILES[self.metric.rpartition(".")[2]]

    def judge(self, sample: Sample, error: float) -> "Judgement":
        """What replications say of the constraint; each side is wrong with probability `error` at most."""
        level = 1.0 - 2.0 * error
        estimate = sample.estimate(self.metric)
        if estimate.mean is None:  # an unknown figure, a quantile beyond the censoring: no promise is kept by it
            return Judgement(self, estimate, None, "not_met")
        if self.block:
            share = _share_over(sample, over(self.block, self.limit), error)
            return Judgement(self, estimate, share, _verdict(share, self.allowed, "<="))
        return Judgement(self, estimate, None, _verdict(sample.estimate(self.metric, level), self.limit, self.operator))


@dataclass(frozen=True)
class Judgement:
    """A figure with its 95 % interval, the share beyond the limit where that decides, and the verdict."""

    constraint: Constraint
    estimate: Interval
    share_over: Interval | None
    verdict: Verdict

    @property
    def margin(self) -> float:
        """How far the figure lies on the right side of its limit, relative to the limit; -inf where it is unknown."""
        limit, found = self.constraint.limit, self.estimate.mean
        if found is None:
            return -math.inf
        room = limit - found if self.constraint.operator == "<=" else found - limit
        return room / abs(limit) if limit else room

    def as_dict(self) -> dict[str, Any]:
        """The judgement as plan.json holds it."""
        share = self.share_over
        over_limit = None
        if share is not None:
            over_limit = {"estimate": share.mean, "low": share.low, "high": share.high}
            over_limit["allowed"] = self.constraint.allowed
        return {
            "text": self.constraint.text,
            "metric": self.constraint.metric,
            "limit": self.constraint.limit,
            "estimate": self.estimate.mean,
            "low": self.estimate.low,
            "high": self.estimate.high,
            "share_over": over_limit,
            "margin": self.margin if math.isfinite(self.margin) else None,
            "verdict": self.verdict,
        }


def read_constraint(text: str) -> Constraint:
    """The constraint in a text such as `services.chat.ttft_s.p99 <= 2 s`. Raises ConstraintError."""
    match = _FORM.fullmatch(text)
    if match is None:
        raise ConstraintError(f"`{text}` is not a constraint", "such as `services.chat.ttft_s.p99 <= 2 s`")
    metric, operator = match["metric"], match["operator"]
    limit = _limit(metric, match["limit"])
    if plain(metric).rpartition(".")[2] in QUANTILES and operator == ">=":
        raise ConstraintError(f"`{text}`: a quantile is limited from above", "write `<=`")
    return Constraint(text.strip(), metric, operator, limit)  # type: ignore[arg-type]  # the form has only these two


def _limit(metric: str, text: str) -> float:
    """A number in the unit of the metric, a quantity, or a percentage."""
    if text.endswith("%"):
        return _number(metric, text.removesuffix("%").strip()) / 100.0
    segments = plain(metric).split(".")
    name = segments[-2] if segments[-1] in _STATISTICS and len(segments) > 1 else segments[-1]
    for ending, dimension in _DIMENSIONS.items():
        if name.endswith(ending) and not _is_number(text):
            try:
                return units.parse(text, dimension)
            except units.UnitError as error:
                raise ConstraintError(f"{metric}: {error.message}", error.hint) from None
    return _number(metric, text)


_DIMENSIONS: dict[str, units.Dimension] = {"per_s": "rate", "_s": "time", "_w": "power"}


def _number(metric: str, text: str) -> float:
    if not _is_number(text):
        raise ConstraintError(f"{metric}: `{text}` is not a number", "in the unit that the figure's name says")
    return float(text)


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _share_over(sample: Sample, path: str, error: float) -> Interval:
    """The share beyond the limit, each end wrong with probability `error` at most.

    Where nothing lay beyond it in any replication the upper end is that of n counted without one, 1 - error**(1/n):
    no spread is not certainty.
    """
    found = sample.estimate(path, 1.0 - 2.0 * error)
    counted = sample.counted_behind(path)
    if found.mean == 0.0 and counted > 0:
        return Interval(0.0, 0.0, -math.expm1(math.log(error) / counted), found.level, found.method, found.n)
    return found


def _verdict(found: Interval, limit: float, operator: str) -> Verdict:
    if found.flagged or found.low is None or found.high is None:
        return "undecided"
    below, above = found.high <= limit, found.low > limit
    if operator == ">=":
        below, above = found.low >= limit, found.high < limit
    return "met" if below else "not_met" if above else "undecided"
