"""The job plane equals a plain model of the same rules, spell by spell, whatever jobs come."""

import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from oracles import job_schedulers
from oracles.job_plane import expected, outcome, run_plane
from oracles.jobs import Checkpoints, Failure, simulate

from sim.policies.backfill import EasyBackfill
from sim.policies.conservative import ConservativeBackfill
from sim.policies.least_attained import Las
from sim.policies.scheduling import Fifo, FifoFirstFit, Priority, Sjf, Srsf, Srtf

EXAMPLES = int(os.environ.get("FLEETSIM_EXAMPLES", "40"))
SETTINGS = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
THRESHOLDS = [4.0, 9.0]
SCHEDULERS = {
    "fifo": (Fifo, lambda: job_schedulers.fifo),
    "fifo_first_fit": (FifoFirstFit, lambda: job_schedulers.fifo_first_fit),
    "sjf": (Sjf, lambda: job_schedulers.sjf),
    "priority": (Priority, lambda: job_schedulers.priority),
    "priority, preemptive": (lambda: Priority(preempts=True), lambda: job_schedulers.priority_preemptive),
    "srtf": (Srtf, lambda: job_schedulers.srtf),
    "srsf": (Srsf, lambda: job_schedulers.srsf),
    "las": (lambda: Las([f"{each} s" for each in THRESHOLDS]), lambda: job_schedulers.Las(THRESHOLDS)),
    "las by accelerator-time": (
        lambda: Las([f"{each} s" for each in THRESHOLDS], by="accelerator_time"),
        lambda: job_schedulers.Las(THRESHOLDS, by="accelerator_time"),
    ),
    "easy_backfill": (EasyBackfill, lambda: job_schedulers.easy_backfill),
    "conservative_backfill": (ConservativeBackfill, lambda: job_schedulers.conservative_backfill),
}
PREEMPTIVE = ["priority, preemptive", "srtf", "srsf", "las", "las by accelerator-time"]
BACKFILLING = {"easy_backfill": EasyBackfill, "conservative_backfill": ConservativeBackfill}
WHOLE = st.sampled_from([0.0, 1.0, 1.0, 2.0, 3.0, 4.0, 5.0, 8.0, 13.0, 21.0])
"""Few values, so that instants coincide."""
TICK = 2.0**-20
NO_ESTIMATES = st.none()
SECONDS = st.one_of(WHOLE, st.integers(0, 2**24).map(lambda ticks: ticks * 2.0**-20))


@st.composite
def workloads(draw, largest, estimates=NO_ESTIMATES, smallest=1):
    """Rows of jobs by submission: bursts, equal instants, jobs of no length; the clock starts at 0, 1e5 or 1e7 s."""
    time, rows = draw(st.sampled_from([0.0, 1e5, 1e7])), []
    for _ in range(draw(st.integers(1, 24))):
        time += draw(st.sampled_from([0.0, 0.0, 1.0, 2.0, 5.0]))
        gang = draw(st.integers(smallest, largest))
        rows.append((time, gang, draw(SECONDS), draw(st.integers(0, 2)), draw(estimates)))
    return rows


def check(scheduler, rows, nodes, per_node, **options):
    """Under `las` jobs take some time: the plane moves who is demoted once an instant, the oracle once a pass."""
    if scheduler.startswith("las"):
        rows = [(submit, gang, max(length, TICK), *rest) for submit, gang, length, *rest in rows]
    ours, theirs = SCHEDULERS[scheduler]
    found, _ = run_plane(ours(), rows, nodes, per_node, **options)
    assert outcome(found) == expected(simulate(theirs(), rows, nodes, per_node, **options))


@pytest.mark.parametrize("scheduler", SCHEDULERS)
@given(workloads(largest=8))
@SETTINGS
def test_one_pool(scheduler, rows):
    check(scheduler, rows, 1, 8)


@pytest.mark.parametrize("scheduler", SCHEDULERS)
@given(workloads(largest=12), st.sampled_from(["first_fit", "best_fit"]))
@SETTINGS
def test_nodes(scheduler, rows, placement):
    if scheduler == "conservative_backfill":
        placement = "first_fit"
    check(scheduler, rows, 3, 4, placement=placement)


@pytest.mark.parametrize("scheduler", PREEMPTIVE)
@given(workloads(largest=8), st.sampled_from([1.0, 2.0, 3.5]), st.sampled_from([0.0, 0.5]), st.sampled_from([0.0, 1.5]))
@SETTINGS
def test_preemption_has_its_price(scheduler, rows, interval, cost, restart):
    check(scheduler, rows, 1, 8, checkpoints=Checkpoints(interval, cost, restart))


@pytest.mark.parametrize("scheduler", SCHEDULERS)
@given(st.data())
@SETTINGS
def test_failures_undo_work(scheduler, data):
    """One job at most fails at an instant: in which order several come back into a list is nobody's rule."""
    rows = data.draw(workloads(largest=8, smallest=3))
    drawn = st.lists(st.tuples(st.integers(1, 60), st.integers(0, 1), WHOLE), unique_by=lambda failure: failure[0])
    failures = [Failure(rows[0][0] + time, node, repair) for time, node, repair in data.draw(drawn)]
    checkpoints = data.draw(st.sampled_from([None, Checkpoints(2.0, 0.5, 1.0), Checkpoints(3.0)]))
    check(scheduler, rows, 2, 4, failures=failures, checkpoints=checkpoints)


@pytest.mark.parametrize("scheduler", BACKFILLING)
@given(workloads(largest=8, estimates=st.one_of(st.none(), WHOLE)))
@SETTINGS
def test_estimates_that_err(scheduler, rows):
    found, _ = run_plane(BACKFILLING[scheduler](sees="estimates"), rows, 1, 8)
    oracle = getattr(job_schedulers, scheduler)
    assert outcome(found) == expected(simulate(oracle, rows, 1, 8, sees="estimates"))
