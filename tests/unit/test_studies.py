"""Studies through Python: tables, estimates, pairs, failures, precision, and the same whatever the workers."""

import json

import pandas as pd
import pytest
from unit.queue_scenario import MMC, queue

import analysis
from analysis.errors import FigureError
from sim.scenario import ScenarioError

WAIT = "services.s.queueing_s.mean"
NODES = {"pools.p.nodes": [6, 7, 9]}


@pytest.fixture(scope="module")
def study():
    compare = {"baseline": {"pools.p.nodes": 7}, "metrics": [WAIT, "fleet.energy_kwh"]}
    return analysis.sweep(queue(), NODES, replications=5, compare=compare, jobs=1)


def test_one_row_a_point_and_replication_in_order(study):
    frame = study.frame
    assert list(frame["point"]) == [1] * 5 + [2] * 5 + [3] * 5
    assert list(frame["replication"]) == [1, 2, 3, 4, 5] * 3
    assert list(frame["pools.p.nodes"]) == [6] * 5 + [7] * 5 + [9] * 5
    assert frame[WAIT].notna().all()


def test_points_share_their_draws(study):
    frame = study.frame
    seeds = frame.groupby("point")["seed"].apply(tuple)
    assert seeds.nunique() == 1
    assert frame.groupby("replication")["services.s.requests.arrived"].nunique().eq(1).all()
    assert frame["services.s.requests.arrived"].nunique() == 5


def test_a_larger_fleet_waits_less_in_every_pair(study):
    waits = study.frame.pivot_table(index="replication", columns="pools.p.nodes", values=WAIT)
    assert (waits[6] > waits[7]).all()
    assert (waits[7] > waits[9]).all()


def test_estimates_have_intervals_around_the_mean_of_the_rows(study):
    table = study.estimates([WAIT]).set_index("point")
    assert list(table["n"]) == [5, 5, 5]
    assert (table["low"] < table["mean"]).all()
    assert (table["mean"] < table["high"]).all()
    weighted = study.frame[study.frame["point"] == 1]
    counts = weighted["services.s.queueing_s.count"]
    assert table.loc[1, "mean"] == pytest.approx((weighted[WAIT] * counts).sum() / counts.sum())


def test_differences_are_paired_and_hold_together(study):
    table = study.compare({"pools.p.nodes": 7}, [WAIT]).set_index("system")
    assert list(table.index) == ["nodes 6", "nodes 9"]
    assert set(table["method"]) == {"paired t"}
    assert table.loc["nodes 6", "low"] > 0 > table.loc["nodes 9", "high"]
    rows = study.as_dict()["differences"]
    assert {(row["system"], row["metric"]) for row in rows} == {
        (system, metric) for system in ("nodes 6", "nodes 9") for metric in (WAIT, "fleet.energy_kwh")
    }


def test_a_baseline_that_leaves_a_path_open_is_compared_within_it():
    vary = {"pools.p.nodes": [7, 9], "services.s.requests.arrivals.rate": ["4/s", "5/s"]}
    study = analysis.sweep(queue(), vary, replications=3, jobs=1)
    table = study.compare({"pools.p.nodes": 7}, [WAIT])
    assert list(table["system"]) == ["nodes 9, arrivals rate 4/s", "nodes 9, arrivals rate 5/s"]
    assert table["baseline"].is_monotonic_increasing


@pytest.mark.parametrize("baseline", [{"pools.p.nodes": 8}, {"pools.q.nodes": 7}])
def test_a_baseline_that_is_no_point_is_named(study, baseline):
    with pytest.raises(LookupError):
        study.compare(baseline, [WAIT])


def test_a_metric_that_is_no_figure_is_named(study):
    with pytest.raises(FigureError, match="did you mean"):
        study.estimates(["services.s.queing_s.mean"])
    with pytest.raises(FigureError, match="no figure"):
        analysis.sweep(queue(), NODES, replications=2, metrics=["fleet.beauty"], jobs=1)


