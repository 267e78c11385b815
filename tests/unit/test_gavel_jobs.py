"""Gavel's traces: steps become durations and speeds by a table of measured rates."""

import json
from pathlib import Path

import pytest

from sim.scenario import ScenarioError, load
from sim.scenario.job_trace import JobTrace
from sim.workload.job_formats import gavel
from sim.workload.job_traces import read_job_trace
from sim.workload.jobs import job_source
from sim.workload.trace_files import TraceError

DATA = Path(__file__).parents[2] / ".." / "shared" / "data" / "gavel"
needs_data = pytest.mark.skipif(not DATA.exists(), reason="Gavel's traces are not here")
POOLS = {"v100": "v100", "k80": "k80"}


def line(kind="LM", steps=1000, gang=1, weight=1, slo=-1.0, arrival=0):
    return f"{kind}\tpython main.py\tlm\t--steps\t1\t{steps}\t{gang}\t{weight}\t{slo:f}\t{arrival}\n"


def write(folder, *lines, rates=None):
    if rates is None:
        rates = {"v100": {"('LM', 1)": 10.0, "('LM', 2)": 16.0}, "k80": {"('LM', 1)": 2.0, "('LM', 2)": 0.0}}
    table = {name: {key: {"null": rate} for key, rate in rows.items()} for name, rows in rates.items()}
    (folder / "rates.json").write_text(json.dumps(table))
    (folder / "jobs.trace").write_text("".join(lines))
    return folder / "jobs.trace", folder / "rates.json"


def test_a_duration_is_steps_over_the_rate_on_the_first_pool_and_speeds_are_relative_to_it(tmp_path):
    files = write(tmp_path, line(arrival=5), line(gang=2, arrival=7))
    first, second = gavel.read(*files, POOLS).jobs
    assert (first.job_id, first.submit, first.accelerators, first.duration) == ("1", 5.0, 1, 100.0)
    assert first.speed == {"v100": 1.0, "k80": 0.2}
    assert (second.duration, second.speed) == (1000 / 16, {"v100": 1.0})


def test_where_the_first_pool_cannot_run_it_the_duration_holds_on_the_next(tmp_path):
    first, second = gavel.read(*write(tmp_path, line(), line(gang=2)), {"k80": "k80", "v100": "v100"}).jobs
    assert (first.duration, first.speed) == (500.0, {"k80": 1.0, "v100": 5.0})
    assert (second.duration, second.speed) == (62.5, {"v100": 1.0})
    (nowhere,) = gavel.read(*write(tmp_path, line(gang=2)), {"k80": "k80"}).jobs
    assert nowhere.speed == {}


def test_a_deadline_is_so_many_durations_after_submission(tmp_path):
    found = gavel.read(*write(tmp_path, line(slo=1.5, arrival=10), line()), POOLS).jobs
    assert sorted(job.deadline or 0 for job in found) == [0, 150.0]


def test_a_window_and_a_time_scale_move_a_deadline_with_its_job(tmp_path):
    path, table = write(tmp_path, line(slo=1.5, arrival=10), line(slo=2, arrival=30))
    trace = {"format": "gavel", "path": str(path), "throughputs": str(table), "from": "20 s", "time_scale": 2}
    pools = {"v100": {"accelerator": "V100-SXM2-32GB", "nodes": 1}}
    base = {"fleetsim": 1, "name": "x", "horizon": "1 d", "pools": pools}
    spec = load(base | {"training": {"t": {"pools": ["v100"], "trace": trace}}}).training["t"]
    (job,) = job_source("t", spec, seed=1, folder=tmp_path, until=86400.0)
    assert (job.submit, job.duration, job.deadline) == (20.0, 100.0, 220.0)


def test_what_was_never_measured_is_left_out_and_weights_are_not_taken(tmp_path):
    recording = gavel.read(*write(tmp_path, line(), line("A3C"), line(gang=4), line(weight=2)), POOLS)
    assert [job.job_id for job in recording.jobs] == ["1", "4"]
    assert recording.read == 4
    assert recording.dropped == {"were never measured on such accelerators": 2}
    assert recording.changed == {"have a weight of their own, which is not taken": 1}


