"""Jobs of a stream: drawn from distributions, or read from a trace."""

import math
from collections import Counter
from pathlib import Path

import pytest

from sim.fleet.environment import TICK
from sim.scenario import load
from sim.workload import jobs as jobs_module
from sim.workload.job_formats import philly, plain
from sim.workload.jobs import GRID, job_source
from sim.workload.trace_files import TraceError

DATA = Path(__file__).parents[2] / ".." / "shared" / "data" / "philly"
needs_data = pytest.mark.skipif(not DATA.exists(), reason="the Philly traces are not here")


def stream(spec, folder=None):
    scenario = load(
        {
            "fleetsim": 1,
            "name": "x",
            "horizon": "1 d",
            "pools": {"p": {"accelerator": "H100-SXM", "nodes": 100}},
            "training": {"t": {"pools": ["p"], **spec}},
        }
    )
    return scenario.training["t"]


def drawn(seed=1, name="t", until=1e6, rate="3/h"):
    spec = stream(
        {
            "arrivals": {"process": "poisson", "rate": rate},
            "accelerators": {"choice": {"4": 0.5, "8": 0.3, "16": 0.2}},
            "duration": {"lognormal": {"median": "40 min", "sigma": 1.2}},
            "priority": 7,
        }
    )
    return list(job_source(name, spec, seed=seed, folder=Path(), until=until))


def test_drawn_jobs_follow_their_distributions():
    jobs = drawn(until=4e7)
    count = len(jobs)
    assert abs(count - 4e7 * 3 / 3600) < 4 * math.sqrt(count)
    shares = Counter(job.accelerators for job in jobs)
    for gang, share in ((4, 0.5), (8, 0.3), (16, 0.2)):
        assert abs(shares[gang] / count - share) < 4 * math.sqrt(share * (1 - share) / count)
    logs = [math.log(job.duration / 2400) for job in jobs]
    assert abs(sum(logs) / count) < 4 * 1.2 / math.sqrt(count)
    assert [job.submit for job in jobs] == sorted(job.submit for job in jobs)
    assert {job.priority for job in jobs} == {7}
    assert len({job.job_id for job in jobs}) == count


def test_times_lie_on_the_grid_of_the_control_plane():
    assert GRID * TICK == 1
    assert all((time * GRID).is_integer() for job in drawn() for time in (job.submit, job.duration))


@pytest.mark.parametrize("block", [1, 7, 4096])
def test_any_block_size_gives_the_same_jobs(monkeypatch, block):
    expected = drawn()
    assert len(expected) > 512
    monkeypatch.setattr(jobs_module, "BLOCK", block)
    assert drawn() == expected


def test_a_time_that_is_rounded_up_to_the_end_is_left_out(tmp_path):
    arrivals = {"process": "deterministic", "rate": f"{1 / (10.0 - TICK / 4)!r}/s"}
    spec = stream({"arrivals": arrivals, "accelerators": 1, "duration": "5 s"})
    submits = [job.submit for job in job_source("t", spec, seed=1, folder=Path(), until=10.0 + TICK)]
    assert submits == [10.0]
    assert not list(job_source("t", spec, seed=1, folder=Path(), until=10.0))
    path = write(tmp_path, "job_id,submit_time,num_gpu,duration\na,9.9999999,1,60\n")
    recorded = stream({"trace": {"format": "csv", "path": str(path)}})
    assert not list(job_source("t", recorded, seed=1, folder=Path(), until=10.0))


def test_a_heavy_tail_stays_a_number():
    spec = {
        "arrivals": {"process": "deterministic", "rate": "1/s"},
        "accelerators": {"lognormal": {"median": 1, "sigma": 2000}},
        "duration": {"lognormal": {"median": "1 s", "sigma": 2000}},
    }
    jobs = list(job_source("t", stream(spec), seed=1, folder=Path(), until=500.0))
    assert max(job.duration for job in jobs) == 2.0**33
    assert {min(job.accelerators for job in jobs), max(job.accelerators for job in jobs)} == {1, 2**53}


def test_an_exact_estimate_equals_the_duration(tmp_path):
    path = write(tmp_path, "job_id,submit_time,num_gpu,duration\na,0,1,0.1\n")
    trace = {"format": "csv", "path": str(path), "columns": {"estimate": "duration"}}
    (job,) = job_source("t", stream({"trace": trace}), seed=1, folder=Path(), until=math.inf)
    assert job.estimate == job.duration == pytest.approx(0.1, abs=TICK / 2)


