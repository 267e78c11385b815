"""What a pool is, through whole runs by hand: slow-downs, slices, the order of pools, failures, spare nodes."""

import pytest

import sim
from analysis.check import describe
from sim.policies.registry import BUILT_IN
from sim.scenario import paths

SERVER = {"kind": "gpu", "memory": "1 GB", "idle_power": "60 W", "busy_power": "400 W", "accelerators_per_node": 4}


def run(folder, jobs, pools, failures=None, placement="first_fit", scheduling="fifo_first_fit", warmup=0, **stream):
    """A trace of jobs on pools; the summary and the table of jobs."""
    rows = "".join(f"{number},{submit},{gang},{seconds}\n" for number, (submit, gang, seconds) in enumerate(jobs))
    (folder / "jobs.csv").write_text("job_id,submit_time,num_gpu,duration\n" + rows)
    if failures is not None:
        lines = "".join(f"{failure}\n" for failure in failures)
        (folder / "failures.csv").write_text("time_s,unit,repair_s\n" + lines)
    spec = sim.load(
        {
            "fleetsim": 1,
            "name": "pools",
            "horizon": "1000 s",
            "warmup": warmup,
            "accelerators": {"server": SERVER},
            "pools": {name: {"accelerator": "server", "nodes": 4} | pool for name, pool in pools.items()},
            "training": {
                "t": {"pools": list(pools), "trace": {"format": "csv", "path": str(folder / "jobs.csv")}, **stream}
            },
            "policies": {"placement": placement, "scheduling": scheduling},
        }
    )
    result = sim.run(spec)
    assert [law for law in result.summary["audit"] if not law["holds"]] == []
    return result.summary, result.jobs


def failing(folder, per="node"):
    return {"per": per, "trace": str(folder / "failures.csv")}


def test_gangs_across_nodes_and_racks_are_slower(tmp_path):
    pool = {"nodes": 3, "racks": 2, "slowdown": {"across_nodes": 1.25, "across_racks": 1.5}}
    _, jobs = run(tmp_path, [(0, 4, 100), (200, 8, 100), (400, 12, 100)], {"p": pool})
    assert jobs.jct_s.tolist() == [100.0, 125.0, 150.0]


def test_a_gang_of_twelve_on_nodes_of_eight_holds_sixteen(tmp_path):
    summary, jobs = run(tmp_path, [(0, 12, 900)], {"p": {"accelerators_per_node": 8}})
    assert jobs.accelerators.tolist() == [12]
    assert summary["training"]["t"]["accelerator_hours_by"]["unused"] == pytest.approx(4 * 900 / 3600)
    assert summary["training"]["t"]["accelerator_hours"] == pytest.approx(16 * 900 / 3600)


def test_a_job_on_tpus_is_given_a_slice(tmp_path):
    summary, _ = run(tmp_path, [(0, 3, 900), (1, 300, 10)], {"p": {"accelerator": "TPU-v5e", "nodes": 100}})
    t = summary["training"]["t"]
    assert (t["jobs"]["completed"], t["jobs"]["rejected"]) == (1, 1)  # there is no slice of 300
    assert t["accelerator_hours_by"]["unused"] == pytest.approx(900 / 3600)


def test_the_cheapest_pool_is_tried_first(tmp_path):
    pools = {"dear": {"price": "3 USD/h", "nodes": 1}, "cheap": {"price": "1 USD/h", "nodes": 1}}
    jobs = [(0, 4, 100), (1, 4, 100)]
    assert run(tmp_path, jobs, pools)[1].pool.tolist() == ["dear", "cheap"]
    assert run(tmp_path, jobs, pools, placement="cheapest")[1].pool.tolist() == ["cheap", "dear"]
    throughput = {"dear": 1.0, "cheap": 0.25}
    assert run(tmp_path, jobs, pools, placement="cheapest", throughput=throughput)[1].pool.tolist() == ["dear", "cheap"]


