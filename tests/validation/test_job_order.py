"""Jobs that overtake, interrupt and fail, in whole runs, against closed forms: theory, measured, interval, z."""

import sys

import pytest

from analysis import queueing, verify
from analysis.verify import job_order

PARETO = queueing.bounded_pareto_sizes(1.5, 1.0, 1000.0)
MODELS = {
    "priorities": lambda: job_order.priorities(preempts=False),
    "preemptive priorities": lambda: job_order.priorities(preempts=True),
    "fixed lengths": lambda: job_order.priorities(preempts=False, scvs=(0.0, 0.0)),
    "fixed lengths, preemptive": lambda: job_order.priorities(preempts=True, scvs=(0.0, 0.0)),
    "many": job_order.many_preemptive,
    "shortest remaining": lambda: job_order.shortest_remaining(
        "exponential", 0.8, {"exponential": {"mean": "1 s"}}, queueing.hyperexponential_sizes([1.0], [1.0])
    ),
    "shortest remaining, heavy tail": lambda: job_order.shortest_remaining(
        "bounded Pareto",
        0.7 / PARETO.first(1000.0),
        {"bounded_pareto": {"alpha": 1.5, "low": "1 s", "high": "1000 s"}},
        PARETO,
    ),
    "least attained": job_order.least_attained,
    "failures": job_order.failures_and_checkpoints,
}
LONGER = {"priorities": 4.0, "preemptive priorities": 4.0, "many": 4.0}
"""By how much longer than in `fleetsim verify` some must run for a verdict."""


def compare(name, longer):
    found = verify.verify([MODELS[name]()], seed=7, longer=longer)
    for each in found.comparisons:
        interval = f"{each.mean - each.half_width:.5g} to {each.mean + each.half_width:.5g}"
        sys.stdout.write(
            f"\n{each.model}, {each.figure.name}: {each.theory:.5g}, {each.mean:.5g}, {interval}, {each.z:+.1f}"
        )
    assert not found.broken
    return found.comparisons


def test_formulas_give_what_was_computed_elsewhere():
    exponential = queueing.hyperexponential_sizes([1.0], [1.0])
    assert queueing.shortest_remaining_response(0.8, exponential) == pytest.approx(2.3527732720, rel=1e-9)
    found = queueing.shortest_remaining_response(0.7 / PARETO.first(1000.0), PARETO)
    assert found == pytest.approx(5.1626912213, rel=1e-9)
    fine = [level / 50 for level in range(1, 1500)]
    assert queueing.least_attained_response(0.8, exponential, fine) == pytest.approx(5.0, rel=1e-9)
    assert queueing.preemptive_responses([0.3, 0.4], [1.0, 1.25], [1.0, 1.0]) == pytest.approx(
        [1.4285714286, 8.3928571429]
    )
    assert queueing.preemptive_responses([0.3, 0.4], [1.0, 1.25], [0.0, 0.0])[1] == pytest.approx(5.0892857143)
    assert queueing.mmc_preemptive_responses([3.0, 6.0], 1.0, 10) == pytest.approx([1.0001653279, 2.0030146222])
    assert job_order.checkpointed_hours(100.0, 2.0, 0.1, 0.25, 24.0) == pytest.approx(110.8797196345, rel=1e-9)


@pytest.mark.parametrize("name", ["preemptive priorities", "least attained"])
def test_shorter(name):
    assert all(abs(each.z) <= 4.0 for each in compare(name, 0.25))


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
def test_within_four_standard_errors(name):
    for each in compare(name, LONGER.get(name, 1.0)):
        assert abs(each.z) <= 4.0
        assert each.error < 0.03 * each.theory, "too few jobs for a verdict"
