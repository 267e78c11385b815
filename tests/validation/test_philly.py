"""500 real jobs of Microsoft's Philly cluster against figures on which independent simulators agree (to 0.01 s)."""

import csv
from pathlib import Path

import pytest

import sim

DATA = Path(__file__).parents[2] / ".." / "shared" / "data" / "philly"
pytestmark = pytest.mark.skipif(not DATA.exists(), reason="the Philly trace is not here")


def run(scheduling, nodes, per_node, placement="first_fit"):
    return sim.run(
        sim.load(
            {
                "fleetsim": 1,
                "name": "philly",
                "horizon": "jobs_done",
                "accelerators": {
                    "gpu": {"kind": "gpu", "memory": "16 GB", "idle_power": "40 W", "busy_power": "300 W"}
                },
                "pools": {"p": {"accelerator": "gpu", "nodes": nodes, "accelerators_per_node": per_node}},
                "training": {
                    "jobs": {
                        "pools": ["p"],
                        "trace": {"format": "csv", "path": str((DATA / "philly500.csv").resolve())},
                    }
                },
                "policies": {"scheduling": scheduling, "placement": placement},
                "output": {"telemetry": "1 d"},
            }
        )
    )


LAS = {"policy": "las", "thresholds": ["3250 s", "7200 s"]}


@pytest.mark.parametrize(
    ("scheduling", "nodes", "per_node", "mean_jct", "makespan", "preemptions"),
    [
        ("fifo", 1, 64, 34904.01, 165771, 0),
        ("fifo_first_fit", 1, 64, 29179.54, 155664, 0),
        ("sjf", 1, 64, 17988.65, 169170, 0),
        ("srtf", 1, 64, 17162.55, 167173, 514),
        ("srsf", 1, 64, 15111.06, 157655, 481),
        (LAS, 1, 64, 19870.61, 164957, 769),
        ("easy_backfill", 1, 64, 27722.42, 162772, 0),
        ("conservative_backfill", 1, 64, 28974.54, 165771, 0),
        ("fifo", 8, 8, 41735.30, 178422, 0),
        ("fifo_first_fit", 8, 8, 29857.27, 155664, 0),
    ],
)
def test_mean_completion_time_and_makespan(scheduling, nodes, per_node, mean_jct, makespan, preemptions):
    agrees(run(scheduling, nodes, per_node), mean_jct, makespan, preemptions)


def test_the_shortest_first_on_the_fullest_node():
    agrees(run("sjf", 8, 8, "best_fit"), 20542.21, 180053, 0)


def agrees(result, mean_jct, makespan, preemptions):
    assert result.metric("training.jobs.jobs.completed") == 500
    assert result.metric("training.jobs.jct_s.mean") == pytest.approx(mean_jct, abs=0.01)
    assert result.metric("training.jobs.makespan_s") == pytest.approx(makespan, abs=0.01)
    assert result.metric("training.jobs.preemptions") == preemptions
    assert all(law["holds"] for law in result.summary["audit"])


@pytest.mark.parametrize(
    ("scheduling", "file"),
    [("fifo", "fifo"), ("fifo_first_fit", "fjf"), ("srtf", "shortest"), ("srsf", "shortest-gpu"), (LAS, "dlas")],
)
def test_every_start_end_and_preemption(scheduling, file):
    with (DATA / f"philly500-tiresias-count-{file}.csv").open() as lines:
        theirs = {
            row["job_id"]: (float(row["start_time"]), float(row["end_time"]), int(row["preempt"]))
            for row in csv.DictReader(lines)
        }
    same(run(scheduling, 1, 64).jobs, theirs)


def test_every_start_and_end_under_conservative_backfill():
    """Their rows: number from 1; ...; submission; start; end."""
    rows = [line.strip().split(";") for line in (DATA / "philly500-cqsim-cons.rst").open()]
    theirs = {str(int(row[0]) - 1): (float(row[7]), float(row[8]), 0) for row in rows}
    same(run("conservative_backfill", 1, 64).jobs, theirs)


def same(jobs, theirs):
    ours = {
        row.job_id: (row.start_s, row.end_s, row.preemptions)
        for row in jobs[["job_id", "start_s", "end_s", "preemptions"]].itertuples()
    }
    assert ours.keys() == theirs.keys()
    assert {job: (ours[job], row) for job, row in theirs.items() if ours[job] != pytest.approx(row, abs=0.01)} == {}
