"""Imports point one way, what is light stays light, and files stay short."""

import ast
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("sim", "analysis")
LONGEST, LONG = 400, 350
HEAVY = {"pandas", "matplotlib", "numba", "dask", "pyarrow", "jinja2"}

FOUNDATIONS = ("sim.units", "sim.warmup", "sim.policies.protocols", "sim.policies.registry", "sim.whole_folder")
LAYERS = [
    {*FOUNDATIONS},
    {"sim.catalog"},
    {"sim.scenario"},
    {"sim.hardware", "sim.workload"},
    {"sim.fleet"},
    {"sim.serving", "sim.training", "sim.lifecycle"},
    {"sim.policies"},
    {
        "sim.placing",
        "sim.pools",
        "sim.pool_summary",
        "sim.job_physics",
        "sim.preparation",
        "sim.service_plans",
        "sim.replicas",
        "sim.telemetry",
        "sim.timeline",
        "sim.batches",
        "sim.pilot",
        "sim.accounts",
        "sim.assumptions",
        "sim.audit",
        "sim.compute",
        "sim.summary",
        "sim.group_summary",
        "sim.job_bills",
        "sim.job_tables",
        "sim.tenant_summary",
        "sim.results",
        "sim.simulation",
    },
    {"sim"},
    {"analysis"},
]
APART = ({"sim.hardware", "sim.workload"}, {"sim.serving", "sim.training", "sim.lifecycle"})
"""Rooms of one layer that do not know each other."""


def modules():
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path


def known_names():
    return {name for name, _ in modules()}


def room_of(name):
    """The entry of LAYERS with the longest name that holds a module."""
    rooms = [room for layer in LAYERS for room in layer if name == room or name.startswith(f"{room}.")]
    return max(rooms, key=len)


def layer_of(name):
    return next(number for number, layer in enumerate(LAYERS) if room_of(name) in layer)


def imports(path, name):
    """Every module of the project that a file names in an import, wherever it stands; those for types alone too."""
    found, known = set(), known_names()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            whole = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {each if each in known else str(node.module) for each in whole}
    return {each for each in found if each.partition(".")[0] in PACKAGES} - {name}


def for_types_only(path):
    """Modules that are imported under `if TYPE_CHECKING`."""
    blocks = [
        node
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
    ]
    return {str(each.module) for block in blocks for each in block.body if isinstance(each, ast.ImportFrom)}


@pytest.mark.parametrize("name", sorted(known_names()))
def test_imports_point_one_way(name):
    path = dict(modules())[name]
    for target in imports(path, name) - for_types_only(path):
        assert layer_of(target) <= layer_of(name), f"{name} imports {target}, which lies above it"
        ours, theirs = room_of(name), room_of(target)
        together = any({ours, theirs} <= rooms for rooms in APART)
        assert ours == theirs or not together, f"{name} imports {target}: these two do not know each other"


@pytest.mark.parametrize("name", sorted(name for name in known_names() if name.startswith("sim")))
def test_sim_never_imports_analysis(name):
    assert not {each for each in imports(dict(modules())[name], name) if each.startswith("analysis")}


def test_every_room_has_its_layer():
    rooms = {room for layer in LAYERS for room in layer}
    for name in known_names():
        top = ".".join(name.split(".")[:2])
        assert name == "sim" or name.startswith("analysis") or {name, top} & rooms, f"{name} has no layer"


@pytest.mark.parametrize(
    "statement", ["import sim", "import sim; sim.load", "import sim.preparation", "import analysis"]
)
def test_what_is_light_stays_light(statement):
    code = f"{statement}\nimport sys\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    loaded = set(done.stdout.split())
    assert not HEAVY & loaded
    assert "scipy" not in loaded


def test_files_stay_short():
    lengths = {path.relative_to(ROOT): len(path.read_text(encoding="utf-8").splitlines()) for _, path in modules()}
    for path, length in lengths.items():
        if length > LONG:
            warnings.warn(f"{path} has {length} lines", stacklevel=1)
    assert {path: length for path, length in lengths.items() if length > LONGEST} == {}


LONGEST_KERNEL = 60
STEPS = {"arrive", "admit", "begin_prefill", "decode", "complete", "preempt", "hand_over", "time_out"}


def test_kernels_are_short_and_named_by_what_happens():
    """A reader of the request plane finds each step in the life of a request under its name."""
    named = set()
    for path in sorted((ROOT / "sim" / "serving").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef):
                named.add(node.name)
                length = (node.end_lineno or node.lineno) - node.lineno + 1
                assert length <= LONGEST_KERNEL, f"{path.name}: {node.name} has {length} lines"
    assert named >= STEPS
