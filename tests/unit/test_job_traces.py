"""Recorded jobs in the Standard Workload Format, and which jobs of a trace are taken."""

from collections import Counter
from pathlib import Path

import pytest

from sim.scenario.job_trace import JobTrace
from sim.workload.job_formats import swf
from sim.workload.job_traces import chosen_jobs
from sim.workload.trace_files import TraceError

SWF = Path(__file__).parents[2] / ".." / "shared" / "data" / "swf" / "hpc2n.swf"
needs_swf = pytest.mark.skipif(not SWF.exists(), reason="the trace of HPC2N is not here")


def line(job=1, submit=0, run=60, allocated=4, requested=4, wanted=100, status=1, user=7, group=2, queue=3):
    who = f"{user} {group} -1 {queue}"
    return f"{job} {submit} 5 {run} {allocated} 58.2 -1 {requested} {wanted} -1 {status} {who} -1 -1 -1\n"


def write(folder, *lines, name="jobs.swf"):
    path = folder / name
    path.write_text("; Version: 2.2\n;\n" + "".join(lines) + "\n")
    return path


def test_a_line_gives_submission_time_processors_run_time_estimate_and_owner(tmp_path):
    path = write(tmp_path, line(submit=12))
    (job,) = swf.read(path).jobs
    assert (job.job_id, job.submit, job.accelerators, job.duration, job.estimate) == ("1", 12.0, 4, 60.0, 100.0)
    owners = {owner: swf.read(path, owner=owner).jobs[0].tenant for owner in ("user", "group", "queue")}
    assert owners == {"user": "user7", "group": "group2", "queue": "queue3"}


def test_what_is_not_known_is_none(tmp_path):
    (job,) = swf.read(write(tmp_path, line(wanted=-1, user=-1))).jobs
    assert job.estimate is None
    assert job.tenant is None


def test_what_did_not_run_is_left_out_and_counted_by_reason(tmp_path):
    path = write(
        tmp_path,
        line(1),
        line(2, run=-1),
        line(3, run=0, status=5),
        line(4, allocated=-1, requested=-1),
        line(5, allocated=-1, requested=8),
        line(6, status=2),
        line(7, status=0),
    )
    recording = swf.read(path)
    assert [(job.job_id, job.accelerators) for job in recording.jobs] == [("1", 4), ("5", 8), ("7", 4)]
    assert recording.read == 7
    assert recording.dropped == {
        "did not run": 2,
        "held no processor": 1,
        "are parts of a job that has a line of its own": 1,
    }
    assert recording.changed == {"hold what they asked for, as what they got is not known": 1}


def test_processors_become_whole_accelerators(tmp_path):
    recording = swf.read(write(tmp_path, line(1, allocated=4), line(2, allocated=5)), processors_per_accelerator=2)
    assert [job.accelerators for job in recording.jobs] == [2, 3]
    assert recording.changed == {"are rounded up to whole accelerators": 1}


def test_jobs_are_taken_in_order_of_submission(tmp_path):
    recording = swf.read(write(tmp_path, line(1, submit=9), line(2, submit=3), line(3, submit=9)))
    assert [job.job_id for job in recording.jobs] == ["2", "1", "3"]


@pytest.mark.parametrize(
    ("lines", "number", "what", "fine"),
    [
        ([line(), "1 2 3\n"], 4, "3 values, where the format has 18", 1),
        ([line(run="soon"), line(2)], 3, "`soon` is not a number", 1),
        ([line(run="nan")], 3, "`nan` is not finite", 0),
        ([line(submit=-5)], 3, "the submit time `-5` is negative", 0),
        ([line(submit=1027839845000)], 3, "times are in seconds", 0),
    ],
)
def test_a_broken_line_is_named_with_its_number_and_how_many_were_fine(tmp_path, lines, number, what, fine):
    with pytest.raises(TraceError, match=what) as caught:
        swf.read(write(tmp_path, *lines))
    assert (caught.value.line, caught.value.fine) == (number, fine)


def test_a_file_without_jobs_that_ran_is_refused(tmp_path):
    with pytest.raises(TraceError, match="has no job that ran"):
        swf.read(write(tmp_path, line(run=-1)))
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(TraceError, match="cannot be read"):
        swf.read(tmp_path / "binary")


def chosen(path, **options):
    trace = JobTrace.model_validate({"format": "swf", "path": path.name} | options)
    return chosen_jobs(trace, path.parent, ("p",))


def three(folder):
    return write(
        folder,
        line(1, submit=0, allocated=1, user=1),
        line(2, submit=100, allocated=8, user=2),
        line(3, submit=200, allocated=64, user=1),
    )


@pytest.mark.parametrize(
    ("options", "taken", "dropped"),
    [
        ({}, ["1", "2", "3"], {}),
        ({"limit": 2}, ["1", "2"], {"beyond the limit": 1}),
        ({"from": "100 s"}, ["2", "3"], {"outside the window of time": 1}),
        ({"until": "200 s"}, ["1", "2"], {"outside the window of time": 1}),
        ({"min_accelerators": 8}, ["2", "3"], {"with fewer accelerators than wanted": 1}),
        ({"max_accelerators": 8}, ["1", "2"], {"with more accelerators than wanted": 1}),
        ({"tenants": ["user1"]}, ["1", "3"], {"of other tenants": 1}),
        ({"from": "100 s", "limit": 1}, ["2"], {"outside the window of time": 1, "beyond the limit": 1}),
    ],
)
def test_filters_say_what_they_keep_out(tmp_path, options, taken, dropped):
    recording = chosen(three(tmp_path), **options)
    assert [job.job_id for job in recording.jobs] == taken
    assert recording.dropped == dropped


def test_time_counts_from_the_window_and_is_scaled(tmp_path):
    recording = chosen(three(tmp_path), **{"from": "50 s", "time_scale": 0.5})
    assert [(job.submit, job.duration) for job in recording.jobs] == [(25.0, 60.0), (75.0, 60.0)]


def test_filters_that_leave_nothing_are_an_error(tmp_path):
    with pytest.raises(TraceError, match=r"no job is left: 0 of 3 jobs were taken; left out: 3 of other tenants"):
        chosen(three(tmp_path), tenants=["nobody"])


def test_an_account_is_a_sentence(tmp_path):
    recording = swf.read(write(tmp_path, line(1), line(2, run=-1), line(3, allocated=-1)))
    assert recording.sentence() == (
        "2 of 3 jobs were taken; left out: 1 did not run; "
        "changed: 1 hold what they asked for, as what they got is not known"
    )


@needs_swf
def test_the_published_trace_reads_whole():
    """Counted beside the reader: every line that is no comment, and those among them that ran."""
    rows = [text.split() for text in SWF.read_text().splitlines() if text.strip() and not text.startswith(";")]
    ran = [row for row in rows if float(row[3]) > 0]
    recording = swf.read(SWF)
    assert recording.read == len(rows) == 3170
    assert recording.dropped == {"did not run": len(rows) - len(ran)}
    assert Counter(job.accelerators for job in recording.jobs) == Counter(int(row[4]) for row in ran)
    assert sum(job.accelerators * job.duration for job in recording.jobs) == pytest.approx(
        sum(float(row[3]) * float(row[4]) for row in ran)
    )
    assert sum(job.duration > (job.estimate or job.duration) for job in recording.jobs) == 320
    halved = swf.read(SWF, processors_per_accelerator=2)
    assert halved.changed == {"are rounded up to whole accelerators": sum(int(row[4]) % 2 for row in ran)}
