"""Replications: seeds, the same whatever the workers, files, the stopping rule, and what is refused."""

import json

import pandas as pd
import pytest
from unit.queue_scenario import queue

import analysis
from analysis.errors import FigureError
from analysis.replications import replication_seeds
from analysis.run_comparison import sample_of_folder
from analysis.run_folder import RunFolder
from analysis.statistics.stopping import Precision

WAIT = "services.s.queueing_s.mean"


@pytest.fixture(scope="module")
def replicated():
    return analysis.replicate(queue(), 4, jobs=1)


def test_the_first_seed_is_the_scenarios_own_and_more_only_add_to_the_others():
    few, many = replication_seeds(7, 3), replication_seeds(7, 30)
    assert few[0] == 7
    assert many[:3] == few
    assert len(set(many)) == 30
    assert set(many[1:]).isdisjoint(replication_seeds(8, 30)[1:])


def test_the_same_whatever_the_workers(replicated, tmp_path):
    replicated.save(tmp_path / "one")
    analysis.replicate(queue(), 4, jobs=2).save(tmp_path / "two")
    for file in (tmp_path / "one").glob("*.parquet"):
        assert file.read_bytes() == (tmp_path / "two" / file.name).read_bytes(), file.name
    one, two = (json.loads((tmp_path / name / "summary.json").read_text()) for name in ("one", "two"))
    for summary in (one, two):
        for wall in ("wall_s", "requests_per_wall_s"):
            summary["run"].pop(wall)
    assert one == two


def test_the_first_replication_is_the_run_itself(replicated):
    alone = queue()
    import sim

    assert replicated.frame[WAIT].iloc[0] == sim.run(alone).metric(WAIT)


def test_the_summary_holds_estimates_and_their_intervals(replicated):
    summary = replicated.summary
    interval = summary["intervals"][WAIT]
    assert summary["services"]["s"]["queueing_s"]["mean"] == interval["mean"]
    assert interval["low"] < interval["mean"] < interval["high"]
    assert (interval["n"], summary["run"]["replications"]) == (4, 4)
    assert summary["run"]["seeds"] == list(replication_seeds(0, 4))
    assert all(law["holds"] for law in summary["audit"])


def test_a_folder_gives_the_same_sample(replicated, tmp_path):
    replicated.save(tmp_path / "out")
    again = sample_of_folder(RunFolder(tmp_path / "out"))
    assert again.seeds == replicated.sample.seeds
    for path in (WAIT, "services.s.e2e_s.p99", "services.s.slo.attainment", "fleet.energy_kwh"):
        assert again.estimate(path) == replicated.sample.estimate(path)


def test_the_ensemble_is_the_mean_over_replications(replicated):
    telemetry = [draw.telemetry for draw in replicated.draws]
    keys = ["kind", "name", "metric", "time_s"]
    mean = pd.concat(telemetry).groupby(keys)["value"].mean()
    ensemble = replicated.ensemble.set_index(keys)["mean"]
    assert ensemble.sort_index().to_numpy() == pytest.approx(mean.sort_index().to_numpy())


def test_replications_go_on_until_a_figure_is_known_so_well():
    precise = analysis.replicate(queue(), Precision({WAIT: 0.2}, most=60), jobs=1)
    interval = precise.interval(WAIT)
    assert interval.half_width <= 0.2 * interval.mean
    assert precise.summary["run"]["stopping"]["reached"]
    assert 10 <= len(precise.draws) < 60


def test_a_precision_of_no_figure_is_refused():
    with pytest.raises(FigureError, match="no figure"):
        analysis.replicate(queue(), Precision({"fleet.beauty": 0.1}, most=20), jobs=1)


@pytest.mark.parametrize("number", [1, 0])
def test_too_few_for_an_interval_are_refused(number):
    with pytest.raises(ValueError, match="at least 2"):
        analysis.replicate(queue(), number, jobs=1)


def test_an_open_warm_up_is_found_once_for_all():
    found = analysis.replicate(queue(warmup="auto"), 3, jobs=1)
    assert found.scenario.warmup == found.warm_up.seconds
    assert set(found.summary["run"]["warmup_by_metric"]) >= {"services.s.queue_length", "pools.p.busy"}
    assert len({draw.summary["run"]["warmup_s"] for draw in found.draws}) == 1
