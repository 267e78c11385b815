"""Bad input: one clear error with file, line, key and a hint, exit code 2, no traceback, nothing left behind."""

import resource
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
GOOD = (ROOT / "tests" / "data" / "chat-and-finetune.yaml").read_text()
SMALL = (ROOT / "tests" / "data" / "mm10.yaml").read_text()
TRACED = SMALL.replace("{process: poisson, rate: 9/s}", "{process: trace, format: csv, path: trace.csv}")
JOBS = """\
training:
  t:
    pools: [p]
    trace: {format: csv, path: jobs.csv}
"""
HEADER = "job_id,submit_time,num_gpu,duration\n"


def edited(old, new, text=GOOD):
    assert text.count(old) == 1
    return text.replace(old, new)


def line_of(part, text):
    return text[: text.index(part)].count("\n") + 1


def refused(done, work, *words):
    """One error on stderr that holds all words, and no trace of a run."""
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    lines = done.stderr.splitlines()
    assert len(lines) == 1, done.stderr
    assert all(word in lines[0] for word in words), (lines[0], words)
    assert sorted(work.iterdir()) == []


WRONG = {
    "wrong type": ("nodes: 8", "nodes: eight", "pools.h100.nodes: expected a whole number, found `eight`"),
    "unknown key": ("racks: 2", "rack: 2", "pools.h100.rack: unknown key (did you mean `racks`?)"),
    "unknown accelerator": ("accelerator: H100-SXM\n", "accelerator: H100-SMX\n", "did you mean `H100-SXM`"),
    "no unit": ("horizon: 1 d", "horizon: 3600", "`3600` has no unit (write `3600 s`"),
    "negative": ("seed: 7", "seed: -7", "seed: `-7` is too small"),
    "negative quantity": ("pue: 1.12", "pue: -1", "sites.west.pue: `-1` is out of bounds (at least 1)"),
    "negative time": ("timeout: 60 s", "timeout: -60 s", "services.chat.timeout: `-60 s` is negative"),
    "NaN": ("pue: 1.12", "pue: .nan", "sites.west.pue: `nan` is not finite"),
    "NaN quantity": ("timeout: 60 s", "timeout: .nan", "services.chat.timeout: `nan` is not finite"),
    "infinite rate": ("rate: 900/s", "rate: .inf", "services.photos.requests.arrivals.rate: `inf` is not finite"),
    "warm-up": ("warmup: 1 h", "warmup: 25 h", "warmup: the warm-up leaves nothing of the horizon"),
    "too long": ("horizon: 1 d", "horizon: 400 y", "horizon: the clock does not reach that far (at most 270 y)"),
    "too many nodes": ("nodes: 8", "nodes: 1000000000000", "pools.h100.nodes: `1000000000000` is too large"),
    "huge batch": ("max_batch_size: 256", "max_batch_size: 1000000000", "is too large (at most 65536)"),
    "gang": ("{4: 0.5, 8: 0.3, 16: 0.2}", "{4: 0.5, 80: 0.5}", "a gang of 80 accelerators fits no pool"),
    "memory": ("parallelism: {tensor: 4}", "parallelism: {tensor: 1}", "does not fit on 1 x H100-SXM"),
    "precision": ("precision: fp8", "precision: fp9", "services.chat.precision: unknown value `fp9`"),
    "unknown policy": ("scheduling: fifo_first_fit", "scheduling: fifo_first", "did you mean `fifo_first_fit`"),
    "later policy": ("power: none", "power: cap", "`cap` arrives in a later version"),
    "option": ("{policy: best_fit}", "{policy: best_fit, racks: 2}", "policies.placement: placement policy `best_fit`"),
    "no such class": ("{policy: best_fit}", "nowhere:Mine", "policy `nowhere:Mine` cannot be imported"),
    "own power policy": (
        "power: none",
        "power: nowhere:Mine",
        "policies.power: a policy of one's own for power arrives",
    ),
    "tag": ("seed: 7", "seed: !!python/object/apply:os.system [ls]", "tags such as"),
}


@pytest.mark.parametrize(("old", "new", "words"), WRONG.values(), ids=WRONG)
def test_a_wrong_value_is_named_with_its_line(fleetsim_here, tmp_path, old, new, words):
    file = tmp_path / "chat.yaml"
    file.write_text(edited(old, new))
    line = line_of(new, file.read_text())
    done = fleetsim_here("run", file)
    refused(done, tmp_path / "work", words)
    assert abs(int(done.stderr.removeprefix(f"{file}:").split(":")[0]) - line) <= 3


