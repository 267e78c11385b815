"""A run of fifty million requests holds what a run of one million holds."""

import subprocess
import sys
from pathlib import Path

import pytest

SCENARIO = Path(__file__).parents[2] / "scenarios" / "mm10.yaml"
RUN = """
import re, sys
from pathlib import Path
import sim

size, folder, rows = int(sys.argv[1]), sys.argv[2], sys.argv[3] == "rows"
scenario = sim.load({scenario!r}).with_({{
    "horizon": "111000 s",
    "pools.p.nodes": 10 * size,
    "services.s.replicas": 10 * size,
    "services.s.requests.arrivals.rate": f"{{9 * size}}/s",
    "output.requests": rows,
}})
result = sim.run(scenario)
result.save(folder)
peak = re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]
print(result.summary["run"]["requests"], int(peak) / 1024)
"""


def megabytes(size, folder, rows):
    """The largest memory of a run, in MiB, and its requests."""
    code = RUN.format(scenario=str(SCENARIO))
    command = [sys.executable, "-c", code, str(size), str(folder / f"{size}{rows}"), rows]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=SCENARIO.parents[1])
    requests, peak = done.stdout.split()
    return int(requests), float(peak)


@pytest.mark.slow
@pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="the peak of a process's own memory is not known here"
)
@pytest.mark.parametrize(("rows", "size"), [("no rows", 50), ("rows", 5)])
def test_memory_does_not_grow_with_requests(tmp_path, rows, size):
    megabytes(1, tmp_path / "first", rows)  # so that nobody compiles while being measured
    few, least = megabytes(1, tmp_path, rows)
    many, most = megabytes(size, tmp_path, rows)
    sys.stdout.write(
        f"\n{rows}: {least:.0f} MiB for {few:,} requests, {most:.0f} MiB for {many:,}: {most / least:.2f}x\n"
    )
    assert many > 0.98 * size * few
    assert most < min(1.2 * least, 600)