def test_jobs_depend_on_the_seed_and_their_own_name():
    assert drawn() == drawn()
    assert drawn(seed=2) != drawn()
    assert [job.submit for job in drawn(name="other")] != [job.submit for job in drawn()]


def test_a_changed_rate_keeps_every_gang_and_duration():
    slow, fast = drawn(rate="3/h"), drawn(rate="6/h")
    assert [(a.accelerators, a.duration) for a in slow] == [(b.accelerators, b.duration) for b in fast[: len(slow)]]
    assert all(abs(a.submit - 2 * b.submit) < 1e-3 for a, b in zip(slow, fast, strict=False))


def write(folder, text):
    path = folder / "jobs.csv"
    path.write_text(text)
    return path


def test_a_trace_with_other_names_a_limit_and_another_time_scale(tmp_path):
    path = write(tmp_path, "id,at,gpus,length,tenant\na,0,1,60,x\nb,10,2,30,y\nc,20,4,5,x\n")
    columns = {"job_id": "id", "submit_time": "at", "num_gpu": "gpus", "duration": "length"}
    trace = {"format": "csv", "path": str(path), "columns": columns, "limit": 2, "time_scale": 0.5}
    jobs = list(job_source("t", stream({"trace": trace}), seed=0, folder=Path(), until=math.inf))
    assert [(j.job_id, j.submit, j.accelerators, j.duration, j.tenant) for j in jobs] == [
        ("a", 0.0, 1, 60.0, "x"),
        ("b", 5.0, 2, 30.0, "y"),
    ]


def test_jobs_at_or_after_the_end_are_left_out(tmp_path):
    path = write(tmp_path, "job_id,submit_time,num_gpu,duration\na,0,1,60\nb,10,2,30\n")
    spec = stream({"trace": {"format": "csv", "path": str(path)}})
    assert [job.job_id for job in job_source("t", spec, seed=0, folder=Path(), until=10.0)] == ["a"]


@pytest.mark.parametrize(
    ("rows", "line", "what", "fine"),
    [
        ("a,0,1,60\nb,x,1,60\nc,2,1,60\n", 3, "`x` is not a number", 2),
        ("a,5,1,60\nb,1,1,60\n", 3, "arrives 4 s before the row above it", 1),
        ("a,0,1,60\nb,1,0,60\n", 3, "a gang has at least one", 1),
        ("a,0,1.5,60\n", 2, "not a whole number", 0),
        ("a,0,1,-60\n", 2, "negative", 0),
        ("a,0,1,nan\n", 2, "not finite", 0),
        ("a,0,1\n", 2, "3 values under 4 columns", 0),
        ("a,1700000000000,1,60\n", 2, "times are in seconds", 0),
        ("a,0,1,1e308\n", 2, "times are in seconds", 0),
    ],
)
def test_a_broken_row_is_named_with_its_line_and_how_many_were_fine(tmp_path, rows, line, what, fine):
    path = write(tmp_path, "job_id,submit_time,num_gpu,duration\n" + rows)
    with pytest.raises(TraceError, match=what) as caught:
        plain.read(path, {})
    assert (caught.value.line, caught.value.fine) == (line, fine)


def test_a_missing_column_is_named_with_those_there_are(tmp_path):
    with pytest.raises(TraceError, match=r"column num_gpu is missing .*gpus"):
        plain.read(write(tmp_path, "job_id,submit_time,gpus,duration\n"), {})


def test_an_optional_column_that_was_named_must_be_there(tmp_path):
    with pytest.raises(TraceError, match="column team is missing"):
        plain.read(write(tmp_path, "job_id,submit_time,num_gpu,duration\na,0,1,5\n"), {"tenant": "team"})


def test_philly_is_sorted_and_what_held_nothing_is_dropped(tmp_path):
    text = (
        "timestamp,duration,num_gpus,gpu_time,cluster\n"
        "2017-10-09 07:01:55,66.0,1,66.0,x\n2017-10-09 07:00:55,10,2,20,x\n2017-10-09 07:03:55,10,0,0,x\n"
    )
    recording = philly.read(write(tmp_path, text))
    assert [(job.submit, job.accelerators, job.tenant) for job in recording.jobs] == [(0.0, 2, "x"), (60.0, 1, "x")]
    assert recording.read == 3
    assert recording.dropped == {"held no accelerator": 1}


@needs_data
def test_the_published_traces_read_whole():
    assert len(plain.read(DATA / "philly500.csv", {}).jobs) == 500
    recording = philly.read(DATA / "philly_jobs.csv")
    assert (recording.read, len(recording.jobs)) == (82_247, 82_247)
    assert len({job.tenant for job in recording.jobs}) == 15
