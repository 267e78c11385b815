"""`fleetsim run` as people and scripts use it: what it prints, what it leaves, how it ends."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SMALL = (ROOT / "tests" / "data" / "mm10.yaml").read_text().replace("horizon: 200000 s", "horizon: 5000 s")
TABLES = {"telemetry.parquet", "jobs.parquet", "spells.parquet", "latency.parquet"}
FILES = {"summary.json", "scenario.yaml", *TABLES, "report.html"}
ROOM = SMALL.replace("nodes: 10", "nodes: 12")
JOBS = """\
training:
  t:
    pools: [p]
    trace: {format: csv, path: data/jobs.csv}
"""
FIRST_NODE = """\
class Mine:
    def __init__(self, limit=1):
        self.limit = limit

    def place(self, accelerators, free, capacity, rack):
        node = max(range(len(free)), key=lambda node: free[node])
        if accelerators > 1:
            return [(node, 1), (node - 1, accelerators + self.limit - 2)]
        return [(node, accelerators)] if free[node] >= accelerators else None
"""


@pytest.fixture
def small(tmp_path):
    file = tmp_path / "home" / "small.yaml"
    (tmp_path / "home" / "data").mkdir(parents=True)
    file.write_text(SMALL)
    return file


def names(folder):
    return {path.name for path in folder.iterdir()}


def test_a_run_prints_a_table_and_names_its_report(fleetsim, small, tmp_path):
    done = fleetsim("run", small, NO_COLOR="1")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "report: out/mm10/report.html"
    assert "mm10" in done.stdout.splitlines()[0]
    assert max(map(len, done.stdout.splitlines())) <= 100
    assert "\x1b" not in done.stdout + done.stderr
    assert all(line.startswith("fleetsim: compiling") for line in done.stderr.splitlines())
    assert names(tmp_path / "work") == {"out"}
    assert names(tmp_path / "work" / "out") == {"mm10"}
    assert names(tmp_path / "work" / "out" / "mm10") == FILES


def test_json_is_all_there_is_on_stdout(fleetsim_here, small, tmp_path):
    done = fleetsim_here("run", small, "--json", "--seed", "3")
    assert json.loads(done.stdout) == json.loads((tmp_path / "work" / "out" / "mm10" / "summary.json").read_text())
    assert json.loads(done.stdout)["run"]["seed"] == 3


def test_quiet_and_force(fleetsim_here, small, tmp_path):
    folder = tmp_path / "results"
    folder.mkdir()
    for old in ("summary.json", "requests.parquet", "notes.txt"):
        (folder / old).write_text("{}")
    done = fleetsim_here("run", small, "--quiet", "--force", "--out", folder)
    assert (done.returncode, done.stdout) == (0, "")
    assert names(folder) == FILES | {"notes.txt"}


def test_the_saved_scenario_runs_again_from_anywhere(fleetsim, small, tmp_path):
    small.write_text(ROOM + JOBS + "policies: {placement: {policy: 'mine:Mine', limit: 1}}\n")
    (small.parent / "mine.py").write_text(FIRST_NODE)
    rows = "small,2500,1,50\ngiant,2600,40,10\nsmaller,2700,1,60\n"
    (small.parent / "data" / "jobs.csv").write_text("job_id,submit_time,num_gpu,duration\n" + rows)
    first = fleetsim("run", small, "--out", "a/b/first")
    assert first.returncode == 0, first.stderr
    assert "giant" in first.stdout
    folder = tmp_path / "work" / "a" / "b" / "first"
    text = (folder / "scenario.yaml").read_text()
    assert "path: ../../../../home/data/jobs.csv" in text
    assert str(tmp_path) not in text
    (folder / "mine.py").write_text(FIRST_NODE)
    second = fleetsim("run", folder / "scenario.yaml", "--out", tmp_path / "second")
    assert second.returncode == 0, second.stderr
    summaries = [json.loads((each / "summary.json").read_text()) for each in (folder, tmp_path / "second")]
    assert summaries[0]["training"]["t"]["jobs"]["rejected"] == 1
    assert summaries[0]["training"] == summaries[1]["training"]
    assert summaries[0]["services"] == summaries[1]["services"]


def test_a_policy_that_misbehaves_ends_the_run_by_name(fleetsim, small, tmp_path):
    small.write_text(ROOM + JOBS + "policies: {placement: {policy: 'mine:Mine', limit: 5}}\n")
    (small.parent / "mine.py").write_text(FIRST_NODE)
    (small.parent / "data" / "jobs.csv").write_text("job_id,submit_time,num_gpu,duration\nwide,7,2,50\n")
    done = fleetsim("run", small)
    assert done.returncode == 1
    assert done.stdout == ""
    assert "the placement policy Mine places the 2 accelerators of wide" in done.stderr
    assert "Traceback" not in done.stderr
    assert names(tmp_path / "work") == set()


def test_a_broken_law_fails_the_run_and_keeps_its_results(small, tmp_path):
    code = f"""
import sys, sim.summary
law = {{"law": "energy", "where": "fleet", "expected": 1.0, "found": 2.0, "holds": False}}
sim.summary.audit = lambda *_: [law]
sys.argv = ["fleetsim", "run", {str(small)!r}, "--out", {str(tmp_path / "out")!r}]
from analysis.cli import main
main()"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 1, done.stderr
    assert "audit" in done.stderr
    assert "Traceback" not in done.stderr
    assert names(tmp_path / "out") == FILES


def test_an_interrupt_leaves_nothing(small, tmp_path):
    code = f"""
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
sys.argv = ["fleetsim", "run", {str(small)!r}, "--set", "horizon=10 y", "--out", "deep/out"]
from analysis.cli import main
main()"""
    work = tmp_path / "work"
    work.mkdir()
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    running = subprocess.Popen(
        [sys.executable, "-c", code], stderr=subprocess.PIPE, text=True, cwd=work, env=environment
    )
    try:
        until = time.monotonic() + 60
        while not (work / "deep").exists() and time.monotonic() < until:
            time.sleep(0.05)
        time.sleep(1)
        running.send_signal(signal.SIGINT)
        _, stderr = running.communicate(timeout=60)
    finally:
        running.kill()
    assert running.returncode == 130
    assert "interrupted" in stderr
    assert "Traceback" not in stderr
    assert names(work) == set()


def test_jobs_that_can_never_run_are_named_before_the_run(fleetsim, tmp_path):
    (tmp_path / "jobs.csv").write_text("job_id,submit_time,num_gpu,duration\nfits,0,2,60\ngiant,1,17,60\n")
    (tmp_path / "fleet.yaml").write_text(
        "fleetsim: 1\nname: traced\nhorizon: jobs_done\npools: {p: {accelerator: H100-SXM, nodes: 2}}\n"
        "training: {t: {pools: [p], trace: {format: csv, path: jobs.csv}}}\n"
    )
    done = fleetsim("run", tmp_path / "fleet.yaml", "--json")
    assert done.returncode == 0
    named = "training.t: 1 jobs can never run and will be rejected: giant (too large for every pool)"
    assert named in done.stderr
    jobs = json.loads(done.stdout)["training"]["t"]["jobs"]
    assert (jobs["completed"], jobs["rejected"]) == (1, 1)
    assert not fleetsim("run", tmp_path / "fleet.yaml", "--force", "--quiet").stderr
