"""The command on ten million requests: everything but its start-up counts, reading, drawing, writing and the report."""

import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
REQUESTS, RATE = 1e7, 30.0


def run(folder, horizon):
    """Run the scenario to a horizon in seconds; gives the wall seconds of the command."""
    scenario = {
        "fleetsim": 1,
        "name": "ten-million",
        "horizon": f"{horizon} s",
        "pools": {"p": {"accelerator": "H100-SXM", "nodes": 2, "accelerators_per_node": 8}},
        "services": {
            "s": {
                "model": "Llama-3.1-8B",
                "pools": ["p"],
                "replicas": 16,
                "requests": {"arrivals": {"process": "poisson", "rate": f"{RATE}/s"}, "lengths": "azure-conv-2023"},
            }
        },
    }
    (folder / "scenario.yaml").write_text(yaml.safe_dump(scenario))
    command = [sys.executable, "-m", "analysis", "run", str(folder / "scenario.yaml"), "--out", str(folder / "out")]
    began = time.perf_counter()
    subprocess.run([*command, "--force", "--quiet"], check=True, cwd=ROOT)
    return time.perf_counter() - began


@pytest.mark.slow
def test_a_million_requests_a_second_of_wall_time(tmp_path):
    run(tmp_path, 1.0)
    start_up = min(run(tmp_path, 1.0) for _ in range(3))
    wall = min(run(tmp_path, REQUESTS / RATE) for _ in range(3))
    rate = REQUESTS / (wall - start_up)
    sys.stdout.write(f"\n10 M requests: {wall:.1f} s, of it {start_up:.1f} s start-up; {rate / 1e6:.2f} M requests/s\n")
    assert rate > 1e6
