"""What `check` reckons of jobs before they run: load by pool, gangs, what can never run; held against runs."""

from pathlib import Path

import pytest

import sim
from analysis.check import describe
from analysis.job_expectation import training_expectation
from sim.preparation import prepare
from sim.scenario import load

SWF = Path(__file__).parents[2] / ".." / "shared" / "data" / "swf" / "hpc2n.swf"


def scenario(stream, horizon="jobs_done", pools=("p",), **more):
    pool = {"accelerator": "H100-SXM", "nodes": 2}
    base = {"fleetsim": 1, "name": "x", "horizon": horizon, "pools": dict.fromkeys(pools, pool)}
    return load(base | {"training": {"t": {"pools": list(pools), **stream}}} | more)


def expected(stream, **more):
    return training_expectation(prepare(scenario(stream, **more)), "t")


def text(stream, **more):
    return "\n".join(describe(scenario(stream, **more))).replace("\u00a0", " ")


def job(submit="0 s", gang=4, length="1 h", **more):
    return {"submit": submit, "accelerators": gang, "duration": length, **more}


DRAWN = {
    "arrivals": {"process": "poisson", "rate": "2/h"},
    "accelerators": {"choice": {"1": 0.5, "8": 0.5}},
    "duration": "1 h",
}


def test_the_load_is_what_a_run_with_room_for_all_holds():
    stream = {"jobs": [job(), job("1 h", 8, "30 min"), job("5 h", 16, "90 min")]}
    found = expected(stream, horizon="10 h")
    run = sim.run(scenario(stream, horizon="10 h"))
    assert found.work == 4 * 3600 + 8 * 1800 + 16 * 5400
    assert found.loads["p"] == pytest.approx(run.metric("pools.p.utilization.training")) == found.load
    assert found.needed == pytest.approx(found.demand) == pytest.approx(found.load * 16)
    assert run.metric("training.t.accelerator_hours") * 3600 == pytest.approx(found.work)


def test_pools_of_other_speeds_share_the_load():
    """One pool works off twice as much as the other: together the work of three pools like the first."""
    stream = {"jobs": [job(), job("10 h", 8)], "throughput": {"p": 1, "q": 2}}
    found = expected(stream, pools=("p", "q"))
    assert found.loads["p"] == pytest.approx((4 + 8) * 3600 / (36000 * 16))
    assert found.loads["q"] == pytest.approx(found.loads["p"] / 2)
    assert found.load == pytest.approx(found.loads["p"] / 3)
    assert "7.5 % of p or 3.8 % of q if all ran there; 2.5 % of all together" in text(stream, pools=("p", "q"))


def test_a_pool_that_no_job_can_use_carries_nothing():
    found = expected({"jobs": [job(), job("1 h")], "throughput": {"p": 1}}, pools=("p", "q"))
    assert found.loads["q"] == 0
    assert found.load == pytest.approx(found.loads["p"])
    assert found.room == 16


def test_gangs_are_shown_by_size_with_their_share_of_jobs_and_of_work():
    found = expected({"jobs": [job(gang=1), job(gang=1), job("1 h", 2), job("1 h", 4, "2 h")]})
    assert [(each.least, each.most, each.jobs) for each in found.gangs] == [(1, 1, 0.5), (2, 2, 0.25), (4, 4, 0.25)]
    assert [each.work for each in found.gangs] == pytest.approx([2 / 12, 2 / 12, 8 / 12])
    many = expected({"jobs": [job(gang=size) for size in range(1, 13)]})
    assert [(each.least, each.most) for each in many.gangs] == [(1, 1), (2, 2), (3, 4), (5, 8), (9, 12)]
    assert sum(each.jobs for each in many.gangs) == pytest.approx(1)


def test_jobs_that_can_never_run_are_named_by_reason(tmp_path):
    (tmp_path / "jobs.csv").write_text(
        "job_id,submit_time,num_gpu,duration,tenant\na,0,4,100,a\ngiant,1,40,100,a\nb,2,8,100,small\nc,3,2,100,small\n"
    )
    stream = {"trace": {"format": "csv", "path": str(tmp_path / "jobs.csv")}}
    more = {"tenants": {"small": {"quota": {"p": 4}}}}
    assert expected(stream, **more).impossible == {
        "too large for every pool": ["giant"],
        "beyond the quota of their tenant": ["b"],
    }
    found = text(stream, **more)
    assert "1 jobs can never run and will be rejected: giant (too large for every pool)" in found
    run = sim.run(scenario(stream, **more))
    assert set(run.jobs[run.jobs["status"] == "rejected"]["job_id"]) == {"giant", "b"}


