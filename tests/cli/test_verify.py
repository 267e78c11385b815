"""`fleetsim verify`: right on a right simulator, on any seed; wrong on one that was broken on purpose."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from analysis import verify
from analysis.cli import fleetsim as command
from analysis.verify.model import Figure
from analysis.verify.verdict import MISSES, compare

ROOT = Path(__file__).parents[2]
FEW = {"M/M/10, load 0.9", "LLM one at a time: M/D/1, load 0.7", "batches to 8 in 2 + b s, 0.4/s"}


def few():
    return [model for model in verify.all_models() if model.name in FEW]


def wrong(model, factor):
    """The model with another theory."""
    figures = tuple(replace(figure, theory=figure.theory * factor) for figure in model.figures)
    return replace(model, figures=figures)


def invoke(monkeypatch, models, *arguments):
    """Run the command on these models only."""
    monkeypatch.setattr(verify, "all_models", lambda: models)
    return CliRunner().invoke(command, ["verify", "--jobs", "2", *arguments])


def test_there_are_models_of_every_kind():
    models = verify.all_models()
    names = [model.name for model in models]
    assert len(set(names)) == len(names) >= 20
    for start in ("M/M/", "M/D/", "round robin", "power of two", "batches", "LLM", "jobs", "gangs", "energy"):
        assert any(name.startswith(start) for name in names), start
    assert max(map(len, names)) <= 35, "the table fits 100 columns"


def test_a_table_and_a_verdict(monkeypatch):
    result = invoke(monkeypatch, few())
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[-1] == "all 12 figures of 3 models agree"
    assert all(len(line) <= 100 for line in lines)
    assert lines[0].split() == ["model", "figure", "theory", "measured", "interval", "z", "finds", "verdict"]
    assert "\x1b" not in result.stdout


def test_json_holds_every_figure_and_another_seed_measures_others(monkeypatch):
    model = [few()[0]]
    first, again, other = (
        json.loads(invoke(monkeypatch, model, "--json", "--seed", str(seed)).stdout) for seed in (1, 1, 2)
    )
    assert first == again
    assert first["agrees"]
    assert first["seed"] == 1
    row, another = first["figures"][0], other["figures"][0]
    assert row["low"] < row["theory"] < row["high"]
    assert row["measured"] != another["measured"]
    assert row["path"] == "services.s.queueing_s.mean"


def test_the_number_of_processes_changes_nothing():
    model = [few()[0]]
    assert verify.verify(model, jobs=1, longer=0.1) == verify.verify(model, jobs=2, longer=0.1)


def test_a_wrong_theory_is_measured_again_and_named(monkeypatch):
    right, off, exact = few()
    result = invoke(monkeypatch, [right, wrong(off, 1.03), wrong(exact, 1.03)])
    assert result.exit_code == 1
    last = result.stdout.splitlines()[-1]
    assert "differ from theory, 2 of 3 models" in last
    assert off.name in last
    assert exact.name in last
    assert right.name not in last
    assert "differs*" in result.stdout


def test_what_is_not_measured_does_not_agree():
    figure = Figure("nothing", 1.0, "services.s.nothing")
    assert np.isnan(figure.measured({}))
    assert not compare("m", figure, np.full(32, np.nan), 10).agrees


def test_intervals_miss_as_often_as_they_say():
    """Ten figures judged together, all of them right: any misses with a chance of 2 %, here in 2,000 tables."""
    generator = np.random.default_rng(3)
    figure = Figure("f", 5.0, "path")
    tables = generator.normal(5.0, 0.3, (2000, 10, 32))
    missed = sum(not all(compare("m", figure, values, 10).agrees for values in table) for table in tables)
    assert abs(missed - 2000 * MISSES) < 4 * np.sqrt(2000 * MISSES)


def test_errors_are_found_as_often_as_they_say():
    """A simulator that is off by what a figure claims to find is found nine times in ten, or little less."""
    generator = np.random.default_rng(4)
    figure = Figure("f", 5.0, "path")
    finds = compare("m", figure, generator.normal(5.0, 0.3, 100_000)[:32], 10).finds
    values = generator.normal(5.0 * (1.0 + finds), 0.3, (2000, 32))
    found = np.mean([not compare("m", figure, each, 10).agrees for each in values])
    assert 0.8 < found < 0.99


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_every_figure_agrees(fleetsim, seed):
    done = fleetsim("verify", "--seed", seed, NO_COLOR="1")
    assert done.returncode == 0, done.stdout
    assert done.stdout.splitlines()[-1].startswith("all ")
    assert done.stderr == "" or "compiling" in done.stderr


@pytest.mark.slow
def test_a_thorough_look_finds_errors_a_third_as_large(monkeypatch):
    model = [few()[0]]
    quick, thorough = (
        json.loads(invoke(monkeypatch, model, "--json", "--seed", "4", *more).stdout) for more in ((), ("--thorough",))
    )
    assert quick["agrees"]
    assert thorough["agrees"]
    for rough, fine in zip(quick["figures"], thorough["figures"], strict=True):
        assert fine["finds"] < 0.6 * rough["finds"]


FAULTS = {
    "a pass takes 3 % longer": (
        [("single_pass.py", "now + per_batch.time_fixed * share", "now + per_batch.time_fixed * share * 1.03")],
        ["M/M/1, load 0.8", "M/D/4, load 0.8", "round robin over 4, load 0.8", "energy of M/M/8, 5 erlangs"],
    ),
    "iterations take 3 % longer, the two servers drawn may be one, one more may wait": (
        [
            ("segment.py", "(iterations * piece.time_fixed +", "(iterations * piece.time_fixed * 1.03 +"),
            ("routing.py", "2 * request_number + 1, replicas - 1)", "2 * request_number + 1, replicas)"),
            ("routing.py", "return first, second + 1 if second >= first else second", "return first, second"),
            ("arrival.py", "elif service.waiting >= service.queue_limit", "elif service.waiting > service.queue_limit"),
            (
                "arrival.py",
                "        return\n    if service.waiting >= service.queue_limit",
                "        return\n    if service.waiting > service.queue_limit",
            ),
        ],
        [
            "M/M/1/10, load 0.9",
            "M/M/10/10, 8 erlangs",
            "power of two among 2, load 0.8",
            "LLM one at a time: M/D/1, load 0.7",
            "LLM batches of 8: M/D/1, load 0.7",
        ],
    ),
}
"""Edits of the kernels, and models that must be found off."""


@pytest.mark.slow
@pytest.mark.parametrize(("edits", "off"), FAULTS.values(), ids=FAULTS)
def test_a_kernel_broken_on_purpose_is_found(tmp_path, edits, off):
    for package in ("sim", "analysis"):
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    for name, right, broken in edits:
        file = tmp_path / "sim" / "serving" / name
        source = file.read_text(encoding="utf-8")
        assert source.count(right) == 1, f"{name} has changed: {right}"
        file.write_text(source.replace(right, broken), encoding="utf-8")
    variables = os.environ | {"PYTHONPATH": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    arguments = [sys.executable, "-m", "analysis", "verify", "--json"]
    done = subprocess.run(arguments, capture_output=True, text=True, cwd=tmp_path, env=variables, check=False)
    assert done.returncode == 1, done.stderr
    disagreeing = json.loads(done.stdout)["disagreeing"]
    assert set(off) <= set(disagreeing)
    untouched = [name for name in disagreeing if name.startswith(("jobs", "gangs"))]
    assert not untouched, "jobs are no requests"
