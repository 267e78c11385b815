"""Machine code that is kept between runs is never that of another source."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SIM = Path(__file__).parents[2] / "sim"
WAITING_FOR_TEN_SECONDS = """
from sim.hardware.tables import SinglePassReplica
from sim.serving.request_plane import RequestPlane
from sim.serving.service_plan import ServicePlan
from sim.workload.blocks import blank
import numpy as np

class Nobody:
    block_size = 1
    def next_block(self):
        return blank(0)

replica = SinglePassReplica(1, np.ones(2), np.ones(2), 1.0, 1.0, 1.0)
plane = RequestPlane([ServicePlan("s", replica, 1, "round_robin", Nobody())])
plane.plane.queues["length"][0] = 1
plane.plane.clock["now"] = 10.0
plane.settle()
print(float(plane.plane.services["waiting_area"][0]))
"""
"""The helper that is edited below integrates how many wait. Python finds the copy in the folder where it is run."""


@pytest.fixture
def area(tmp_path):
    """Run the script on a copy of the simulator in `tmp_path`; gives its figure, and what was said on stderr."""
    shutil.copytree(SIM, tmp_path / "sim", ignore=shutil.ignore_patterns("__pycache__"))

    def run(**environment):
        variables = os.environ | {"XDG_CACHE_HOME": str(tmp_path / "cache")} | environment
        command = [sys.executable, "-c", WAITING_FOR_TEN_SECONDS]
        done = subprocess.run(command, check=True, cwd=tmp_path, env=variables, capture_output=True, text=True)
        return float(done.stdout), done.stderr

    return run


def test_editing_a_helper_is_seen_at_the_next_run(area, tmp_path):
    assert area()[0] == 10.0
    assert area() == (10.0, ""), "nothing has changed, so nothing is compiled"
    helper = tmp_path / "sim" / "serving" / "counting.py"
    source = helper.read_text()
    assert source.count("queue.length * (") == 1
    helper.write_text(source.replace("queue.length * (", "queue.length * 3.0 * ("))
    figure, said = area()
    assert figure == 30.0
    assert "compiling `settle`" in said


def test_a_cache_folder_that_cannot_be_written_is_replaced_by_a_temporary_one(area, tmp_path):
    (tmp_path / "file").write_text("not a folder")
    (tmp_path / "temporary").mkdir()
    environment = {"XDG_CACHE_HOME": str(tmp_path / "file" / "cache"), "TMPDIR": str(tmp_path / "temporary")}
    assert area(**environment)[0] == 10.0
    assert list((tmp_path / "temporary").glob("fleetsim-*/*/**/*.nbc")), "the machine code is kept there"
    assert area(**environment) == (10.0, "")