def test_a_job_that_may_shrink_until_it_fits_can_run():
    stream = {"arrivals": DRAWN["arrivals"], "accelerators": {"quantiles": {"levels": [0, 1], "values": [16, 16]}}}
    assert not expected({**stream, "duration": "1 h"}, horizon="1 d").impossible
    trace_like = {"jobs": [job(gang=16)], "elastic": {"min": 0.5}}
    assert not expected(trace_like).impossible


def test_of_drawn_jobs_a_sample_is_looked_at():
    gangs = {"uniform": {"low": 1, "high": 24.4}}
    found = expected({**DRAWN, "accelerators": gangs}, horizon="100000 h")
    assert found.looked_at == 4096 < found.arriving.number
    (never,) = found.impossible.values()
    assert len(never) / 4096 == pytest.approx((24 - 16) / 23.4, abs=0.04)
    assert "of the first 4,096 can never run" in text({**DRAWN, "accelerators": gangs}, horizon="100000 h")


def test_drawn_jobs_that_train_a_model_have_a_demand_by_physics():
    stream = {"arrivals": DRAWN["arrivals"], "accelerators": 8, "model": "Llama-3.1-8B", "tokens": 1e8}
    found = expected(stream, horizon="10 d")
    seconds = 6 * sim.load(scenario(stream, horizon="10 d").resolved()).model("Llama-3.1-8B").active_parameters * 1e8
    assert found.demand == pytest.approx(2 / 3600 * seconds / (989e12 * 0.452 / (1 + 8 / 160_000)))
    assert "training times are estimates: the utilization is that of arXiv:2407.21783" in text(stream, horizon="10 d")


def test_deadlines_out_of_reach_and_estimates_that_are_too_short_are_counted():
    stream = {"jobs": [job(deadline="30 min"), job(deadline="2 h")], "estimate": {"factor": 0.5}}
    found = expected(stream)
    assert (found.late, found.overrunning) == (1, 2)
    assert "1 jobs miss their deadline even if they start at once" in text(stream)
    assert "2 jobs run longer than is expected of them" in text(stream)
    assert expected({**stream, "throughput": {"q": 3, "p": 1}}, pools=("p", "q")).late == 0


@pytest.mark.skipif(not SWF.exists(), reason="the trace of HPC2N is not here")
def test_what_was_read_of_a_trace_is_said_before_and_after_the_run():
    trace = {"format": "swf", "path": str(SWF), "from": "1 d", "max_accelerators": 16}
    said = "left out: 25 did not run"
    found = text({"trace": trace})
    assert said in found
    assert "with more accelerators than wanted" in found
    run = sim.run(scenario({"trace": trace}, output={"telemetry": "10 d"}))
    assert any(note.startswith("training.t: of its trace, ") and said in note for note in run.summary["notes"])
    assert run.metric("training.t.jobs.submitted") == expected({"trace": trace}).arriving.number


def test_jobs_that_failures_never_let_end_are_named():
    """16 of 100 h fail every 6.25 h: 50 h without a checkpoint are e**8 attempts, 40 h are e**6.4."""
    failures = {"per": "accelerator", "mtbf": "100 h", "repair": "1 h"}
    pools = {"p": {"accelerator": "H100-SXM", "nodes": 2, "failures": failures}}
    jobs = {"jobs": [job(gang=16, length="50 h", id="long"), job(gang=16, length="40 h"), job(gang=8, length="80 h")]}

    def stuck(**more):
        failing = scenario(jobs | more).with_({"pools": pools})
        return training_expectation(prepare(failing), "t").stuck, "\n".join(describe(failing))

    names, said = stuck()
    assert names == ["long"]
    assert "1 jobs hardly ever end: long (failures interrupt them more than 1,000 times" in said
    assert stuck(checkpoint={"interval": "1 h", "cost": "1 min"})[0] == []
    assert stuck(checkpoint={"interval": "1 h", "cost": "45 h"})[0] == ["long"]
