"""Charts say what they show, with units, the same bytes each time, and numbers that follow from the tables."""

from itertools import pairwise
from types import SimpleNamespace
from xml.etree import ElementTree as ET

import numpy as np
import pandas as pd
import pytest

from analysis import figures
from analysis.figures.jobs import survival
from analysis.figures.latency import exceedance
from analysis.figures.style import MOST_POINTS, spread, thinned
from analysis.run_folder import RunFolder, limits

CHARTS = {
    "latency": lambda run: figures.latency_ccdf(run, "chat"),
    "queue": figures.queue_over_time,
    "jobs over time": figures.jobs_over_time,
    "utilization": figures.utilization_over_time,
    "power": figures.power_over_time,
    "owners": figures.energy_by_owner,
    "pools": figures.energy_by_pool,
    "jobs": figures.job_times,
    "jobs by tenant": lambda run: figures.job_times(run, "tenant"),
    "fairness": figures.finish_time_fairness,
    "work": figures.work_by_use,
    "nodes": figures.held_by_node,
}


@pytest.mark.parametrize("name", CHARTS)
def test_a_chart_has_a_finding_a_subtitle_and_units(name, run_folder):
    figure = CHARTS[name](run_folder)
    assert len(figure.get_suptitle()) > 10
    assert len(figure.texts) >= 2
    labels = [ax.get_xlabel() for ax in figure.axes if ax.get_xlabel()]
    assert labels
    figure.canvas.draw()
    shown = " ".join(labels + [ax.get_ylabel() for ax in figure.axes])
    shown += " ".join(text.get_text() for ax in figure.axes for text in [*ax.get_xticklabels(), *ax.get_yticklabels()])
    assert any(unit in shown for unit in ("kWh", "kW", "ms", "hours", "min", "%", "times as long"))


@pytest.mark.parametrize("name", CHARTS)
def test_svg_bytes_are_the_same_each_time_and_named_for_screen_readers(name, run_folder):
    first, second = (figures.svg(CHARTS[name](run_folder)) for _ in range(2))
    assert first == second
    root = ET.fromstring(first)  # noqa: S314 - our own text
    assert root.get("role") == "img"
    assert root.get("aria-label") == " ".join(CHARTS[name](run_folder).get_suptitle().split())


def test_limits_of_the_objective_stand_in_the_latency_chart(run_folder):
    assert limits(RunFolder(run_folder), "chat") == {"ttft_s": 2.0, "tpot_s": 0.2}
    figure = figures.latency_ccdf(run_folder, "chat")
    words = [text.get_text().replace("\u00a0", " ") for text in figure.axes[0].texts]
    assert "limit first token 2 s" in words
    assert "limit per output token 200 ms" in words


def test_a_service_without_latencies_is_refused_by_name(run_folder):
    with pytest.raises(ValueError, match="chat, photos"):
        figures.latency_ccdf(run_folder, "chats")


def test_exceedance_counts_what_took_longer_and_stops_before_twenty_remain():
    buckets = pd.DataFrame({"low_s": [0.0, 1.0, 2.0, 4.0], "high_s": [0.0, 2.0, 4.0, 8.0], "count": [50, 25, 20, 5]})
    np.testing.assert_allclose(exceedance(buckets), [[1.0, 0.5], [2.0, 0.25]])


def test_exceedance_of_nothing_is_empty():
    assert len(exceedance(pd.DataFrame({"low_s": [], "high_s": [], "count": []}))) == 0


def test_survival_is_kaplan_and_meiers_estimate():
    seconds, observed = np.array([1.0, 2.0, 2.0, 3.0, 4.0]), np.array([1.0, 1.0, 0.0, 0.0, 1.0])
    np.testing.assert_allclose(survival(seconds, observed), [[1.0, 0.2], [2.0, 0.4], [4.0, 1.0]])


def test_survival_without_cut_off_jobs_is_the_share_that_ended():
    rng = np.random.default_rng(1)
    seconds = rng.exponential(10.0, 200)
    points = survival(seconds, np.ones(200))
    np.testing.assert_allclose(points[:, 1], [(seconds <= x).mean() for x in points[:, 0]])


def test_labels_are_spread_without_collision_and_inside():
    placed = spread([0.0, 0.01, 0.5, 0.99, 1.0], 0.1)
    assert all(high - low >= 0.1 - 1e-12 for low, high in pairwise(placed))
    assert placed[0] >= 0.0
    assert placed[-1] <= 1.0


def test_thinning_keeps_the_ends():
    points = thinned(np.arange(10_000.0), 100)
    assert len(points) <= 100
    assert points[0] == 0
    assert points[-1] == 9999


def test_long_telemetry_is_averaged_not_sampled(run_folder):
    full = RunFolder(run_folder).telemetry
    power = full[(full["kind"] == "pool") & (full["metric"] == "power_w")]
    thin = figures.power_numbers(run_folder)
    assert len(thin) <= MOST_POINTS < power["time_s"].nunique()
    assert thin["h100"].mean() == pytest.approx(power.loc[power["name"] == "h100", "value"].mean(), rel=1e-9)


def test_energy_parts_sum_to_the_energy_of_the_fleet(run_folder):
    owners = figures.energy_numbers(run_folder, "owner")
    fleet = RunFolder(run_folder).summary["fleet"]["energy_kwh"]
    assert owners.drop(columns="owner").sum().sum() == pytest.approx(fleet, rel=1e-9)


def test_more_gang_sizes_than_lines_become_ranges_that_hold_every_job(run_folder):
    run = RunFolder(run_folder)
    jobs = run.jobs.assign(accelerators=np.arange(len(run.jobs)) % 13 + 1)
    many = SimpleNamespace(
        summary=run.summary, scenario=run.scenario, latency=run.latency, telemetry=run.telemetry, jobs=jobs
    )
    curves = figures.job_curves(many)
    assert curves["gang"].nunique() <= 5
    counted = (jobs["submit_s"] >= 3600.0).sum()
    waiting = curves[curves["measure"] == "queueing_s"].drop_duplicates("gang")
    assert waiting["jobs"].sum() == counted


def test_two_hundred_services_still_make_a_readable_chart(run_folder):
    run = RunFolder(run_folder)
    service = run.telemetry[run.telemetry["name"] == "chat"]
    telemetry = pd.concat([service.assign(name=f"chat-{index:03}") for index in range(200)])
    many = SimpleNamespace(
        summary=run.summary, scenario=run.scenario, latency=run.latency, telemetry=telemetry, jobs=run.jobs
    )
    figure = figures.queue_over_time(many)
    assert all(len(ax.lines) <= 5 for ax in figure.axes)
    assert len(figures.svg(figure)) < 120_000
