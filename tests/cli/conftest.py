"""The command, in a process of its own or in this one."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from analysis.cli import main

ROOT = Path(__file__).parents[2]


@pytest.fixture
def work(tmp_path):
    """The empty folder that a command is run in."""
    folder = tmp_path / "work"
    folder.mkdir()
    return folder


@pytest.fixture
def fleetsim(work):
    """Run `fleetsim ARGUMENTS` in `work`; gives exit code, stdout and stderr."""

    def run(*arguments, **environment):
        command = [sys.executable, "-m", "analysis", *map(str, arguments)]
        variables = os.environ | {"PYTHONPATH": str(ROOT)} | environment
        return subprocess.run(command, capture_output=True, text=True, cwd=work, env=variables, check=False)

    return run


@pytest.fixture
def fleetsim_here(work, monkeypatch, capfd):
    """The same in this process, which has imported everything: for what many small cases ask."""
    monkeypatch.chdir(work)

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["fleetsim", *map(str, arguments)])
        with pytest.raises(SystemExit) as end:
            main()
        return subprocess.CompletedProcess(arguments, end.value.code or 0, *capfd.readouterr())

    return run
