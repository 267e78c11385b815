"""`sweep`, `plan` and `compare` as people and scripts use them."""

import json
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SMALL = (ROOT / "tests" / "data" / "mm10.yaml").read_text()
MMC = (
    SMALL.replace("horizon: 200000 s", "horizon: 700 s")
    .replace("warmup: 2000 s", "warmup: 100 s")
    .replace("nodes: 10", "nodes: 7")
    .replace("replicas: 10", "replicas: all")
    .replace("rate: 9/s", "rate: 5/s")
)
STUDY = """\
study: fleet-size
scenario: mmc.yaml
vary:
  pools.p.nodes: {from: 6, to: 8, steps: 3}
replications: 4
compare: {baseline: {pools.p.nodes: 7}, metrics: [services.s.queueing_s.p95, fleet.energy_kwh]}
"""
PLAN = """\
plan: fleet-size
scenario: mmc.yaml
decision_variables: {pools.p.nodes: {min: 4, max: 20}}
subject_to:
  - services.s.queueing_s.p90 <= 400 ms
minimise: fleet.energy_kwh
"""


@pytest.fixture
def home(tmp_path):
    folder = tmp_path / "home"
    folder.mkdir()
    for name, text in (("mmc", MMC), ("study", STUDY), ("plan", PLAN)):
        (folder / f"{name}.yaml").write_text(text)
    return folder


def refused(done, work, *words, code=2):
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    assert all(word in done.stderr for word in words), done.stderr
    assert not any(work.rglob("*.json"))


def names(folder):
    return {path.name for path in folder.iterdir()}


def test_a_sweep_prints_a_table_and_leaves_a_report(fleetsim, home, tmp_path):
    done = fleetsim("sweep", home / "study.yaml", NO_COLOR="1")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "report: out/fleet-size/report.html"
    assert max(map(len, done.stdout.splitlines())) <= 100
    folder = tmp_path / "work" / "out" / "fleet-size"
    assert names(folder) == {"study.json", "points.parquet", "point_latency.parquet", "report.html"}
    again = fleetsim("report", folder)
    assert again.returncode == 0, again.stderr


def test_a_sweep_in_json_has_estimates_and_differences(fleetsim_here, home):
    done = fleetsim_here("sweep", home / "study.yaml", "--json", "--seed", "5")
    found = json.loads(done.stdout)
    assert found["seed"] == 5
    assert [point["label"] for point in found["points"]] == ["nodes 6", "nodes 7", "nodes 8"]
    assert len(found["estimates"]) == 6
    assert {row["system"] for row in found["differences"]} == {"nodes 6", "nodes 8"}


def test_a_plan_names_the_smallest_fleet(fleetsim, home, tmp_path):
    done = fleetsim("plan", home / "plan.yaml", NO_COLOR="1")
    assert done.returncode == 0, done.stderr
    assert "8 nodes" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 100
    assert names(tmp_path / "work" / "out" / "fleet-size") == {"plan.json", "report.html"}


def test_a_plan_without_an_answer_exits_with_3_and_keeps_what_it_found(fleetsim_here, home, tmp_path):
    (home / "plan.yaml").write_text(PLAN.replace("max: 20", "max: 6"))
    done = fleetsim_here("plan", home / "plan.yaml")
    assert done.returncode == 3, done.stderr
    assert "pools.p.nodes" in done.stderr
    assert "services.s.queueing_s.p90 <= 400 ms" in done.stderr
    found = json.loads((tmp_path / "work" / "out" / "fleet-size" / "plan.json").read_text())
    assert found["recommended"][0]["status"] == "infeasible"


def test_runs_are_compared_in_pairs(fleetsim_here, home, tmp_path):
    for nodes in (7, 9):
        setting = f"pools.p.nodes={nodes}"
        done = fleetsim_here(
            "run", home / "mmc.yaml", "--replications", "5", "--set", setting, "--out", f"out/n{nodes}"
        )
        assert done.returncode == 0, done.stderr
    done = fleetsim_here("compare", "out/n7", "out/n9", "--metric", "services.s.queueing_s.p95")
    assert done.returncode == 0, done.stderr
    assert max(map(len, done.stdout.splitlines())) <= 100
    found = json.loads((tmp_path / "work" / "out" / "comparison" / "comparison.json").read_text())
    [row] = found["rows"]
    assert found["shared_draws"]
    assert (row["system"], row["method"], row["n"]) == ("n9", "paired t", 5)
    assert row["high"] < 0
    assert (tmp_path / "work" / "out" / "comparison" / "report.html").exists()