def test_a_precision_that_the_accelerator_lacks(fleetsim_here, tmp_path):
    file = tmp_path / "chat.yaml"
    file.write_text(edited("accelerator: H100-SXM\n", "accelerator: A100-SXM-80GB\n"))
    refused(fleetsim_here("run", file), tmp_path / "work", "services.chat.model", "does not support precision fp8")


def test_everything_wrong_is_said_at_once(fleetsim, tmp_path):
    file = tmp_path / "chat.yaml"
    file.write_text(edited("seed: 7", "seed: x").replace("{tensor: 4}", "{tensor: 16}").replace("pue: ", "peu: "))
    done = fleetsim("run", file)
    assert done.returncode == 2
    assert [line.split(":")[1] for line in done.stderr.splitlines()] == ["8", "12"]


def test_problems_of_the_second_stage_come_together(fleetsim_here, tmp_path):
    file = tmp_path / "chat.yaml"
    file.write_text(GOOD.replace("{tensor: 4}", "{tensor: 1}").replace("{policy: best_fit}", "nowhere:Mine"))
    done = fleetsim_here("run", file)
    assert done.returncode == 2
    assert "cannot be imported" in done.stderr
    file.write_text(GOOD.replace("{tensor: 4}", "{tensor: 1}").replace("fifo_first_fit", "nowhere:Mine"))
    done = fleetsim_here("run", file)
    assert len(done.stderr.splitlines()) == 2
    assert "does not fit" in done.stderr


FILES = {
    "binary": (bytes(range(256)) * 4, "not UTF-8"),
    "zeros": (bytes(100), "not YAML"),
    "empty": (b"", "the file is empty"),
    "a list": (b"- 1\n- 2\n", "expected a map of keys"),
    "not YAML": (b"pools: {a: [1, 2}\n", ":1:"),
    "repeated key": (b"fleetsim: 1\nname: x\nname: y\n", ":3:1: name: the key is given twice (first in line 2)"),
    "alias bomb": (
        b"a0: &a0 [x,x,x,x,x,x,x,x,x]\n"
        + b"".join(b"a%d: &a%d [%s]\n" % (i, i, b",".join([b"*a%d" % (i - 1)] * 9)) for i in range(1, 12)),
        "more than 200000 values",
    ),
    "deep": (b"a: " + b"[" * 100_000, "more than 60 levels deep"),
}


@pytest.mark.parametrize(("content", "words"), FILES.values(), ids=FILES)
def test_a_file_that_is_no_scenario(fleetsim_here, tmp_path, content, words):
    file = tmp_path / "bad.yaml"
    file.write_bytes(content)
    refused(fleetsim_here("run", file), tmp_path / "work", str(file), words)


def test_a_file_that_is_too_large_is_not_read(fleetsim_here, tmp_path):
    file = tmp_path / "large.yaml"
    with file.open("wb") as stream:
        stream.truncate(100_000_000)
    began = time.perf_counter()
    refused(fleetsim_here("run", file), tmp_path / "work", str(file), "larger than 10 MB")
    assert time.perf_counter() - began < 5


def test_files_that_are_not_there(fleetsim, tmp_path):
    refused(fleetsim("run", tmp_path / "none.yaml"), tmp_path / "work", "none.yaml: No such file")
    refused(fleetsim("run", tmp_path), tmp_path / "work", "Is a directory")


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("pools.h100.node=3", "pools.h100.node: unknown key (did you mean `nodes`?)"),
        ("pools.h200.nodes=3", "pools.h200"),
        ("pools..nodes=3", "is not a dotted path"),
        ("horizon.x=3", "`horizon` is not a map"),
        ("services.chat.pools[4]=a", "services.chat.pools` has 1 entries"),
        ("pools.h100.nodes", "write --set path=value"),
        ("seed=[1", "not YAML"),
    ],
)
def test_wrong_settings(fleetsim_here, tmp_path, setting, words):
    file = tmp_path / "chat.yaml"
    file.write_text(GOOD)
    done = fleetsim_here("run", file, "--set", setting)
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert not list((tmp_path / "work").iterdir())


