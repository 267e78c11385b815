"""Twenty replications on two processes against one run, both as commands, start-up included."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MOST = 11.0


def seconds(folder, *arguments):
    began = time.perf_counter()
    command = [sys.executable, "-m", "analysis", "run", str(ROOT / "scenarios" / "first_fleet.yaml"), "--quiet"]
    subprocess.run([*command, "--out", str(folder), *arguments], cwd=ROOT, check=True)
    return time.perf_counter() - began


@pytest.mark.slow
def test_twenty_replications_take_at_most_eleven_times_one(tmp_path):
    one = min(seconds(tmp_path / f"one-{number}") for number in range(3))
    twenty = min(seconds(tmp_path / f"twenty-{number}", "--replications", "20", "--jobs", "2") for number in range(2))
    sys.stdout.write(f"\none run {one:.2f} s, 20 replications {twenty:.2f} s: {twenty / one:.1f} times\n")
    assert twenty <= MOST * one
