"""Every code block of the READMEs runs as it stands; set-up lines (`bash`) are run by `.ci/run` on a fresh clone."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
READMES = sorted(path.relative_to(ROOT) for path in ROOT.rglob("README.md") if ".venv" not in path.parts)
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
FILE = re.compile(r"# ([\w.-]+\.(?:py|yaml))\n")
LINK = re.compile(r"\]\(([^)#:]+)\)")
CONTRACT = {"yaml", "python", "console", "bash"}


@dataclass
class Block:
    language: str
    text: str

    @property
    def file(self):
        """The file that its first line says it is."""
        named = FILE.match(self.text)
        return named and named.group(1)


def blocks(readme):
    return [Block(*found) for found in BLOCK.findall((ROOT / readme).read_text(encoding="utf-8"))]


@pytest.fixture
def work(tmp_path):
    """A folder in which a reader of any README could stand: the scenarios, and some file that is called chat.yaml."""
    shutil.copytree(ROOT / "scenarios", tmp_path / "scenarios")
    shutil.copy(ROOT / "tests" / "data" / "chat-and-finetune.yaml", tmp_path / "chat.yaml")
    return tmp_path


def execute(work, *command):
    paths = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "PYTHONPATH": paths, "COLUMNS": "100", "NO_COLOR": "1"}
    done = subprocess.run(
        [sys.executable, *command], cwd=work, env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def run_console(work, fleetsim_here, text):
    """Run each line behind a `$`; what stands below it must come out, but for the line that tells the time taken."""
    for step in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        line, *expected = step.splitlines()
        program, *arguments = shlex.split(line)
        if program == "python":
            assert "pytest" in arguments, "only the tests are run with `python` in a README"
            arguments = [argument.replace("tests/", f"{ROOT}/tests/") for argument in arguments]
            output = execute(work, *arguments, "-p", "no:cacheprovider")
        else:
            assert program == "fleetsim"
            done = fleetsim_here(*arguments)
            assert done.returncode == 0, done.stderr
            output = done.stdout
        for shown in expected:
            told = any(alike(shown, printed) for printed in output.splitlines())
            assert told or "requests/s" in shown, f"{line} does not print\n{shown}\nbut\n{output}"


def alike(shown, printed):
    """Whether two lines have the same words, and numbers within a tenth: processors differ in the last bit."""
    ours, theirs = (re.findall(r"[\d.,]*\d|[^\s\d]+", line) for line in (shown, printed))
    if len(ours) != len(theirs):
        return False
    return all(
        one == other or (one[-1].isdigit() and other[-1].isdigit() and number(one) == pytest.approx(number(other), 0.1))
        for one, other in zip(ours, theirs, strict=True)
    )


def number(text):
    return float(text.replace(",", ""))


@pytest.mark.parametrize("readme", READMES, ids=str)
def test_blocks_run(readme, work, fleetsim_here):
    for block in blocks(readme):
        assert block.language in CONTRACT
        if block.file:
            (work / block.file).write_text(block.text, encoding="utf-8")
        elif block.language == "python":
            execute(work, "-c", block.text)
        elif block.language == "console":
            run_console(work, fleetsim_here, block.text)
        else:
            assert block.language == "bash", f"a {block.language} block of {readme} does not say which file it is"


def test_links_arrive():
    broken = [
        f"{readme}: {link}"
        for readme in READMES
        for link in LINK.findall((ROOT / readme).read_text(encoding="utf-8"))
        if not (ROOT / readme).parent.joinpath(link).exists()
    ]
    assert not broken


def test_the_readme_has_the_commands_that_a_stranger_needs():
    setup = [block.text for block in blocks("README.md") if block.language == "bash"]
    assert len(setup) == 2
    assert all(len(text.splitlines()) == 1 for text in setup)
    assert "fleetsim run scenarios/" in setup[0]
    assert setup[1].rstrip().endswith("pytest -n 2")
