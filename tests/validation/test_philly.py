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


@pytest.mark.parametrize(
    ("scheduling", "nodes", "per_node", "mean_jct", "makespan"),
    [
        ("fifo", 1, 64, 34904.01, 165771),
        ("fifo_first_fit", 1, 64, 29179.54, 155664),
        ("fifo", 8, 8, 41735.30, 178422),
        ("fifo_first_fit", 8, 8, 29857.27, 155664),
    ],
)
def test_mean_completion_time_and_makespan(scheduling, nodes, per_node, mean_jct, makespan):
    result = run(scheduling, nodes, per_node)
    assert result.metric("training.jobs.jobs.completed") == 500
    assert result.metric("training.jobs.jct_s.mean") == pytest.approx(mean_jct, abs=0.01)
    assert result.metric("training.jobs.makespan_s") == pytest.approx(makespan, abs=0.01)
    assert all(law["holds"] for law in result.summary["audit"])


@pytest.mark.parametrize(("scheduling", "file"), [("fifo", "fifo"), ("fifo_first_fit", "fjf")])
def test_every_start_and_end(scheduling, file):
    jobs = run(scheduling, 1, 64).jobs.set_index("job_id")
    with (DATA / f"philly500-tiresias-count-{file}.csv").open() as lines:
        theirs = {row["job_id"]: row for row in csv.DictReader(lines)}
    assert set(jobs.index) == set(theirs)
    wrong = {
        job: (jobs.start_s[job], jobs.end_s[job], row["start_time"], row["end_time"])
        for job, row in theirs.items()
        if abs(jobs.start_s[job] - float(row["start_time"])) > 0.01
        or abs(jobs.end_s[job] - float(row["end_time"])) > 0.01
    }
    assert not wrong
