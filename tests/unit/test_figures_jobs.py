"""Charts of jobs: nodes over time, few jobs one by one, tenants, and what became of the time held."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from unit import made_up

from analysis import figures
from analysis.figures.gantt import MOST_JOBS
from analysis.figures.nodes import MOST_COLUMNS, MOST_ROWS
from analysis.run_folder import RunFolder

COLUMNS = ["job_id", "stream", "tenant", "pool", "node", "accelerators", "start_s", "end_s", "outcome"]


def run_of(spells, *, nodes=2, per_node=4, horizon=180.0, warmup=0.0, jobs=(), **summary):
    """A run of one pool `p`, with so many spells (job, node, accelerators, start, end, outcome)."""
    rows = [(job, "s", None, "p", node, *rest) for job, node, *rest in spells]
    pools = {"p": {"nodes": nodes, "accelerators": nodes * per_node}}
    about = {"run": {"horizon_s": horizon, "warmup_s": warmup}, "pools": pools, **summary}
    names = ["job_id", "stream", "tenant", "accelerators", "submit_s", "status"]
    table = pd.DataFrame([(job, "s", tenant, gang, submit, status) for job, tenant, gang, submit, status in jobs])
    table.columns = names if len(table) else []
    return SimpleNamespace(
        spells=pd.DataFrame(rows, columns=COLUMNS), jobs=table, summary=about, telemetry=pd.DataFrame(), scenario={}
    )


def test_a_node_is_dark_by_the_time_for_which_it_was_held():
    """180 columns over 180 s: from 10.25 to 12 s two of four are held on node 0, and all of node 1 from 170 s on."""
    run = run_of([("a", 0, 2, 10.25, 12.0, "completed"), ("b", 1, 4, 170.0, np.nan, "running")])
    held = figures.node_numbers(run).set_index("time_s")
    assert list(held) == ["p 0", "p 1"]
    assert held["p 0"].iloc[9:13].tolist() == [0.0, 0.375, 0.5, 0.0]
    assert held["p 0"].sum() == pytest.approx(1.75 * 2 / 4)
    assert held["p 1"].iloc[:170].sum() == 0.0
    assert held["p 1"].iloc[170:].tolist() == [1.0] * 10


def test_what_a_spell_holds_within_one_interval_is_counted_in_part():
    run = run_of([("a", 0, 4, 10.25, 10.75, "completed"), ("b", 0, 1, 10.75, 10.75, "completed")])
    held = figures.node_numbers(run)["p 0"]
    assert held[10] == 0.5
    assert held.sum() == 0.5


def test_a_large_fleet_and_a_long_time_are_averaged_over():
    rng, horizon = np.random.default_rng(2), 365 * 86400.0
    starts = rng.uniform(0, horizon, 3000)
    ends = np.minimum(starts + rng.exponential(1e5, 3000), horizon)
    spells = [
        (str(n), n % 5000, 8, start, end, "completed") for n, (start, end) in enumerate(zip(starts, ends, strict=True))
    ]
    run = run_of(spells, nodes=5000, per_node=8, horizon=horizon)
    held = figures.node_numbers(run).drop(columns="time_s")
    assert held.shape[0] == MOST_COLUMNS
    assert held.shape[1] <= MOST_ROWS
    sizes = [int(name.split("-")[1]) - int(name.split()[1].split("-")[0]) + 1 for name in held]
    assert sum(sizes) == 5000
    exact = (ends - starts).sum() * 8 / (40_000 * horizon)
    assert np.average(held.mean(), weights=sizes) == pytest.approx(exact, rel=0.02), "cells are rounded to thousandths"
    assert len(figures.svg(figures.held_by_node(run))) < 60_000


def test_a_run_without_spells_has_no_charts_of_them(tmp_path, write_run):
    folder = made_up.replicated(write_run(tmp_path / "run"))
    (folder / "spells.parquet").unlink()
    assert figures.node_numbers(folder).empty
    assert figures.gantt_numbers(folder).empty


JOBS = [("a", "lab", 4, 0.0, "completed"), ("b", "shop", 2, 5.0, "running"), ("c", "lab", 9, 6.0, "rejected")]
SPELLS = [
    ("a", 0, 4, 0.0, 20.0, "preempted"),
    ("b", 0, 2, 20.0, 40.0, "failed"),
    ("a", 0, 4, 40.0, 60.0, "completed"),
    ("b", 0, 2, 60.0, 70.0, "resized"),
    ("b", 1, 1, 70.0, np.nan, "running"),
]


def test_few_jobs_are_drawn_one_by_one_with_their_stops():
    run = run_of(SPELLS, jobs=[*JOBS, ("d", None, 8, 90.0, "queued")])
    bars = figures.gantt_numbers(run)
    assert bars["job_id"].tolist() == ["a", "a", "b", "b", "b", "d"]
    assert bars["group"].tolist() == ["lab", "lab", "shop", "shop", "shop", "s"]
    figure = figures.job_gantt(run)
    assert "1\u00a0time preempted and 1\u00a0time failed and 1\u00a0time resized" in figure.get_suptitle()
    ax = figure.axes[0]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["a · 4", "b · 2", "d · 8"]
    assert [round(patch.get_width()) for patch in ax.patches] == [20, 20, 20, 10, 110]
    legend = [text.get_text() for text in ax.get_legend().get_texts()]
    assert legend == ["lab", "shop", "s", "preempted", "failed", "resized"]
    assert figures.svg(figure) == figures.svg(figures.job_gantt(run))


def test_many_jobs_are_not_drawn_one_by_one(run_folder):
    assert len(RunFolder(run_folder).jobs) > MOST_JOBS
    assert figures.gantt_numbers(run_folder).empty


def test_the_worst_off_tenant_comes_first_and_is_named():
    tenants = {"a": {"fairness": 0.5}, "b": {"fairness": 2.5}, "c": {"fairness": None}, "d": {"fairness": 1.25}}
    run = run_of([], tenants=tenants)
    assert figures.fairness_numbers(run)["tenant"].tolist() == ["b", "d", "a"]
    title = figures.finish_time_fairness(run).get_suptitle().replace("\n", " ")
    assert title == "Jobs of b took 2.50 times as long as on its own share, and 1 more lose by it"
    run.summary["tenants"] = {"a": {"fairness": 0.5}}
    assert "no tenant" in figures.finish_time_fairness(run).get_suptitle()


def test_a_loss_whose_interval_reaches_one_is_called_open():
    about = {"mean": 1.05, "low": 0.8, "high": 1.3, "level": 0.95, "method": "t", "n": 4, "flagged": False}
    run = run_of([], tenants={"a": {"fairness": 1.05}}, intervals={"tenants.a.fairness": about})
    run.summary["run"]["replications"] = 4
    title = figures.finish_time_fairness(run).get_suptitle().replace("\n", " ")
    assert title == "Whether a loses by sharing is open: the interval of 1.05 reaches 1"
    run.summary["intervals"]["tenants.a.fairness"]["low"] = 1.01
    assert figures.finish_time_fairness(run).get_suptitle().startswith("Jobs of a took 1.05 times as long")


def test_gangs_that_few_jobs_have_become_a_range(run_folder):
    run = RunFolder(run_folder)
    sizes = np.repeat([1, 2, 4, 8, 16, 32, 64], [100, 60, 40, 30, 20, 7, 3])
    many = SimpleNamespace(summary=run.summary, jobs=run.jobs.assign(accelerators=sizes, submit_s=7200.0))
    assert figures.job_curves(many)["gang"].unique().tolist() == ["1", "2", "4", "8", "16–64"]


def test_many_tenants_share_the_last_curve(run_folder):
    run = RunFolder(run_folder)
    many = SimpleNamespace(
        summary=run.summary,
        jobs=run.jobs.assign(tenant=[f"t{number % 9}" if number % 7 else None for number in range(len(run.jobs))]),
    )
    curves = figures.job_curves(many, "tenant")
    assert curves["tenant"].nunique() == 5
    assert curves["tenant"].iloc[-1] == "5 others"
    waiting = curves[curves["measure"] == "queueing_s"].drop_duplicates("tenant")
    named = many.jobs[(many.jobs["submit_s"] >= 3600.0) & many.jobs["tenant"].notna()]
    assert waiting["jobs"].sum() == len(named)


def test_work_by_use_says_where_what_was_not_useful_went():
    uses = {"useful": 80.0, "checkpoint": 5.0, "restart": 1.0, "lost": 14.0, "unused": 0.0}
    run = run_of([], training={"t": {"accelerator_hours_by": uses}, "idle": {"accelerator_hours_by": None}})
    numbers = figures.work_numbers(run)
    assert numbers["stream"].tolist() == ["t"]
    assert numbers.drop(columns="stream").iloc[0].to_dict() == uses
    title = figures.work_by_use(run).get_suptitle().replace("\u00a0", " ").replace("\n", " ")
    assert title.startswith("80.0 % of 100 accelerator-hours")
    assert "14.0 % went to work that failures undid" in title