def test_the_same_whatever_the_workers(study, tmp_path):
    other = analysis.sweep(
        queue(),
        NODES,
        replications=5,
        compare={"baseline": {"pools.p.nodes": 7}, "metrics": [WAIT, "fleet.energy_kwh"]},
        jobs=2,
    )
    for result, name in ((study, "one"), (other, "two")):
        result.save(tmp_path / name)
    for file in ("points.parquet", "point_latency.parquet"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()
    one, two = (json.loads((tmp_path / name / "study.json").read_text()) for name in ("one", "two"))
    one.pop("wall_s"), two.pop("wall_s")
    assert one == two


def test_a_study_reads_back_as_it_was(study, tmp_path):
    study.save(tmp_path / "out")
    again = analysis.load_study(tmp_path / "out")
    assert again.as_dict() == study.as_dict()
    pd.testing.assert_frame_equal(again.frame, study.frame)
    pd.testing.assert_frame_equal(
        again.compare({"pools.p.nodes": 7}, ["services.s.e2e_s.p99"]),
        study.compare({"pools.p.nodes": 7}, ["services.s.e2e_s.p99"]),
    )


def test_results_are_not_overwritten_unasked(study, tmp_path):
    study.save(tmp_path / "out")
    with pytest.raises(FileExistsError):
        study.save(tmp_path / "out")
    study.save(tmp_path / "out", force=True)


def test_a_point_that_fails_is_a_record_and_not_the_end():
    """Seven replicas cannot be placed on five nodes: that shows only when the run is prepared."""
    study = analysis.sweep(queue(services__s__replicas=7), {"pools.p.nodes": [5, 8]}, replications=2, jobs=1)
    assert list(study.failures) == [1]
    assert "replicas" in study.failures[1]
    assert list(study.frame["status"]) == ["failed", "done", "done"]
    with pytest.raises(LookupError, match="failed"):
        study.sample({"pools.p.nodes": 5})
    assert study.as_dict()["points"][0]["status"] == "failed"


def test_wrong_values_are_told_of_before_anything_runs():
    with pytest.raises(ScenarioError) as caught:
        analysis.sweep(queue(), {"pools.p.nodes": [5, "many"], "pools.p.noodles": [1]}, jobs=1)
    assert any("vary" in str(problem) for problem in caught.value.problems)


def test_replications_until_precise_stop_where_a_single_run_of_them_would():
    until = {"until": {WAIT: "25%"}, "max": 40}
    study = analysis.sweep(queue(), {"pools.p.nodes": [6, 9]}, replications=until, jobs=1)
    assert study.stopping["reached"]
    counts = {point["label"]: point["replications"] for point in study.as_dict()["points"]}
    assert counts["nodes 9"] > counts["nodes 6"] >= 10
    for nodes in (6, 9):
        interval = study.interval({"pools.p.nodes": nodes}, WAIT)
        assert interval.half_width <= 0.25 * interval.mean


def test_precision_may_be_asked_of_a_difference():
    until = {"until": {"difference": {WAIT: 0.5}}, "max": 40}
    compare = {"baseline": {"pools.p.nodes": 7}, "metrics": [WAIT]}
    study = analysis.sweep(queue(), {"pools.p.nodes": [7, 8]}, replications=until, compare=compare, jobs=1)
    row = study.compare({"pools.p.nodes": 7}, [WAIT]).iloc[0]
    assert study.stopping["reached"]
    assert (row["high"] - row["low"]) / 2 <= 0.5 * row["baseline"]


def test_a_precision_that_is_out_of_reach_says_so():
    study = analysis.sweep(queue(), {"pools.p.nodes": [7]}, replications={"until": {WAIT: "0.1%"}, "max": 10}, jobs=1)
    assert study.stopping == {"until": {WAIT: 0.001}, "least": 5, "most": 10, "reached": False}


def test_the_best_point_is_named_with_its_probability(tmp_path):
    """Nine servers wait the least by far; the differences are known from few replications."""
    study = {
        "study": "sizes",
        "scenario": "queue.yaml",
        "vary": NODES,
        "replications": 3,
        "best": {"metric": WAIT, "indifference": 0.01},
    }
    (tmp_path / "queue.yaml").write_text(json.dumps(MMC))
    (tmp_path / "study.yaml").write_text(json.dumps(study))
    found = analysis.sweep(tmp_path / "study.yaml", jobs=1).best
    assert (found["system"], found["decided"], found["probability"]) == ("nodes 9", True, 0.95)
    assert set(found["replications"]) == {"nodes 6", "nodes 7", "nodes 9"}


def test_an_open_warm_up_is_the_same_at_all_points():
    study = analysis.sweep(queue(warmup="auto"), {"pools.p.nodes": [6, 9]}, replications=2, jobs=1)
    arrived = study.frame.groupby("replication")["services.s.requests.arrived"].nunique()
    assert arrived.eq(1).all()
