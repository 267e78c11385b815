"""The timeline is well-formed, shows what ran when, and has the same bytes however the run was cut."""

import json
from collections import defaultdict
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit.queue_scenario import queue

import sim
from sim.timeline import free_places

LLM = {
    "model": "Llama-3.1-8B",
    "pools": ["p"],
    "replicas": 3,
    "batching": {"policy": "continuous", "max_batch_size": 16},
    "requests": {
        "arrivals": {"process": "poisson", "rate": "6/s"},
        "lengths": {"prompt": {"fixed": 500}, "output": {"exponential": {"mean": 60}}},
    },
}
PASSES = {
    "model": "photo",
    "pools": ["p"],
    "replicas": 2,
    "requests": {"arrivals": {"process": "poisson", "rate": "8/s"}, "work": {"fixed": 1}},
}
JOBS = {
    "pools": ["p"],
    "arrivals": {"process": "poisson", "rate": "60/h"},
    "accelerators": {"fixed": 1},
    "duration": {"exponential": {"mean": "3 min"}},
}


def scenario(**output):
    return sim.load(
        {
            "fleetsim": 1,
            "name": "timeline",
            "horizon": "10 min",
            "warmup": "1 min",
            "seed": 4,
            "models": {"photo": {"kind": "single_pass", "latency": {"batch": [1], "seconds": [0.1]}}},
            "pools": {"p": {"accelerator": "H100-SXM", "nodes": 1}},
            "services": {"chat": LLM, "photos": PASSES},
            "training": {"tuning": JOBS},
            "output": {"timeline": True, "telemetry": "30 s", **output},
        }
    )


def saved(result, folder):
    return result.save(folder) / "timeline.json"


