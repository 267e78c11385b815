"""Every property of this folder on thousands of random cases, others than those of the quick run."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = 120
SEED = 20270104
LEAST = 2000


@pytest.mark.slow
def test_properties_hold_on_thousands_of_further_cases():
    """In a process of its own: how many cases a property has is settled when its file is imported."""
    usual = {name: value for name, value in os.environ.items() if name != "CI"}
    outcome = subprocess.run(
        [sys.executable, "-m", "pytest", f"--hypothesis-seed={SEED}", "--hypothesis-show-statistics", "."],
        cwd=Path(__file__).parent,
        env=usual | {"FLEETSIM_EXAMPLES": str(EXAMPLES)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert outcome.returncode == 0, outcome.stdout[-5000:]
    passing = [int(number) for number in re.findall(r"(\d+) passing", outcome.stdout)]
    sys.stdout.write(f"\n{sum(passing)} random cases\n")
    assert sum(passing) >= LEAST