TRACES = {
    "unsorted": ("arrival_s\n1\n3\n2\n4\n", "trace.csv:4:", "sort the file by time (rows that are fine: 3, broken: 1)"),
    "text": ("arrival_s\n1\nsoon\n2\n", "trace.csv:3: `soon` is not a number (rows that are fine: 2, broken: 1)"),
    "NaN": ("arrival_s\n1\nnan\n", "trace.csv:3: `nan` is not finite (rows that are fine: 1, broken: 1)"),
    "ragged": ("arrival_s,work\n1,1\n2\n", "trace.csv:3: 1 values under 2 columns"),
    "no column": ("time\n1\n", "trace.csv:1: the column arrival_s is missing (there are: time)"),
    "empty": ("", "trace.csv:1: the column arrival_s is missing"),
    "no rows": ("arrival_s\n", "has no rows"),
}


@pytest.mark.parametrize("case", TRACES.values(), ids=TRACES)
def test_a_broken_trace_of_requests(fleetsim_here, tmp_path, case):
    file, (content, *words) = tmp_path / "traced.yaml", case
    file.write_text(TRACED)
    (tmp_path / "trace.csv").write_text(content)
    place = f"{file}:{line_of('path: trace.csv', TRACED)}:"
    refused(fleetsim_here("run", file), tmp_path / "work", place, "services.s.requests.arrivals.path", *words)


JOB_ROWS = {
    "gang": ("a,0,0,10\n", "jobs.csv:2: `0` accelerators: a gang has at least one"),
    "broken gang": ("a,0,1.5,10\n", "jobs.csv:2: `1.5` is not a whole number"),
    "negative": ("a,0,1,10\nb,1,1,-5\n", "jobs.csv:3: `-5` is negative (rows that are fine: 1, broken: 1)"),
    "unsorted": ("a,5,1,10\nb,1,1,5\n", "jobs.csv:3: arrives 4 s before the row above it"),
}


@pytest.mark.parametrize(("rows", "words"), JOB_ROWS.values(), ids=JOB_ROWS)
def test_a_broken_trace_of_jobs(fleetsim_here, tmp_path, rows, words):
    file = tmp_path / "traced.yaml"
    file.write_text(SMALL + JOBS)
    (tmp_path / "jobs.csv").write_text(HEADER + rows)
    refused(fleetsim_here("run", file), tmp_path / "work", str(file), "training.t.trace.path", words)


def test_a_broken_trace_in_the_standard_workload_format(fleetsim, tmp_path):
    file = tmp_path / "traced.yaml"
    file.write_text(SMALL + JOBS.replace("{format: csv, path: jobs.csv}", "{format: swf, path: jobs.swf}"))
    (tmp_path / "jobs.swf").write_text("; Version: 2.2\n1 0 5 60 4 -1 -1 4 100 -1 1 7 2 -1 3 -1 -1 -1\n2 9 5 60\n")
    words = (
        "jobs.swf:3: 4 values, where the format has 18 (rows that are fine: 1, broken: 1)",
        "training.t.trace.path",
    )
    refused(fleetsim("run", file), tmp_path / "work", f"{file}:{line_of('path: jobs.swf', file.read_text())}:", *words)


NAMED = """\
training:
  t:
    pools: [p]
    jobs: [{submit: 1 h, accelerators: 2, duration: 1 h}]
"""
WRONG_JOBS = {
    "no such tenant": (
        "tenants: {a: {}}\n",
        "1 h}]",
        "1 h, tenant: b}]",
        "training.t.jobs[0].tenant: unknown tenant `b`",
    ),
    "too large": (
        "",
        "accelerators: 2",
        "accelerators: 20",
        "a gang of 20 accelerators fits no pool: the largest has 10",
    ),
    "late": ("", "submit: 1 h", "submit: 1 y", "training.t.jobs[0].submit: the run has ended by then"),
    "no length": ("", ", duration: 1 h", "", "training.t.jobs[0]: `duration` is missing (or `model` and `tokens`)"),
    "memory": ("", "duration: 1 h", "model: Llama-3.1-8B, tokens: 1e9", "training.t.jobs[0].model: server does not"),
    "reserved": (
        "",
        "jobs:",
        "reservation: {from: 0, for: 1 h}\n    jobs:",
        "`reservation` arrives in a later version",
    ),
}


