"""The real command, in a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def fleetsim(tmp_path):
    """Run `fleetsim ARGUMENTS` in an empty folder `work`; gives exit code, stdout and stderr."""
    work = tmp_path / "work"
    work.mkdir()

    def run(*arguments, **environment):
        command = [sys.executable, "-m", "analysis", *map(str, arguments)]
        variables = os.environ | {"PYTHONPATH": str(ROOT)} | environment
        return subprocess.run(command, capture_output=True, text=True, cwd=work, env=variables, check=False)

    return run
