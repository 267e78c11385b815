"""Alibaba's traces of GPU clusters: the tables of 2020 and the pods of 2023, by their documented columns."""

import pytest

from sim.workload.job_formats import alibaba
from sim.workload.trace_files import TraceError

PODS = "name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec,qos,pod_phase,creation_time,deletion_time,scheduled_time\n"
TASK_HEADER = "job_name,task_name,inst_num,status,start_time,end_time,plan_cpu,plan_mem,plan_gpu,gpu_type\n"


def pod(name="a", gpus=1, milli=1000, spec="", qos="LS", created=100, deleted=400, scheduled=110):
    return f"{name},4000,15258,{gpus},{milli},{spec},{qos},Running,{created},{deleted},{scheduled}\n"


def task(job="a", name="worker", number="2.0", start="100.0", end="400.0", gpu="100.0"):
    return f"{job},{name},{number},Terminated,{start},{end},600.0,29.3,{gpu},T4\n"


def read(folder, text, jobs=None, kinds=None):
    (folder / "trace.csv").write_text(text)
    if jobs is not None:
        (folder / "jobs.csv").write_text(jobs)
    return alibaba.read(folder / "trace.csv", None if jobs is None else folder / "jobs.csv", kinds or {})


def test_a_pod_is_submitted_when_created_and_lasts_from_its_start_to_its_end(tmp_path):
    recording = read(tmp_path, PODS + pod("b", gpus=8, created=150, deleted=500, scheduled=200) + pod("a", qos="BE"))
    assert [(job.job_id, job.submit, job.accelerators, job.duration, job.priority) for job in recording.jobs] == [
        ("a", 0.0, 1, 290.0, 0),
        ("b", 50.0, 8, 300.0, 3),
    ]


def test_pods_that_held_nothing_or_never_ran_are_left_out_by_reason_and_parts_become_wholes(tmp_path):
    recording = read(
        tmp_path,
        PODS
        + pod("a", milli=460)
        + pod("b", gpus=0, milli=0)
        + pod("c", scheduled="")
        + pod("d", deleted="")
        + pod("e", deleted=110),
    )
    assert recording.read == 5
    assert [(job.job_id, job.accelerators) for job in recording.jobs] == [("a", 1)]
    assert recording.dropped == {"held no accelerator": 1, "never started": 1, "had not ended": 1, "did not run": 1}
    assert recording.changed == {"hold a whole accelerator instead of a part of one": 1}


def test_pods_run_only_on_the_kinds_they_ask_for_where_pools_say_what_they_are(tmp_path):
    text = PODS + pod("a", spec="V100M16|V100M32") + pod("b") + pod("c", spec="G3")
    kinds = {"v": "V100M32", "t": "T4"}
    assert [job.speed for job in read(tmp_path, text, kinds=kinds).jobs] == [{"v": 1.0}, None, {}]
    recording = read(tmp_path, text)
    assert [job.speed for job in recording.jobs] == [None, None, None]
    assert recording.changed == {"may run on any kind of accelerator, though they asked for some": 2}


@pytest.mark.parametrize("header", [TASK_HEADER, ""])
def test_a_job_holds_what_all_its_tasks_hold_from_the_first_start_to_the_last_end(tmp_path, header):
    text = task(gpu="50.0", number="3.0") + task(name="ps", number="1.0", gpu="", start="90.0", end="420.0")
    recording = read(tmp_path, header + text + task("b", start="500.0", end="600.0"))
    assert [(job.job_id, job.submit, job.accelerators, job.duration) for job in recording.jobs] == [
        ("a", 0.0, 2, 330.0),
        ("b", 410.0, 2, 100.0),
    ]
    assert recording.changed == {
        "hold whole accelerators instead of parts of some": 1,
        "are submitted when they started, as their submission is not known": 2,
    }


def test_the_table_of_jobs_says_when_and_by_whom_they_were_submitted(tmp_path):
    recording = read(
        tmp_path, task() + task("b"), jobs="a,id1,u1,Terminated,40.0,400.0\nb,id2,u2,Terminated,60.0,400.0\n"
    )
    assert [(job.job_id, job.submit, job.duration, job.tenant) for job in recording.jobs] == [
        ("a", 0.0, 300.0, "u1"),
        ("b", 20.0, 300.0, "u2"),
    ]
    assert recording.changed == {}


def test_jobs_of_tasks_that_cannot_be_run_again_are_left_out_by_reason(tmp_path):
    recording = read(
        tmp_path,
        task("a") + task("b", gpu="0.0") + task("c", end="") + task("d", start="400.0") + task("e", number=""),
    )
    assert (recording.read, [job.job_id for job in recording.jobs]) == (5, ["a"])
    assert recording.dropped == {
        "held no accelerator": 1,
        "had not ended, or never started": 1,
        "did not run": 1,
        "have a task without a number of instances": 1,
    }


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        (PODS + pod() + pod(gpus="two"), 3, "`two` is not a number"),
        (PODS + pod() + "a,1\n", 3, "2 values under 11 columns"),
        (PODS + pod(created=-4), 2, "`-4` is negative"),
        (task() + task(start="noon"), 2, "`noon` is not a number"),
        ("job_name,plan_gpu\na,100\n", 1, "the column inst_num is missing"),
        ("", 1, "the column job_name is missing"),
        (PODS + pod(gpus=0), 0, "has no job that ran: 0 of 1 jobs were taken; left out: 1 held no accelerator"),
    ],
)
def test_a_broken_row_is_named_with_its_line(tmp_path, text, line, what):
    with pytest.raises(TraceError, match=what) as caught:
        read(tmp_path, text)
    assert caught.value.line == line


def test_pods_have_no_table_of_jobs(tmp_path):
    with pytest.raises(TraceError, match="leave out `job_table`"):
        read(tmp_path, PODS + pod(), jobs="")