def test_pools_are_worker_types_by_their_name_or_as_the_scenario_says(tmp_path):
    path, table = write(tmp_path, line())
    given = {"format": "gavel", "path": path.name, "throughputs": table.name}
    trace = JobTrace.model_validate(given | {"kinds": {"slow": "K80"}})
    (job,) = read_job_trace(trace, tmp_path, ("V100", "slow")).jobs
    assert job.speed == {"V100": 1.0, "slow": 0.2}
    with pytest.raises(TraceError, match=r"no worker type `fast` for the pool fast \(there are: v100, k80\)"):
        read_job_trace(trace, tmp_path, ("fast",))


@pytest.mark.parametrize(
    ("lines", "number", "what"),
    [
        ([line(), "LM\t1\n"], 2, "2 values between tabs, where the format has 10"),
        ([line(), line(), line(steps="many")], 3, "`many` is not a number"),
        ([line(weight="heavy")], 1, "`heavy` is not a number"),
        ([line(slo=float("nan"))], 1, "`nan` is not finite"),
        ([line(gang=0)], 1, "a gang has at least one"),
        ([line(arrival=-3)], 1, "`-3` is negative"),
        ([line(steps=10**12)], 1, "steps take more than"),
        ([], 0, "has no rows"),
        ([line("A3C")], 0, "has no job whose rate was measured"),
    ],
)
def test_a_broken_line_is_named(tmp_path, lines, number, what):
    with pytest.raises(TraceError, match=what) as caught:
        gavel.read(*write(tmp_path, *lines), POOLS)
    assert caught.value.line == number


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("{", "is no table of throughputs: JSONDecodeError"),
        ("[]", "is no table of throughputs"),
        ('{"v100": {"(LM, 1)": {"null": 1}}}', "is not a type of job and a gang"),
        ('{"v100": {"(\'LM\', 1)": {}}}', "is no table of throughputs: KeyError: 'null'"),
        ('{"v100": {"(\'LM\', 1)": {"null": -1}}}', "the rate of .* is -1"),
    ],
)
def test_a_table_that_is_none_is_named(tmp_path, text, what):
    path, table = write(tmp_path, line())
    table.write_text(text)
    with pytest.raises(TraceError, match=what) as caught:
        gavel.read(path, table, {"v100": "v100"})
    assert caught.value.path == table


@pytest.mark.parametrize(
    ("trace", "words"),
    [
        ({"format": "gavel", "path": "jobs.trace"}, "training.t.trace: `throughputs` is missing"),
        ({"format": "gavel", "path": "jobs.trace", "throughputs": "no.json"}, "trace.throughputs: there is no file"),
        (
            {"format": "csv", "path": "jobs.trace", "throughputs": "rates.json"},
            "`throughputs` is for gavel, not for csv",
        ),
        (
            {"format": "gavel", "path": "jobs.trace", "throughputs": "rates.json", "kinds": {"x": "v100"}},
            "unknown pool `x`",
        ),
    ],
)
def test_a_scenario_that_does_not_say_how_to_read_it(tmp_path, trace, words, monkeypatch):
    write(tmp_path, line())
    monkeypatch.chdir(tmp_path)
    pools = {"v100": {"accelerator": "V100-SXM2-32GB", "nodes": 1}}
    with pytest.raises(ScenarioError) as caught:
        load(
            {
                "fleetsim": 1,
                "name": "x",
                "horizon": "1 d",
                "pools": pools,
                "training": {"t": {"pools": ["v100"], "trace": trace}},
            }
        )
    assert words in str(caught.value)


@needs_data
@pytest.mark.parametrize(("name", "number", "tight"), [("max_min_fairness", 96, 1), ("minimize_makespan", 100, 0)])
def test_the_published_traces_read_whole(name, number, tight):
    """Reckoned beside the reader, line by line; one job of the first trace does not fit a K80 at its batch size."""
    kinds = {"k80": "k80", "p100": "p100", "v100": "v100"}
    recording = gavel.read(DATA / f"{name}.trace", DATA / "simulation_throughputs.json", kinds)
    table = json.loads((DATA / "simulation_throughputs.json").read_text())
    rows = [text.split("\t") for text in (DATA / f"{name}.trace").read_text().splitlines()]
    assert (recording.read, len(recording.jobs)) == (number, number)
    assert (recording.dropped, recording.changed) == ({}, {})
    assert sum("k80" not in job.speed for job in recording.jobs) == tight
    for job in recording.jobs:
        row = rows[int(job.job_id) - 1]
        for kind, speed in job.speed.items():
            rate = table[kind][str((row[0], int(row[6])))]["null"]
            assert job.duration / speed == pytest.approx(float(row[5]) / rate)