def load(path):
    return json.loads(path.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def result():
    return sim.run(scenario())


@pytest.fixture(scope="module")
def timeline(result, tmp_path_factory):
    return load(saved(result, tmp_path_factory.mktemp("run") / "out"))


@pytest.fixture(scope="module")
def names(timeline):
    """Names of processes and tracks."""
    told = ("process_name", "thread_name")
    return {
        (event["pid"], event["tid"]): event["args"]["name"]
        for event in timeline["traceEvents"]
        if event["name"] in told
    }


def complete(timeline):
    """Complete events by process and track, as (name, begin, end, arguments); times in whole nanoseconds."""
    found = defaultdict(list)
    for event in timeline["traceEvents"]:
        if event["ph"] == "X":
            begin, length = round(event["ts"] * 1000), round(event["dur"] * 1000)
            found[event["pid"], event["tid"]].append((event["name"], begin, begin + length, event["args"]))
    return found


def test_events_have_what_the_format_asks_for(timeline, names):
    """Names, phases, whole numbers of processes and tracks, times in microseconds; nothing else by accident."""
    needed = {"X": {"ts", "dur"}, "C": {"ts"}, "M": set()}
    metadata = {"process_name": "name", "process_sort_index": "sort_index", "thread_name": "name"}
    metadata |= {"thread_sort_index": "sort_index"}
    assert set(timeline) == {"traceEvents", "displayTimeUnit", "otherData"}
    assert timeline["displayTimeUnit"] in ("ms", "ns")
    assert all(isinstance(note, str) for note in timeline["otherData"].values())
    for event in timeline["traceEvents"]:
        assert set(event) == {"name", "ph", "pid", "tid", "args"} | needed[event["ph"]]
        assert isinstance(event["pid"], int)
        assert isinstance(event["tid"], int)
        assert all(event[time] >= 0 for time in needed[event["ph"]])
        if event["ph"] == "M":
            assert list(event["args"]) == [metadata[event["name"]]]
        if event["ph"] == "C":
            assert all(isinstance(value, float) for value in event["args"].values())
    assert set(complete(timeline)) <= set(names), "every track has a name"


def test_tracks_are_of_replicas_and_jobs_and_nothing_on_them_overlaps(timeline, names):
    processes = {pid: name for (pid, tid), name in names.items() if pid == tid}
    assert list(processes.values()) == ["chat", "photos", "tuning"]
    tracks = defaultdict(list)
    for (pid, tid), events in complete(timeline).items():
        tracks[processes[pid]].append(names[pid, tid])
        for (_, _, end, _), (_, begin, *_) in pairwise(events):
            assert end <= begin
    assert tracks["chat"] == ["replica 0", "replica 1", "replica 2"]
    assert tracks["photos"] == ["replica 3", "replica 4"]
    assert tracks["tuning"][:2] == ["jobs 1", "jobs 2"]


def test_steps_tell_all_work_of_the_window(timeline, result):
    """From the end of the warm-up to the horizon, which comes earlier than ten minutes: what is cut off by it too."""
    summary, window = result.summary, (60e9, 600e9)
    for process, name in ((1, "chat"), (2, "photos")):
        steps = [step for (pid, _), own in complete(timeline).items() if pid == process for step in own]
        inside = sum(min(end, window[1]) - max(begin, window[0]) for _, begin, end, _ in steps)
        replicas = len({tid for pid, tid in complete(timeline) if pid == process})
        busy = summary["services"][name]["utilization"] * replicas * 540e9
        assert inside == pytest.approx(busy, rel=1e-6)
    chat = [step for (pid, _), own in complete(timeline).items() if pid == 1 for step in own]
    assert {name for name, *_ in chat} == {"prefill", "decode"}
    prompts = sum(arguments.get("requests", 0) for name, *_, arguments in chat if name == "prefill")
    tokens = sum(arguments["tokens"] for name, *_, arguments in chat if name == "prefill" and "tokens" in arguments)
    assert tokens == 500 * prompts
    for _, begin, end, arguments in chat:
        if "iterations" in arguments:
            assert arguments["tokens"] == arguments["batch"] * arguments["iterations"]
            assert end > begin


def test_jobs_are_those_of_the_table(timeline, result):
    """Nothing is preempted here, so that each job has one spell."""
    jobs = [job for (pid, _), own in complete(timeline).items() if pid == 3 for job in own]
    shown = {name: (begin, end) for name, begin, end, _ in jobs}
    started = result.jobs[result.jobs["start_s"].notna()]
    assert len(shown) == len(started) > 5
    for job in started.itertuples():
        end = 600.0 if pd.isna(job.end_s) else job.end_s
        assert shown[job.job_id] == (round(job.start_s * 1e9), round(end * 1e9))


def test_counts_are_those_of_telemetry(timeline, result):
    counts = [event for event in timeline["traceEvents"] if event["ph"] == "C" and event["pid"] == 1]
    table = result.telemetry[result.telemetry["name"] == "chat"].pivot(index="time_s", columns="metric", values="value")
    assert [event["args"]["running"] for event in counts] == table["running"].tolist()
    assert [event["args"]["waiting"] for event in counts] == table["queue_length"].tolist()
    assert [event["ts"] for event in counts] == [30e6 * number for number in range(20)]


def test_the_same_bytes_however_the_run_was_cut(result, tmp_path):
    other = sim.run(scenario(), block_size=1, batches=3)
    assert saved(result, tmp_path / "a").read_bytes() == saved(other, tmp_path / "b").read_bytes()


def test_a_timeline_changes_no_figure_and_is_not_written_unasked(result, tmp_path):
    plain = sim.run(scenario(timeline=False))
    skipped = {"run", "assumptions"}
    for block in result.summary.keys() - skipped:
        assert plain.summary[block] == result.summary[block], block
    assert not (plain.save(tmp_path / "out") / "timeline.json").exists()


def test_a_window_of_ones_own(tmp_path):
    found = load(saved(sim.run(scenario(timeline={"at": "2 min", "duration": "5 s"})), tmp_path / "out"))
    steps = [step for (pid, _), own in complete(found).items() if pid < 3 for step in own]
    assert steps
    assert all(begin < 125e9 and end > 120e9 for _, begin, end, _ in steps)
    assert found["otherData"]["steps"] == "of the first 64 replicas of each service, from 120 to 125 s"


def test_jobs_alone_and_a_run_without_end(tmp_path):
    (tmp_path / "jobs.csv").write_text("job_id,submit_time,num_gpu,duration\na,0,4,100\nb,10,4,50\nc,20,8,7\n")
    jobs = {"pools": ["p"], "trace": {"format": "csv", "path": str(tmp_path / "jobs.csv")}}
    parts = scenario().resolved() | {"services": {}, "training": {"t": jobs}, "horizon": "jobs_done", "warmup": 0}
    found = load(saved(sim.run(sim.load(parts)), tmp_path / "out"))
    assert [len(own) for own in complete(found).values()] == [2, 1]


def test_a_job_that_was_stopped_is_shown_once_for_each_time_it_ran(tmp_path):
    (tmp_path / "jobs.csv").write_text("job_id,submit_time,num_gpu,duration\na,0,12,100\nb,10,8,7\n")
    jobs = {"pools": ["p"], "trace": {"format": "csv", "path": str(tmp_path / "jobs.csv")}}
    parts = scenario().resolved() | {"services": {}, "training": {"t": jobs}, "horizon": "jobs_done", "warmup": 0}
    parts |= {"policies": {"scheduling": "srtf"}}
    two = sim.load(parts).with_({"pools.p.nodes": 2})
    shown = [event for own in complete(load(saved(sim.run(two), tmp_path / "out"))).values() for event in own]
    assert [
        (name, begin // 10**9, end // 10**9) for name, begin, end, _ in sorted(shown, key=lambda each: each[1])
    ] == [
        ("a", 0, 10),
        ("b", 10, 17),
        ("a", 17, 107),
    ]
    assert [told for *_, told in shown if told["outcome"] == "preempted"] == [
        {"accelerators": 16, "pool": "p", "outcome": "preempted"}
    ]


def test_only_the_first_replicas_have_a_track(tmp_path):
    many = queue().with_({"pools.p.nodes": 100, "output.timeline": True})
    found = load(saved(sim.run(many), tmp_path / "out"))
    tracks = [event for event in found["traceEvents"] if event["name"] == "thread_name"]
    assert len(tracks) == 64


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 10))))
def test_intervals_of_one_place_do_not_overlap_and_no_place_is_left_empty(intervals):
    intervals = sorted(intervals)
    starts, ends = [start for start, _ in intervals], [start + length for start, length in intervals]
    places = free_places(starts, ends)
    for place in set(places):
        own = [number for number, each in enumerate(places) if each == place]
        assert all(ends[before] <= starts[after] for before, after in pairwise(own))
    at_once = [sum(s <= start < e for s, e in zip(starts[:n], ends[:n], strict=True)) for n, start in enumerate(starts)]
    assert all(place <= before for place, before in zip(places, at_once, strict=True))
    assert np.array_equal(sorted(set(places)), range(len(set(places))))