def test_a_failure_costs_a_job_what_it_has_not_saved(tmp_path):
    """Node 0 fails for 100 s: its job starts anew on another node, which has room."""
    checkpoint = {"interval": "60 s", "cost": "10 s", "restart": "5 s"}
    pool = {"p": {"nodes": 2, "failures": failing(tmp_path)}}
    summary, jobs = run(tmp_path, [(0, 4, 150), (0, 4, 300)], pool, ["150,0,100"], checkpoint=checkpoint)
    # the first: 60 s, 10 s, 60 s, 10 s, then 10 s that are lost; it waits for the repair at 250, loads, and works 30 s
    assert jobs.end_s.tolist() == [250 + 5 + 30, 300 + 40]
    assert jobs.failures.tolist() == [1, 0]
    hours = summary["training"]["t"]["accelerator_hours_by"]
    assert hours["lost"] == pytest.approx(4 * 10 / 3600)
    assert hours["restart"] == pytest.approx(4 * 5 / 3600)
    found = summary["pools"]["p"]
    assert found["failures"] == 1
    assert found["availability"] == pytest.approx(1 - 100 / 2000)
    held = (150 + 35 + 340) / 2000
    assert found["utilization"]["allocated"] == pytest.approx(held)
    assert found["utilization_of_available"]["allocated"] == pytest.approx(held / 0.95)


def test_what_was_done_within_the_window_is_told_by_use(tmp_path):
    """The 10 s from 140 s on are lost, 5 of them within the window; so are 5 s of a checkpoint of the second job."""
    checkpoint = {"interval": "60 s", "cost": "10 s", "restart": "5 s"}
    pool = {"p": {"nodes": 2, "failures": failing(tmp_path)}}
    jobs = [(0, 4, 150), (5, 4, 120)]
    summary, _ = run(tmp_path, jobs, pool, ["150,0,100"], checkpoint=checkpoint, warmup="145 s")
    hours = {use: found * 3600 / 4 for use, found in summary["training"]["t"]["accelerator_hours_by"].items()}
    assert hours == pytest.approx({"useful": 30, "lost": 5, "checkpoint": 0, "restart": 5, "unused": 0})
    summary, _ = run(tmp_path, jobs, pool, ["150,0,100"], checkpoint=checkpoint, warmup="70 s")
    hours = {use: found * 3600 / 4 for use, found in summary["training"]["t"]["accelerator_hours_by"].items()}
    assert hours == pytest.approx({"useful": 60 + 30 + 60, "lost": 10, "checkpoint": 10 + 5, "restart": 5, "unused": 0})


def test_a_spare_node_is_there_at_once(tmp_path):
    pool = {"p": {"nodes": 3, "spare_nodes": 1, "failures": failing(tmp_path)}}
    _, jobs = run(tmp_path, [(0, 4, 150), (0, 4, 300), (1, 4, 10)], pool, ["100,0,5000"])
    assert jobs.end_s.tolist() == [100 + 150, 300, 260]


def test_an_accelerator_hits_one_job_and_a_rack_many(tmp_path):
    pool = {"p": {"nodes": 2, "failures": failing(tmp_path, "accelerator")}}
    jobs = [(0, 2, 500), (0, 1, 500), (0, 4, 500)]
    assert run(tmp_path, jobs, pool, ["10,2,0"])[1].failures.tolist() == [0, 1, 0]
    assert run(tmp_path, jobs, pool, ["10,3,0"])[1].failures.tolist() == [0, 0, 0]
    pool = {"p": {"nodes": 2, "failures": failing(tmp_path, "rack")}}
    assert run(tmp_path, jobs, pool, ["10,0,0"])[1].failures.tolist() == [1, 1, 1]


def test_fragmentation_is_what_is_free_and_not_on_a_free_node(tmp_path):
    """For 500 s a job of one accelerator leaves three free beside it, and a whole node: 3 of 7; then all is free."""
    summary, _ = run(tmp_path, [(0, 1, 500)], {"p": {"nodes": 2}})
    assert summary["pools"]["p"]["fragmentation"] == pytest.approx(3 * 500 / (7 * 500 + 8 * 500))
    summary, _ = run(tmp_path, [(0, 8, 1000)], {"p": {"nodes": 2}})
    assert summary["pools"]["p"]["fragmentation"] is None


SMALL = {
    "fleetsim": 1,
    "name": "x",
    "horizon": "10 d",
    "pools": {"p": {"accelerator": "H100-SXM", "nodes": 10}},
    "training": {
        "t": {
            "pools": ["p"],
            "arrivals": {"process": "poisson", "rate": "1/h"},
            "accelerators": 8,
            "duration": {"exponential": {"mean": "1 h"}},
        }
    },
}


def small(**pool):
    return SMALL | {"pools": {"p": SMALL["pools"]["p"] | pool}}


def test_failures_are_a_map_or_a_list_and_can_be_set():
    one = {"per": "node", "mtbf": "40 d", "repair": "2 h"}
    spec = sim.load(small(failures=one))
    assert spec == sim.load(small(failures=[one]))
    assert sim.load(small()).pools["p"].failures == ()
    changed = spec.with_({"pools.p.failures.mtbf": "20 d", "pools.p.spare_nodes": 2})
    assert changed.pools["p"].failures[0].mtbf == 20 * 86400.0
    assert paths.value_at(changed.resolved(), ("pools", "p", "spare_nodes")) == 2
    assert spec.with_({"pools.p.failures": []}).pools["p"].failures == ()


