"""What a plan found: the answer, its neighbours, and every candidate that was looked at."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from analysis.capacity.candidate import Candidate
from analysis.capacity.constraint import Constraint
from analysis.statistics.intervals import Interval
from sim.whole_folder import written_whole

if TYPE_CHECKING:
    import pandas as pd

SCHEMA_VERSION = 1
HOURS_A_YEAR = 8766.0


@dataclass(frozen=True)
class PlanResult:
    """The outcome of a plan. `answer` is None where no candidate in the bounds keeps the promise."""

    name: str
    scenario: Mapping[str, Any]
    """Name, file and sha256 of the scenario."""
    seed: int
    confidence: float
    path: str
    """What was decided."""
    bounds: Mapping[str, int]
    constraints: tuple[Constraint, ...]
    minimise: str
    evaluated: tuple[Candidate, ...]
    """Ascending."""
    answer: Candidate | None
    step: int = 1
    description: str = ""
    rule: str = ""
    notes: tuple[str, ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)
    wall: float = 0.0

    @property
    def status(self) -> Literal["met", "too_close", "infeasible"]:
        """`too_close` where the replications allowed do not decide which candidate is the smallest."""
        if self.answer is None:
            return "too_close" if self.nearest.verdict == "undecided" else "infeasible"
        below = self._at(self.answer.value - self.step)
        return "too_close" if below is not None and below.verdict == "undecided" else "met"

    @property
    def nearest(self) -> Candidate:
        """The answer, or the candidate that came nearest to keeping the promise."""
        judged = [each for each in self.evaluated if each.judgements]
        return self.answer or max(judged or self.evaluated, key=lambda each: each.value)

    @property
    def shortfall(self) -> str:
        """Why there is no answer: the nearest miss and the constraint that binds."""
        found = self.nearest
        if not found.judgements:
            return f"{self.path} = {found.value} failed: {found.error}"
        tightest = found.binding
        reached = "an unknown figure" if tightest.estimate.mean is None else f"{tightest.estimate.mean:.4g}"
        kept = "is not kept" if tightest.verdict == "not_met" else "could not be decided"
        return (
            f"no {self.path} from {self.bounds['min']} to {self.bounds['max']} keeps the promise: at {found.value}, "
            f"the nearest, `{tightest.constraint.text}` {kept} ({reached} after {found.replications} replications)"
        )

    @property
    def frame(self) -> "pd.DataFrame":
        """One row a candidate and constraint: value, verdict, replications, constraint, estimate, low, high, limit."""
        import pandas as pd

        return pd.DataFrame(
            [
                {
                    self.path: candidate.value,
                    "verdict": candidate.verdict,
                    "replications": candidate.replications,
                    "constraint": judgement.constraint.text,
                    "estimate": judgement.estimate.mean,
                    "low": judgement.estimate.low,
                    "high": judgement.estimate.high,
                    "limit": judgement.constraint.limit,
                }
                for candidate in self.evaluated
                for judgement in candidate.judgements
            ]
        )

    def as_dict(self) -> dict[str, Any]:
        """The plan in the form of plan.json."""
        return {
            "schema_version": SCHEMA_VERSION,
            "plan": self.name,
            "description": self.description,
            "scenario": dict(self.scenario),
            "seed": self.seed,
            "confidence": self.confidence,
            "decision_variables": {self.path: dict(self.bounds)},
            "constraints": [_constraint(each) for each in self.constraints],
            "minimise": self.minimise,
            "recommended": [self._recommended()],
            "baseline": None,
            "runs_out_on": None,
            "order_by": None,
            "evaluated": [self._evaluated(each) for each in self.evaluated],
            "rule": self.rule,
            "notes": list(self.notes),
            "versions": dict(self.versions),
            "wall_s": self.wall,
        }

    def save(self, folder: str | Path, *, force: bool = False) -> Path:
        """Write the plan's files into a folder. Raises FileExistsError where it holds results, unless forced."""
        folder = Path(folder)
        with written_whole(folder, force=force) as partial:
            self.write(partial)
        return folder

    def write(self, folder: Path) -> None:
        """Write the plan's files into an empty folder."""
        (folder / "plan.json").write_text(json.dumps(self.as_dict(), indent=1, allow_nan=False), encoding="utf-8")

    def _recommended(self) -> dict[str, Any]:
        found = self.nearest
        objective = self._objective(found)
        cost = None if found.sample is None else found.sample.estimate("fleet.cost_usd_per_h").mean
        promises = [
            {"constraint": each.constraint.text, "replications": found.replications, **each.as_dict()}
            for each in found.judgements
        ]
        binding = None
        if found.judgements:
            binding = {"constraint": found.binding.constraint.text, "margin": found.binding.as_dict()["margin"]}
        return {
            "period": None,
            "alternative": None,
            "decided": None if self.answer is None else dict(found.decided),
            "nearest": dict(found.decided),
            "status": self.status,
            "attainment": promises,
            "cost_usd_per_year": None if cost is None else cost * HOURS_A_YEAR,
            "objective": {"metric": self.minimise, **(_interval(objective) or {})},
            "binding": binding,
            "one_less": self._neighbour(found.value - self.step),
            "one_more": self._neighbour(found.value + self.step),
        }

    def _neighbour(self, value: int) -> dict[str, Any] | None:
        found = self._at(value)
        if found is None or not found.judgements:
            return None
        tightest = found.binding
        return {
            "decided": dict(found.decided),
            "verdict": found.verdict,
            "constraint": tightest.constraint.text,
            "estimate": tightest.estimate.mean,
            "low": tightest.estimate.low,
            "high": tightest.estimate.high,
        }

    def _evaluated(self, candidate: Candidate) -> dict[str, Any]:
        return {
            "decided": dict(candidate.decided),
            "verdict": candidate.verdict,
            "replications": candidate.replications,
            "constraints": [each.as_dict() for each in candidate.judgements],
            "objective": _interval(self._objective(candidate)),
            "error": candidate.error,
        }

    def _objective(self, candidate: Candidate) -> Interval | None:
        return candidate.objective(self.minimise)

    def _at(self, value: int) -> Candidate | None:
        return next((each for each in self.evaluated if each.value == value), None)


def _constraint(constraint: Constraint) -> dict[str, Any]:
    kind = "share" if constraint.block else "mean"
    return {
        "text": constraint.text,
        "metric": constraint.metric,
        "operator": constraint.operator,
        "limit": constraint.limit,
        "kind": kind,
    }


def _interval(found: Interval | None) -> dict[str, Any] | None:
    return None if found is None else {"mean": found.mean, "low": found.low, "high": found.high}
