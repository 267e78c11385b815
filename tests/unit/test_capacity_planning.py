"""Plans: the smallest fleet that keeps the promise, and what is said when none does."""

import json

import pytest
from unit.queue_scenario import queue

import analysis
from analysis.capacity.bracket import first_guess
from analysis.errors import FigureError
from sim.scenario import ScenarioError

WAIT = "services.s.queueing_s.p90 <= 0.4 s"
NODES = {"pools.p.nodes": {"min": 4, "max": 20}}


def question(**changes):
    return {
        "plan": "nodes",
        "scenario": "",
        "decision_variables": NODES,
        "subject_to": [WAIT],
        "minimise": "fleet.energy_kwh",
    } | changes


def work_out(scenario=None, *, bracket=True, **changes):
    return analysis.plan(question(**changes), scenario=scenario or queue(), bracket=bracket, jobs=1)


@pytest.fixture(scope="module")
def plan():
    return work_out()


def test_the_answer_is_met_and_one_less_is_not(plan):
    """M/M/c with load 5: the waits of 90 % are within 0.73, 0.32 and 0.06 s with 7, 8 and 9 servers."""
    assert plan.status == "met"
    assert plan.answer.decided == {"pools.p.nodes": 8}
    recommended = plan.as_dict()["recommended"][0]
    assert recommended["one_less"]["verdict"] == "not_met"
    assert recommended["one_less"]["decided"] == {"pools.p.nodes": 7}
    assert recommended["one_more"]["verdict"] == "met"
    assert recommended["binding"]["constraint"] == WAIT
    assert recommended["binding"]["margin"] > 0


def test_every_candidate_met_the_same_draws_and_stands_in_order(plan):
    values = [candidate.value for candidate in plan.evaluated]
    assert values == sorted(set(values))
    seeds = {candidate.sample.seeds[:16] for candidate in plan.evaluated}
    assert len(seeds) == 1
    assert all(candidate.replications in (16, 32, 64, 128, 256, 512) for candidate in plan.evaluated)


def test_the_same_without_the_bracket_and_with_two_workers(plan):
    without = work_out(bracket=False)
    assert without.answer.value == plan.answer.value
    shared = {each.value for each in plan.evaluated} & {each.value for each in without.evaluated}
    for value in shared:
        one, other = (next(e for e in p.evaluated if e.value == value) for p in (plan, without))
        assert (one.verdict, one.replications) == (other.verdict, other.replications)
    workers = analysis.plan(question(), scenario=queue(), jobs=2).as_dict()
    assert {**workers, "wall_s": 0} == {**plan.as_dict(), "wall_s": 0}


def test_the_bracket_begins_near_the_answer():
    scenario = queue()
    assert first_guess(range(1, 1000), lambda value: scenario.with_({"pools.p.nodes": value}), {"s"}) in (7, 8)


def test_several_constraints_must_all_be_kept():
    plan = work_out(subject_to=[WAIT, "services.s.slo.attainment >= 50 %", "services.s.queueing_s.mean <= 30 ms"])
    assert plan.answer.value == 9
    assert plan.answer.binding.constraint.text == "services.s.queueing_s.mean <= 30 ms"


def test_a_plan_without_an_answer_names_the_nearest_miss():
    plan = work_out(decision_variables={"pools.p.nodes": {"min": 4, "max": 6}})
    assert (plan.answer, plan.status) == (None, "infeasible")
    assert plan.nearest.value == 6
    assert WAIT in plan.shortfall
    recommended = plan.as_dict()["recommended"][0]
    assert recommended["decided"] is None
    assert recommended["nearest"] == {"pools.p.nodes": 6}


def test_what_the_replications_cannot_decide_is_too_close():
    """The limit lies at the very figure of seven servers: no number of replications tells."""
    probe = analysis.replicate(queue(), 64, jobs=1).metric("services.s.queueing_s.mean")
    limit = f"services.s.queueing_s.mean <= {probe} s"
    plan = work_out(subject_to=[limit], replications={"first": 4, "max": 8})
    assert plan.status == "too_close"
    assert plan.answer.value == 8


def test_more_is_taken_where_the_objective_falls():
    plan = work_out(decision_variables={"pools.p.nodes": {"min": 4, "max": 10}}, minimise="services.s.e2e_s.mean")
    assert plan.answer.value == 10
    assert "still falls beyond 8" in plan.notes[0]


def test_an_unknown_price_is_named():
    with pytest.raises(ScenarioError, match=r"pools.p.price \(accelerator server\)"):
        work_out(minimise="fleet.cost_usd_per_h")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"subject_to": ["services.s.wait <= 1 s", "soon"]}, "`soon` is not a constraint"),
        ({"subject_to": []}, "at least 1 needed"),
        ({"decision_variables": {"pools.p.nodes": {"min": 9, "max": 4}}}, "below the smallest"),
        ({"decision_variables": {"pools.q.nodes": {"min": 1, "max": 4}}}, "`pools.q` is not in the scenario"),
        ({"decision_variables": {"pools.p.nodes": {"min": 0, "max": 4}}}, "too small"),
        ({"decision_variables": {**NODES, "seed": {"min": 1, "max": 2}}}, "later version"),
        ({"periods": {"every": "3 months"}}, "later version"),
        ({"minimize": "x"}, "did you mean `minimise`"),
        ({"confidence": 95}, "out of bounds"),
    ],
)
def test_wrong_input_is_named_before_anything_runs(changes, words):
    with pytest.raises(ScenarioError, match=words):
        work_out(**changes)


@pytest.mark.parametrize("changes", [{"subject_to": ["fleet.beauty >= 1"]}, {"minimise": "fleet.energy_kw"}])
def test_a_path_that_is_no_figure_is_named(changes):
    with pytest.raises(FigureError, match="no figure"):
        work_out(**changes)


def test_a_plan_leaves_one_file(plan, tmp_path):
    plan.save(tmp_path / "out")
    assert json.loads((tmp_path / "out" / "plan.json").read_text()) == plan.as_dict()
    with pytest.raises(FileExistsError):
        plan.save(tmp_path / "out")
