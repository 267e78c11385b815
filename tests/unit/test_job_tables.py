"""What a run leaves behind of its jobs: spells that fit together, bills by tenant, deadlines."""

from collections import defaultdict

import pandas as pd
import pytest
from unit.job_runs import pool, requests

import sim
from sim.fleet.environment import FleetEnvironment, Phase
from sim.fleet.ledger import Ledger, PoolPower
from sim.fleet.pool import FleetError
from sim.policies.protocols import Assign
from sim.policies.scheduling import Fifo
from sim.training.job import Job
from sim.training.job_plane import JobPlane, Stream
from sim.training.summary import deadlines_block
from sim.workload.jobs import JobRequest

ROWS = """job_id,submit_time,num_gpu,duration,tenant
a,0,12,4000,lab
b,100,8,500,shop
c,200,4,300,lab
d,300,2,9000,shop
e,400,16,60,
f,500,3,70000,shop
g,600,99,10,lab
"""
SCENARIO = {
    "fleetsim": 1,
    "name": "tenants",
    "horizon": "10 h",
    "sites": {"s": {"pue": 1.2, "electricity": "0.1 USD/kWh", "carbon_intensity": "300 g/kWh"}},
    "pools": {"p": {"accelerator": "A100-SXM-80GB", "nodes": 2, "site": "s", "price": "2 USD/h"}},
    "policies": {"scheduling": "srtf"},
}


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    trace = tmp_path_factory.mktemp("trace") / "jobs.csv"
    trace.write_text(ROWS, encoding="utf-8")
    stream = {"pools": ["p"], "trace": {"format": "csv", "path": str(trace)}}
    stream["checkpoint"] = {"interval": "10 min", "cost": "5 s", "restart": "20 s"}
    return sim.run(sim.load(SCENARIO | {"training": {"t": stream}}))


def test_spells_tell_of_each_job_all_that_it_held(result):
    spells, jobs = result.spells, result.jobs.set_index("job_id")
    assert set(spells["outcome"]) == {"completed", "preempted", "running"}
    assert spells["end_s"].isna().equals(spells["outcome"] == "running")
    for job_id, own in spells.groupby("job_id"):
        each = own.groupby(["start_s", "outcome"], sort=False).agg({"end_s": "first", "accelerators": "sum"})
        starts, outcomes = each.index.get_level_values(0), each.index.get_level_values(1)
        assert starts[0] == jobs.loc[job_id, "start_s"]
        assert all(end <= start for end, start in zip(each["end_s"], starts[1:], strict=False))
        assert list(outcomes[:-1]) == ["preempted"] * jobs.loc[job_id, "preemptions"]
        assert outcomes[-1] == jobs.loc[job_id, "status"]
    assert set(jobs.index) - set(spells["job_id"]) == {"g"}


def test_a_gang_larger_than_a_node_has_a_row_for_each_of_its_nodes(result):
    first = result.spells[result.spells["job_id"] == "a"].groupby("start_s")
    assert first["node"].nunique().tolist()[0] == 2
    assert first["accelerators"].sum().tolist()[0] == 16, "a gang of 12 holds two nodes of eight"


def test_no_node_is_held_beyond_what_it_has(result):
    change = defaultdict(int)
    for row in result.spells.fillna({"end_s": 36000.0}).itertuples():
        change[row.node, row.start_s] += row.accelerators
        change[row.node, row.end_s] -= row.accelerators
    for node in (0, 1):
        held = pd.Series({time: count for (where, time), count in change.items() if where == node}).sort_index()
        assert held.cumsum().between(0, 8).all()
        assert held.sum() == 0


def test_the_bills_of_jobs_are_those_of_their_tenants_and_of_the_stream(result):
    """The window is the whole run, so that all three count the same."""
    jobs, stream, tenants = result.jobs, result.summary["training"]["t"], result.summary["tenants"]
    assert set(tenants) == {"lab", "shop"}
    for column, key, scale in (
        ("energy_j", "energy_kwh", 3.6e6),
        ("cost_usd", "cost_usd", 1),
        ("carbon_kg",) * 2 + (1,),
    ):
        assert jobs[column].sum() / scale == pytest.approx(stream[key], rel=1e-9)
        for name, tenant in tenants.items():
            assert jobs.loc[jobs["tenant"] == name, column].sum() / scale == pytest.approx(tenant[key], rel=1e-9)
    assert tenants["lab"]["jobs"] == {
        "submitted": 3,
        "completed": 2,
        "rejected": 1,
        "running": 0,
        "queued": 0,
        "censored": 0,
    }


