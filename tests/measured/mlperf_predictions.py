"""Server runs predicted from Offline runs: two constants a benchmark, beside a constant predictor.

The two are fitted to all pairs of the benchmark, and, for a prediction that knows nothing of what it predicts, to the
others only. A benchmark with one pair has no others: then, and for the constant predictor, they are all other pairs
that limit whole answers, relative to the limit.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from statistics import median

from analysis.workers import worker_pool
from tests.measured.mlperf import Pair, pairs
from tests.measured.mlperf_service import Outcome, Tuning, predict

OVERHEADS = (0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.6, 0.8)
BATCHES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.75, 0.9, 1.0)
TUNINGS = tuple(Tuning(overhead, batch) for overhead, batch in product(OVERHEADS, BATCHES))


@dataclass(frozen=True)
class Prediction:
    """One pair: what its Offline run and the other pairs say of its Server run."""

    pair: Pair
    tuning: Tuning
    """What fits the other pairs."""
    outcome: Outcome
    fitted: Outcome
    """The same with what fits all pairs of the benchmark, this one among them."""
    constant: Outcome
    """The median of the other pairs: of p99, and of the Server rate over the Offline rate."""

    @property
    def error(self) -> Outcome:
        """Predicted over measured, less 1."""
        return _error(self.outcome, self.pair)

    @property
    def fitted_error(self) -> Outcome:
        """The same of constants that knew this pair."""
        return _error(self.fitted, self.pair)

    @property
    def constant_error(self) -> Outcome:
        """The same of the constant predictor."""
        return _error(self.constant, self.pair)


def predictions() -> list[Prediction]:
    """Predict every pair by the constants that fit the others best."""
    known = pairs()
    tasks = [(pair, tuning, others_of(pair, known)) for pair in known for tuning in TUNINGS]
    with worker_pool(None) as workers:
        found = list(workers.map(predict, *zip(*tasks, strict=True), chunksize=len(TUNINGS) // 4))
    outcomes = {(id(pair), tuning): outcome for (pair, tuning, _), outcome in zip(tasks, found, strict=True)}
    return [_prediction(pair, known, outcomes) for pair in known]


def _error(predicted: Outcome, pair: Pair) -> Outcome:
    return Outcome(predicted.p99 / pair.p99 - 1, predicted.rate / pair.rate - 1)


def others_of(pair: Pair, known: Sequence[Pair]) -> list[Pair]:
    """Pick the other pairs of the benchmark; where there is none, those of all benchmarks of the kind."""
    others = [other for other in known if other is not pair]
    same = [other for other in others if other.benchmark == pair.benchmark]
    return same or [other for other in others if other.kind == pair.kind]


def _prediction(pair: Pair, known: Sequence[Pair], outcomes: dict[tuple[int, Tuning], Outcome]) -> Prediction:
    def best_for(some: Sequence[Pair]) -> Tuning:
        def misfit(tuning: Tuning) -> float:
            found = [(each, outcomes[id(each), tuning]) for each in some]
            return median(abs(math.log(outcome.p99 / each.p99)) for each, outcome in found) + median(
                abs(math.log(outcome.rate / each.rate)) for each, outcome in found
            )

        return min(TUNINGS, key=misfit)

    others = others_of(pair, known)
    tuning, fitted = best_for(others), best_for([each for each in known if each.benchmark == pair.benchmark])
    constant = Outcome(
        median(other.p99 / other.limit for other in others) * pair.limit,
        median(other.rate / other.capacity for other in others) * pair.capacity,
    )
    return Prediction(pair, tuning, outcomes[id(pair), tuning], outcomes[id(pair), fitted], constant)
