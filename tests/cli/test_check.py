"""The command itself, in a process of its own."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

DATA = Path(__file__).parents[1] / "data"
ROOT = Path(__file__).parents[2]
SMALL = DATA / "mm10.yaml"
LARGE = DATA / "chat-and-finetune.yaml"


def fleetsim(*arguments):
    command = [sys.executable, "-m", "analysis", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)


def quickest(*arguments, times=3):
    durations = []
    for _ in range(times):
        begin = time.perf_counter()
        fleetsim(*arguments)
        durations.append(time.perf_counter() - begin)
    return min(durations)


def test_help_names_the_commands():
    done = fleetsim("--help")
    assert done.returncode == 0
    for command in ("run", "check", "catalog", "schema", "report"):
        assert f"  {command} " in done.stdout


def test_help_imports_nothing_of_the_simulator():
    code = "import sys, analysis.cli; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert not {"sim", "pydantic", "yaml", "numpy", "rich"} & set(done.stdout.split())


def test_answers_are_quick():
    assert quickest("--help") < 0.6
    assert quickest("check", SMALL) < 1.5


def test_check_says_what_a_run_would_hold():
    done = fleetsim("check", SMALL, LARGE)
    assert (done.returncode, done.stderr) == (0, "")
    assert "10 replicas" in done.stdout
    assert "about 1,800,000 requests" in done.stdout
    assert "services.photos.routing: least_outstanding" in done.stdout
    assert "services.chat.routing" not in done.stdout


def test_check_imports_nothing_heavy():
    code = f"""
import sys
from analysis.check import describe
from sim.scenario import load
describe(load({str(LARGE)!r}))
print(*sys.modules)"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert not {"pandas", "matplotlib", "scipy", "numba", "dask", "pyarrow"} & set(done.stdout.split())


def test_wrong_files_give_lines_not_tracebacks(tmp_path):
    file = tmp_path / "chat.yaml"
    file.write_text(LARGE.read_text().replace("pue: 1.12", "peu: 1.12").replace("seed: 7", "seed: x"))
    done = fleetsim("check", file, SMALL, tmp_path / "none.yaml")
    assert done.returncode == 2
    lines = done.stderr.splitlines()
    assert [line.removeprefix(f"{file}:").split(":")[0] for line in lines[:2]] == ["8", "12"]
    assert lines[1].endswith("sites.west.peu: unknown key (did you mean `pue`?)")
    assert "none.yaml: No such file" in lines[2]
    assert "Traceback" not in done.stderr
    assert "10 replicas" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("check",), "Missing argument"),
        (("chek",), "No such command"),
        (("run", SMALL, "--sett", "a=1"), "No such option"),
        (("run", SMALL, "--set", "pools.p.nodes"), "write --set path=value"),
        (("run", SMALL, "--set", "pools.p.nodes=0"), "pools.p.nodes: `0` is too small"),
        (("run", SMALL, "--set", "pools.p.node=3"), "did you mean `nodes`?"),
        (("run", SMALL, "--set", "pools.p.nodes=[1"), "not YAML"),
        (("run", SMALL, "--seed", "-1"), "--seed"),
        (("run", "nowhere.yaml"), "No such file"),
        (("report", "nowhere"), "holds no results"),
        (("catalog", "nothing"), "Invalid value"),
        (("catalog", "accelerators", "H100-SMX"), "H100-SXM"),
    ],
)
def test_wrong_command_lines(fleetsim_here, arguments, words):
    done = fleetsim_here(*arguments)
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_a_folder_with_another_run_is_refused_before_the_run(tmp_path):
    (tmp_path / "summary.json").write_text("{}")
    begin = time.perf_counter()
    done = fleetsim("run", SMALL, "--out", tmp_path)
    assert done.returncode == 2
    assert "holds other results" in done.stderr
    assert (tmp_path / "summary.json").read_text() == "{}"
    assert time.perf_counter() - begin < 5


def test_schema_is_json():
    done = fleetsim("schema")
    schema = json.loads(done.stdout)
    assert schema["$schema"].startswith("https://json-schema.org/")
    assert "pools" in schema["required"]


def test_catalog():
    done = fleetsim("catalog", "accelerators", "H100-SXM")
    assert done.returncode == 0
    assert "H100-SXM" in done.stdout