def test_a_spell_says_how_it_ended():
    environment, pools = FleetEnvironment(), {"p": pool()}
    stream = Stream("s", requests((0.0, 2, 10.0)), ("p",))
    plane = JobPlane(environment, pools, Ledger({"p": PoolPower(4, 0.0, {})}, ["s"]), Fifo(), [stream])

    def after(time, act):
        environment.at(time, Phase.COMPLETION).callbacks.append(lambda _: act(stream.jobs[0]))

    after(1.0, lambda job: plane.interrupt(job.spells[-1].holding))
    after(2.0, lambda job: (plane.stop(job), plane.call_pass()))
    after(3.0, lambda job: (plane.stop(job, preempts=False), plane.call_pass()))
    environment.run(until=4.0)
    job = stream.jobs[0]
    assert [spell.outcome for spell in job.spells] == ["failed", "preempted", "resized", "running"]
    assert (job.failures, job.preemptions, job.resizes) == (1, 1, 1)
    environment.run(until=plane.done)
    assert [spell.outcome for spell in job.spells][-1] == "completed"


def test_spells_are_saved_with_the_run(result, tmp_path):
    saved = pd.read_parquet(result.save(tmp_path / "out") / "spells.parquet")
    pd.testing.assert_frame_equal(saved, result.spells)


def test_weights_of_tenants_that_sent_jobs_share_the_fleet(result):
    """Jobs without a tenant share as one more: a third of 16 each. Twice the weight is half of it, and less to gain."""
    heavy = result.scenario.with_({"tenants": {"lab": {"weight": 2}, "shop": {}, "idle": {"weight": 9}}})
    other = sim.run(heavy).summary["tenants"]
    assert other["idle"]["fairness"] is None
    assert other["idle"]["jobs"]["submitted"] == 0
    assert other["lab"]["fairness"] > result.summary["tenants"]["lab"]["fairness"]


@pytest.mark.parametrize(
    ("status", "end", "now", "outcome"),
    [
        ("completed", 10.0, 50.0, "met"),
        ("completed", 10.5, 50.0, "missed"),
        ("running", None, 9.0, "undecided"),
        ("queued", None, 10.0, "undecided"),
        ("running", None, 11.0, "missed"),
        ("rejected", None, 5.0, "missed"),
    ],
)
def test_a_deadline_is_met_missed_or_undecided(status, end, now, outcome):
    job = Job("a", 0, JobRequest("a", 0.0, 1, 5.0, deadline=10.0), "s", {"p": 1.0}, status=status)
    job.end = job.end if end is None else end
    without = Job("b", 1, JobRequest("b", 0.0, 1, 5.0), "s", {"p": 1.0})
    found = deadlines_block([job, without], now)["deadlines"]
    assert found == dict.fromkeys(("met", "missed", "undecided"), 0) | {outcome: 1}
    assert deadlines_block([without], now) == {}


def jobs_done(jobs, tmp_path, **more):
    (tmp_path / "jobs.csv").write_text("job_id,submit_time,num_gpu,duration\n" + jobs)
    return sim.run(
        sim.load(
            {
                "fleetsim": 1,
                "name": "done",
                "horizon": "jobs_done",
                "pools": {"p": {"accelerator": "H100-SXM", "nodes": 2}},
                "training": {
                    "t": {"pools": ["p"], "trace": {"format": "csv", "path": str(tmp_path / "jobs.csv")}, **more}
                },
            }
        )
    )


def test_a_job_that_comes_at_the_last_instant_is_counted(tmp_path):
    """The run ends as it is turned away."""
    found = jobs_done("a,0,4,60\ngiant,100,17,60\n", tmp_path).summary["training"]["t"]["jobs"]
    assert (found["submitted"], found["completed"], found["rejected"]) == (2, 1, 1)


class Idle:
    interval = None
    sees = "nothing"

    def decide(self, fleet):
        return ()


class Half:
    """Starts nothing as long as anything runs or has run."""

    interval = None
    sees = "nothing"

    def decide(self, fleet):
        for job in fleet.waiting:
            if fleet.now == 0:
                yield Assign(job.id, "p", job.gang)
            return


@pytest.mark.parametrize(("policy", "job"), [(Idle, "a"), (Half, "b")])
def test_a_run_that_would_never_end_is_an_error(policy, job):
    scenario = sim.load(
        {
            "fleetsim": 1,
            "name": "idle",
            "horizon": "jobs_done",
            "pools": {
                "p": {
                    "accelerator": "H100-SXM",
                    "nodes": 1,
                    "failures": {"mtbf": "1 h", "per": "node", "repair": "1 min"},
                }
            },
            "training": {
                "t": {
                    "pools": ["p"],
                    "jobs": [{"id": each, "submit": 0, "accelerators": 8, "duration": "1 min"} for each in "ab"],
                }
            },
        }
    )
    with pytest.raises(FleetError, match=f"policy {policy.__name__} lets job {job} wait for ever"):
        sim.run(scenario, policies={"scheduling": policy()})
