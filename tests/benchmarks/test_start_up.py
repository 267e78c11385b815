"""How long one waits before anything happens."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DATA = ROOT / "tests" / "data"

FIRST_RUN = """
import sys, time
import sim
from sim.simulation import Simulation, prepare
scenario = sim.load(sys.argv[1], {"horizon": "2001 s"})
began = time.perf_counter()
Simulation(prepare(scenario)).run()
print(time.perf_counter() - began)
"""
"""A run of eighteen thousand requests: nearly all of it is compiling the kernels, or loading them."""


def elapsed(*arguments):
    command = [sys.executable, "-m", "analysis", *map(str, arguments)]
    began = time.perf_counter()
    subprocess.run(command, check=True, cwd=ROOT, capture_output=True)
    return time.perf_counter() - began


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "limit"),
    [(("--help",), 0.2), (("check", DATA / "mm10.yaml"), 0.7), (("check", DATA / "chat-and-finetune.yaml"), 0.7)],
    ids=["help", "check a queue", "check services and jobs"],
)
def test_answers_at_once(arguments, limit):
    best = min(elapsed(*arguments) for _ in range(3))
    sys.stdout.write(f"\n{arguments[0]}: {best:.2f} s\n")
    assert best < limit


def first_run(cache):
    """Seconds of a first run with kernels kept in `cache`, and what was said meanwhile."""
    environment = os.environ | {"XDG_CACHE_HOME": str(cache), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", FIRST_RUN, str(DATA / "mm10.yaml")]
    done = subprocess.run(command, check=True, env=environment, capture_output=True, text=True)
    return float(done.stdout), done.stderr


@pytest.mark.slow
def test_kernels_compile_once_and_say_so(tmp_path):
    compiling, said = first_run(tmp_path)
    loading, quiet = min(first_run(tmp_path) for _ in range(3))
    sys.stdout.write(f"\nkernels: {compiling:.1f} s to compile, {loading:.2f} s from the cache\n")
    assert "compiling" in said
    assert quiet == ""
    assert compiling < 30.0
    assert loading < 1.0
