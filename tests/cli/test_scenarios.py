"""Every scenario of the gallery runs through the command, keeps all laws, and leaves a report of a fair size."""

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "scenarios").glob("*.yaml"))
SEARCHES = [file for file in FILES if file.stem.endswith(("_study", "_plan"))]
SCENARIOS = [file for file in FILES if file not in SEARCHES]
LARGEST_REPORT = 400_000


@pytest.fixture
def answer(fleetsim_here, tmp_path):
    """Run a command on a file, with results in `out`; gives its JSON."""

    def run(command, file):
        done = fleetsim_here(command, file, "--out", tmp_path / "out", "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


@pytest.mark.parametrize("file", SCENARIOS, ids=lambda path: path.stem)
def test_runs_with_a_report(answer, file, tmp_path):
    summary = answer("run", file)
    assert summary["run"]["name"] == file.stem.replace("_", "-")
    assert all(law["holds"] for law in summary["audit"])
    assert all(service["requests"]["completed"] > 0 for service in summary["services"].values())
    report = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert len(report) < LARGEST_REPORT
    assert summary["run"]["name"] in report


@pytest.mark.parametrize("file", FILES, ids=lambda path: path.stem)
def test_says_what_it_teaches(file):
    comment = re.split(r"^(?:fleetsim|study|plan): ", file.read_text(encoding="utf-8"), flags=re.MULTILINE)[0]
    assert "What it teaches" in comment
    assert file.name in (ROOT / "scenarios" / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("file", SCENARIOS, ids=lambda path: path.stem)
def test_changes_that_a_comment_proposes_are_accepted(file):
    from sim.scenario import load
    from sim.scenario.yaml_reader import read_value

    comment = file.read_text(encoding="utf-8").partition("fleetsim: 1")[0]
    settings = re.findall(r"--set (?:'([^']+)'|([\w.=/]+))", comment)
    scenario = load(file)
    for quoted, plain in settings:
        path, _, value = (quoted or plain).partition("=")
        scenario.with_({path: read_value(value, path)})
    assert settings or file.stem == "mm10"


SHORTER = {
    "first_fleet.yaml": {
        "horizon: 1 d": "horizon: 2 h",
        "2027-01-04T08:00": "2027-01-04T20:00",
        "warmup: 1 h": "warmup: 10 min",
    },
    "schedulers.yaml": {"horizon: 8 d": "horizon: 1 d", "warmup: 1 d": "warmup: 2 h"},
}
"""The first fleet for two hours around noon, the schedulers for a day."""


@pytest.mark.parametrize("file", SEARCHES, ids=lambda path: path.stem)
def test_searches_run_on_a_shorter_scenario(answer, file, tmp_path):
    """On a shorter scenario and with few replications the answer is another, and the way is the same."""
    for name, changes in SHORTER.items():
        scenario = (ROOT / "scenarios" / name).read_text(encoding="utf-8")
        for old, new in changes.items():
            assert old in scenario
            scenario = scenario.replace(old, new)
        (tmp_path / name).write_text(scenario, encoding="utf-8")
    text = file.read_text(encoding="utf-8")
    text = text.replace("replications: 6", "replications: 2").replace("{first: 16, max: 64}", "{first: 4, max: 4}")
    (tmp_path / file.name).write_text(text, encoding="utf-8")
    command = "plan" if file.stem.endswith("_plan") else "sweep"
    found = answer(command, tmp_path / file.name)
    assert found[command.replace("sweep", "study")] == file.stem.replace("_", "-")
    assert (tmp_path / "out" / "report.html").stat().st_size < LARGEST_REPORT


def test_the_smallest_meets_theory(answer):
    """M/M/10 at 90 %: the mean wait is 0.6687 s (Erlang C); at this length it scatters by about a hundredth."""
    summary = answer("run", ROOT / "scenarios" / "mm10.yaml")
    assert summary["services"]["s"]["queueing_s"]["mean"] == pytest.approx(0.66873152, rel=0.06)