@pytest.mark.parametrize(("head", "old", "new", "words"), WRONG_JOBS.values(), ids=WRONG_JOBS)
def test_a_wrong_job_is_named_with_its_line(fleetsim, tmp_path, head, old, new, words):
    file = tmp_path / "named.yaml"
    file.write_text(SMALL + head + edited(old, new, NAMED))
    refused(fleetsim("run", file), tmp_path / "work", f"{file}:", words)


def test_a_trace_that_is_not_there(fleetsim_here, tmp_path):
    file = tmp_path / "traced.yaml"
    file.write_text(TRACED)
    refused(
        fleetsim_here("run", file),
        tmp_path / "work",
        "services.s.requests.arrivals.path",
        "there is no file",
        "trace.csv",
    )


def test_a_generative_model_needs_lengths_in_its_trace(fleetsim_here, tmp_path):
    file = tmp_path / "chat.yaml"
    arrivals = GOOD[GOOD.index("arrivals: {process: cox") : GOOD.index("    slo: {ttft")]
    file.write_text(GOOD.replace(arrivals, "arrivals: {process: trace, format: csv, path: trace.csv}\n"))
    (tmp_path / "trace.csv").write_text("arrival_s\n1\n2\n")
    refused(fleetsim_here("run", file), tmp_path / "work", "needs prompt_tokens and output_tokens")


OWN = {
    "syntax": ("class Mine(:\n", "SyntaxError"),
    "raises": ("1 / 0\n", "ZeroDivisionError"),
    "other name": ("class Yours: ...\n", "Mine"),
    "not whole": ("class Mine: ...\n", "lacks `place`"),
    "options": ("class Mine:\n    def __init__(self, depth): ...\n", "missing a required argument: 'depth'"),
    "refuses": ("class Mine:\n    def __init__(self):\n        raise ValueError('no')\n", "refuses its options"),
    "fails": ("class Mine:\n    def place(self, *_):\n        return 1 // 0\n", "Mine failed: ZeroDivisionError"),
    "overbooks": ("class Mine:\n    def place(self, n, *_):\n        return [(0, n + 5)]\n", "Mine places"),
    "off the map": ("class Mine:\n    def place(self, n, *_):\n        return [(99, n)]\n", "Mine places"),
}


@pytest.mark.parametrize(("source", "words"), OWN.values(), ids=OWN)
def test_a_class_of_ones_own_that_cannot_be_used(fleetsim, tmp_path, source, words):
    file = tmp_path / "small.yaml"
    file.write_text(SMALL + "policies:\n  placement: mine:Mine\n")
    (tmp_path / "mine.py").write_text(source)
    refused(fleetsim("run", file), tmp_path / "work", f"{file}:", "policies.placement", words)


def test_an_output_folder_in_use(fleetsim_here, tmp_path):
    taken = tmp_path / "taken"
    taken.mkdir()
    (taken / "summary.json").write_text("{}")
    file = tmp_path / "small.yaml"
    file.write_text(SMALL)
    refused(fleetsim_here("run", file, "--out", taken), tmp_path / "work", "holds other results", "--force")
    assert [path.name for path in taken.iterdir()] == ["summary.json"]
    refused(fleetsim_here("run", file, "--out", file), tmp_path / "work", "small.yaml: Not a directory")
    refused(fleetsim_here("run", file, "--out", file / "deeper"), tmp_path / "work", "Not a directory")


def test_errors_are_found_before_anything_heavy_is_imported(tmp_path):
    file = tmp_path / "chat.yaml"
    file.write_text(edited("parallelism: {tensor: 4}", "parallelism: {tensor: 1}"))
    code = f"""
import sys
from analysis.cli import fleetsim
try:
    fleetsim(["run", {str(file)!r}])
except SystemExit as end:
    print(end.code, *sys.modules)"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    exit_code, *modules = done.stdout.split()
    assert exit_code == "2"
    assert not {"numba", "pandas", "matplotlib", "scipy", "pyarrow", "dask"} & set(modules)


def test_errors_come_quickly(fleetsim, tmp_path):
    file = tmp_path / "chat.yaml"
    file.write_text(edited("parallelism: {tensor: 4}", "parallelism: {tensor: 1}"))
    durations = []
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        fleetsim("run", file)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        durations.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    assert min(durations) < 1.0, "seconds of processor time"