def test_a_comparison_says_what_it_cannot_do(fleetsim_here, home, tmp_path):
    for seed in (1, 2):
        fleetsim_here("run", home / "mmc.yaml", "--seed", seed, "--out", f"out/s{seed}")
    done = fleetsim_here("compare", "out/s1", "out/s2", "--json")
    found = json.loads(done.stdout)
    assert done.returncode == 0, done.stderr
    assert not found["shared_draws"]
    assert any("share no draws" in note for note in found["notes"])
    assert any("one replication gives no interval" in note for note in found["notes"])
    assert all(row["low"] is None and row["flagged"] for row in found["rows"])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("compare", "out/a"), "two folders"),
        (("compare", "out/a", "out/b"), "holds no run"),
        (("run", "mmc.yaml", "--until", "fleet.energy_kwh"), "--until metric=5%"),
        (("run", "mmc.yaml", "--until", "fleet.energy_kwh=0%"), "above zero"),
        (("run", "mmc.yaml", "--until", "fleet.energy_kwh=5%", "--replications", "4"), "room for 10 replications"),
        (("run", "mmc.yaml", "--until", "fleet.energy=5%", "--replications", "12"), "no figure `fleet.energy`"),
        (("sweep", "mmc.yaml"), "`study` is missing"),
        (("plan", "study.yaml"), "`plan` is missing"),
        (("sweep", "nowhere.yaml"), "nowhere.yaml"),
    ],
)
def test_a_wrong_command_line_is_told_in_a_line(fleetsim_here, home, tmp_path, arguments, words):
    (tmp_path / "work" / "out" / "a").mkdir(parents=True)
    command, *rest = arguments
    done = fleetsim_here(command, *(home / part if str(part).endswith(".yaml") else part for part in rest))
    refused(done, tmp_path / "work", words)


WRONG_STUDIES = {
    "a path that is not there": ("pools.p.nodes: {", "pools.q.nodes: {", "`pools.q` is not in the scenario"),
    "a wrong value": ("{from: 6, to: 8, steps: 3}", "[6, many]", "expected a whole number"),
    "no values": ("{from: 6, to: 8, steps: 3}", "[]", "expected a list of values"),
    "values twice": ("{from: 6, to: 8, steps: 3}", "[6, 6]", "`6` stands twice"),
    "one step": ("steps: 3", "steps: 1", "is too small (at least 2)"),
    "too few replications": ("replications: 4", "replications: 1", "is too small (at least 2)"),
    "a later design": ("replications: 4", "design: sobol", "later version"),
    "a baseline that is no point": ("{pools.p.nodes: 7}", "{pools.p.nodes: 5}", "`5` is no value of the study"),
    "a metric that is no figure": ("fleet.energy_kwh]", "fleet.energy_kw]", "did you mean `fleet.energy_kwh`?"),
    "no scenario": ("scenario: mmc.yaml", "scenario: mm.yaml", "no file"),
    "an unknown key": ("replications: 4", "replication: 4", "did you mean `replications`?"),
}


@pytest.mark.parametrize("case", WRONG_STUDIES)
def test_a_wrong_study_is_told_with_its_line(fleetsim_here, home, tmp_path, case):
    old, new, words = WRONG_STUDIES[case]
    text = STUDY.replace(old, new)
    (home / "study.yaml").write_text(text)
    done = fleetsim_here("sweep", home / "study.yaml")
    refused(done, tmp_path / "work", words)
    if case != "a metric that is no figure":
        assert f"study.yaml:{text[: text.index(new)].count(chr(10)) + 1}:" in done.stderr


def test_check_tells_of_studies_and_plans(fleetsim_here, home):
    done = fleetsim_here("check", home / "study.yaml", home / "plan.yaml")
    assert done.returncode == 0, done.stderr
    assert "fleet-size: 3 points, 4 replications of each" in done.stdout
    assert "the smallest of 17 values of pools.p.nodes" in done.stdout


@pytest.mark.parametrize("kind", ["scenario", "study", "plan"])
def test_schemas_are_printed(fleetsim_here, kind):
    schema = json.loads(fleetsim_here("schema", kind).stdout)
    assert schema["title"] == f"fleetsim {kind}"
    assert kind in schema["properties"] or "fleetsim" in schema["properties"]