def test_a_scenario_with_failures_is_written_as_it_is_read(tmp_path):
    (tmp_path / "failures.csv").write_text("time_s,unit,repair_s\n5,0,5\n")
    failures = [{"per": "node", "mtbf": "40 d", "shape": 0.8}, {"per": "rack", "trace": str(tmp_path / "failures.csv")}]
    spec = sim.load(small(failures=failures, slowdown={"across_nodes": 1.1}))
    (tmp_path / "x.yaml").write_text(spec.to_yaml())
    assert sim.load(tmp_path / "x.yaml") == spec
    assert spec.pools["p"].slowdown.across_racks == 1.1
    assert [path.name for path in spec.input_files] == ["failures.csv"]


def test_a_broken_trace_of_failures_is_named(tmp_path):
    (tmp_path / "failures.csv").write_text("time_s,unit,repair_s\n5,10,5\n")
    spec = sim.load(small(failures=failing(tmp_path)))
    with pytest.raises(sim.ScenarioError, match=r"failures.*failures\.csv:2: there is no unit `10`: .* 0 to 9"):
        sim.run(spec)


def described(spec):
    return "\n".join(describe(sim.load(spec))).replace("\N{NO-BREAK SPACE}", " ")


def test_check_says_how_many_failures_to_expect(tmp_path):
    failures = [{"per": "accelerator", "mtbf": "792 h", "repair": "8 h"}, {"per": "node", "mtbf": "24 d"}]
    text = described(small(failures=failures))
    assert "about 28.2 to the horizon, one in 8.52 h on average" in text  # 80 x 240 / 800 + 10 x 240 / 576
    assert "too few to judge by" not in text
    (tmp_path / "failures.csv").write_text("time_s,unit,repair_s\n5,0,5\n50,1,9\n1e7,0,5\n")
    text = described(small(failures=failing(tmp_path), spare_nodes=1))
    assert "72 left, 8 on spare nodes" in text
    assert "pools.p.failures: about 2 failures are to be expected: too few to judge by" in text


@pytest.mark.parametrize("scheduling", BUILT_IN["scheduling"])
def test_every_scheduler_lives_with_failures(scheduling):
    """The laws hold, everybody meets the same failures, and nobody is forgotten."""
    per = {"accelerator": ("500 h", "2 h"), "node": ("100 h", "10 h"), "rack": ("400 h", "5 h")}
    failures = [{"per": each, "mtbf": mtbf, "repair": repair} for each, (mtbf, repair) in per.items()]
    spec = sim.load(small(nodes=6, racks=2, spare_nodes=1, failures=failures, slowdown={"across_nodes": 1.2}))
    gangs = {"choice": {"1": 0.5, "8": 0.4, "40": 0.1}}
    checkpoint = {"interval": "20 min", "cost": "30 s", "restart": "60 s"}
    spec = spec.with_(
        {"training.t.accelerators": gangs, "training.t.checkpoint": checkpoint, "output.telemetry": "1 h"}
    )
    summary = sim.run(spec.with_({"policies.scheduling": scheduling}), seed=1).summary
    assert [law for law in summary["audit"] if not law["holds"]] == []
    assert summary["training"]["t"]["failures"] > 0
    assert summary["training"]["t"]["jobs"]["completed"] > 200
    fifo = sim.run(spec, seed=1).summary["pools"]["p"]
    assert (summary["pools"]["p"]["failures"], summary["pools"]["p"]["availability"]) == (
        fifo["failures"],
        fifo["availability"],
    )


@pytest.mark.parametrize("instant", [200, 300])
@pytest.mark.parametrize("node", [0, 1])
def test_a_plan_is_made_anew_where_one_node_fails_as_another_comes_back(tmp_path, instant, node):
    """As many accelerators are up as before, but not those that conservative backfill had reserved."""
    pool = {"p": {"nodes": 3, "failures": failing(tmp_path)}}
    jobs = [(0, 4, 200), (0, 4, 300), (1, 8, 100), (2, 4, 60)]
    rows = [f"10,2,{instant - 10}", f"{instant},{node},500"]
    _, table = run(tmp_path, jobs, pool, rows, scheduling="conservative_backfill")
    assert (table.status == "completed").all()
