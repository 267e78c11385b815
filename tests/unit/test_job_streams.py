"""What a stream says of all its jobs: speeds, ranges of gangs, deadlines, estimates, tenants; and jobs by name."""

import math
from pathlib import Path

import pytest

import sim
from sim.scenario import load
from sim.workload.jobs import job_source

DRAWN = {
    "arrivals": {"process": "poisson", "rate": "6/h"},
    "accelerators": {"choice": {"4": 0.5, "10": 0.5}},
    "duration": {"exponential": {"mean": "1 h"}},
}
NAMED = {
    "jobs": [
        {"submit": "5 h", "accelerators": 8, "duration": "2 h", "deadline": "9 h", "tenant": "b", "priority": 3},
        {"submit": "1 h", "accelerators": 4, "duration": "3 h", "id": "first"},
    ]
}


def scenario(stream, horizon="2 d", **more):
    pool = {"accelerator": "H100-SXM", "nodes": 4}
    base = {"fleetsim": 1, "name": "x", "horizon": horizon, "pools": {"p": pool, "q": pool}}
    return load(base | {"training": {"t": {"pools": ["p", "q"], **stream}}} | more)


def jobs(stream, seed=1, until=172800.0, folder=Path(), **more):
    return list(job_source("t", scenario(stream, **more).training["t"], seed=seed, folder=folder, until=until))


def test_named_jobs_come_in_order_of_submission_with_what_they_say_and_the_rest_from_their_stream():
    first, second = jobs({**NAMED, "tenant": "a", "priority": 1, "deadline": "10 h"})
    assert (first.job_id, first.submit, first.accelerators, first.duration) == ("first", 3600.0, 4, 10800.0)
    assert (first.tenant, first.priority, first.deadline) == ("a", 1, 3600.0 + 36000.0)
    assert (second.job_id, second.tenant, second.priority, second.deadline) == ("t-1", "b", 3, 9 * 3600.0)


def test_a_run_of_named_jobs_may_end_with_them():
    result = sim.run(scenario(NAMED, horizon="jobs_done"))
    assert result.metric("training.t.jobs.completed") == 2
    assert result.metric("training.t.makespan_s") == 6 * 3600.0
    assert list(result.jobs.sort_values("submit_s")["tenant"].fillna("")) == ["", "b"]


def test_a_throughput_is_relative_to_the_first_pool():
    assert {tuple(job.speed.items()) for job in jobs({**DRAWN, "throughput": {"q": 3, "p": 2}})} == {
        (("p", 1.0), ("q", 1.5))
    }
    assert jobs({**DRAWN, "throughput": {"p": 5}})[0].speed == {"p": 1.0}
    assert jobs(DRAWN)[0].speed is None


def test_a_job_takes_longer_where_its_throughput_is_less():
    stream = {"throughput": {"p": 1, "q": 0.5}, "jobs": [dict(NAMED["jobs"][1], accelerators=32, submit=0)] * 2}
    stream["jobs"] = [dict(job, id=f"j{number}") for number, job in enumerate(stream["jobs"])]
    result = sim.run(scenario(stream, horizon="jobs_done"))
    ends = result.jobs.set_index("pool")["end_s"]
    assert (ends["p"], ends["q"]) == (10800.0, 21600.0)


def test_an_elastic_gang_has_whole_bounds_around_itself():
    found = {
        job.accelerators: (job.smallest, job.largest) for job in jobs({**DRAWN, "elastic": {"min": 0.3, "max": 2}})
    }
    assert found == {4: (2, 8), 10: (3, 20)}
    assert {(job.smallest, job.largest) for job in jobs(DRAWN)} == {(None, None)}
    assert {job.efficiency for job in jobs({**DRAWN, "elastic": {}})} == {None}


def test_a_deadline_counts_from_submission():
    assert all(job.deadline == job.submit + 7200.0 for job in jobs({**DRAWN, "deadline": "2 h"}))


def test_estimates_are_durations_times_factors_and_change_nothing_else():
    plain = jobs(DRAWN)
    assert {job.estimate for job in plain} == {None}
    doubled = jobs({**DRAWN, "estimate": {"factor": 2}})
    assert all(job.estimate == 2 * job.duration for job in doubled)
    assert {job.estimate for job in jobs({**DRAWN, "estimate": {"factor": 0}})} == {0.0}
    drawn = jobs({**DRAWN, "estimate": {"factor": {"uniform": {"low": 1, "high": 3}}}})
    factors = [job.estimate / job.duration for job in drawn]
    assert len({round(factor, 6) for factor in factors}) == len(factors)
    assert 1 <= min(factors) < 1.5 < 2.5 < max(factors) <= 3
    assert [job._replace(estimate=None) for job in drawn] == plain == [job._replace(estimate=None) for job in doubled]


def test_a_trace_keeps_its_own_estimates_tenants_and_priorities(tmp_path):
    (tmp_path / "jobs.csv").write_text(
        "job_id,submit_time,num_gpu,duration,tenant,priority,estimate\na,0,1,60,x,5,90\nb,1,1,60,,2,90\nc,2,1,10,,,\n"
    )
    trace = {"format": "csv", "path": str(tmp_path / "jobs.csv")}
    stream = {"trace": trace, "estimate": {"factor": 7}, "tenant": "mine", "priority": 1, "deadline": "1 h"}
    found = jobs(stream, until=math.inf, folder=tmp_path)
    assert [(job.tenant, job.priority, job.estimate, job.deadline) for job in found] == [
        ("x", 5, 90.0, 3600.0),
        ("mine", 2, 90.0, 3601.0),
        ("mine", 1, 70.0, 3602.0),
    ]
    (tmp_path / "jobs.csv").write_text("job_id,submit_time,num_gpu,duration\na,0,1,60\n")
    (job,) = jobs(stream, until=math.inf, folder=tmp_path)
    assert (job.tenant, job.priority, job.estimate) == ("mine", 1, 420.0)


def test_a_quota_bounds_what_a_tenant_holds():
    stream = {"tenant": "a", "jobs": [dict(NAMED["jobs"][1], id=f"j{number}", tenant="a") for number in range(3)]}
    found = scenario(stream, horizon="jobs_done", tenants={"a": {"quota": {"p": 4, "q": 0}}})
    assert sorted(sim.run(found).jobs["end_s"]) == [3600.0 + 10800.0 * times for times in (1, 2, 3)]


@pytest.mark.parametrize("stream", [DRAWN | {"elastic": {"max": 2}, "estimate": {"factor": 2}}, NAMED])
def test_a_stream_is_written_out_and_read_back_as_it_was(stream):
    found = scenario(stream | {"throughput": {"p": 1}, "tenant": "a"}, tenants={"a": {}, "b": {"quota": {"p": 3}}})
    again = load(found.resolved())
    assert again == found
    assert again.training["t"] == found.training["t"]
