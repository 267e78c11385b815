"""A whole run: its window, its end, its tables, and how services and jobs share a pool."""

import json
import math

import numpy as np
import pytest
from unit.queue_scenario import queue

import sim
from sim.fleet.pool import FleetError

GPU = {"gpu": {"kind": "gpu", "memory": "16 GB", "idle_power": "60 W", "busy_power": "400 W"}}
UNIT = {"unit": {"kind": "single_pass", "latency": {"batch": [1], "seconds": [1.0]}}}


def scenario(**changes):
    base = {
        "fleetsim": 1,
        "name": "small",
        "horizon": "2000 s",
        "accelerators": GPU,
        "models": UNIT,
        "pools": {"p": {"accelerator": "gpu", "nodes": 2, "accelerators_per_node": 8, "price": "1 USD/h"}},
        "services": {
            "s": {
                "model": "unit",
                "pools": ["p"],
                "replicas": 4,
                "routing": "central_queue",
                "requests": {"arrivals": {"process": "poisson", "rate": "3/s"}, "work": {"exponential": {"mean": 1}}},
                "slo": {"e2e": "3 s", "attainment": 0.9},
            }
        },
    }
    return sim.load({key: value for key, value in (base | changes).items() if value is not None})


def training(*rows, folder, **options):
    path = folder / "jobs.csv"
    path.write_text("job_id,submit_time,num_gpu,duration\n" + "".join(f"{','.join(map(str, row))}\n" for row in rows))
    return {"t": {"pools": ["p"], "trace": {"format": "csv", "path": str(path)}, **options}}


def test_services_take_theirs_at_time_zero_and_jobs_have_the_rest(tmp_path):
    jobs = training(("a", 0, 8, 3000), ("d", 0, 8, 10), ("b", 0, 4, 100), folder=tmp_path)
    result = sim.run(scenario(training=jobs, policies={"scheduling": "fifo_first_fit"}))
    status = dict(zip(result.jobs.job_id, result.jobs.status, strict=True))
    assert status == {"a": "running", "d": "queued", "b": "completed"}
    assert result.metric("pools.p.utilization.serving") == pytest.approx(4 / 16)
    assert result.metric("pools.p.utilization.training") == pytest.approx((8 * 2000 + 4 * 100) / (16 * 2000))


def test_jobs_done_ends_the_run_when_the_last_job_has_ended(tmp_path):
    jobs = training(("a", 0, 4, 100), ("b", 70, 8, 300.5), folder=tmp_path)
    result = sim.run(scenario(horizon="jobs_done", training=jobs))
    assert result.metric("run.horizon_s") == 370.5
    assert result.metric("training.t.makespan_s") == 370.5
    assert result.metric("services.s.requests.arrived") > 800


def test_draining_leaves_nothing_in_flight_and_counts_nothing_after_the_horizon(tmp_path):
    jobs = training(("a", 1900, 4, 500), folder=tmp_path)
    plain, drained = (
        sim.run(scenario(drain=drain, training=jobs, output={"requests": True})) for drain in (False, True)
    )
    assert plain.metric("services.s.requests.in_flight") > 0
    assert drained.metric("services.s.requests.in_flight") == 0
    assert drained.metric("services.s.requests.completed") == drained.metric("services.s.requests.arrived")
    assert drained.metric("training.t.jobs.completed") == 1
    for path in ("services.s.requests.arrived", "fleet.energy_kwh", "pools.p.utilization.busy", "run.horizon_s"):
        assert plain.metric(path) == drained.metric(path)
    assert all(law["holds"] for law in drained.summary["audit"])
    assert drained.telemetry.time_s.max() == 2000.0


def test_jobs_that_end_within_the_warm_up_leave_nothing_to_count(tmp_path):
    jobs = training(("a", 0, 4, 100), folder=tmp_path)
    with pytest.raises(FleetError, match="ended at 100 s, within the warm-up"):
        sim.run(scenario(horizon="jobs_done", warmup="1 h", training=jobs))


def test_jobs_for_which_the_services_leave_no_room_do_not_wait_for_ever(tmp_path):
    jobs = training(("a", 0, 4, 100), ("b", 70, 12, 300), folder=tmp_path)
    result = sim.run(scenario(horizon="jobs_done", training=jobs))
    assert result.metric("training.t.jobs.rejected") == 1
    assert result.metric("run.horizon_s") == 100.0


def test_a_warm_up_between_two_instants_of_the_grid_keeps_every_law():
    """10.3333333 s is no multiple of 2**-20 s: what is counted and what is integrated begin at the same instant."""
    result = sim.run(queue(warmup="10.3333333 s", horizon="200 s"))
    assert all(law["holds"] for law in result.summary["audit"])


def test_the_warm_up_is_not_counted():
    whole, later = sim.run(scenario()), sim.run(scenario(warmup="500 s"))
    assert later.metric("services.s.accelerator_hours") == pytest.approx(4 * 1500 / 3600)
    assert 3900 < later.metric("services.s.requests.arrived") < 5100 < whole.metric("services.s.requests.arrived")


def test_telemetry_adds_up_to_the_summary():
    result = sim.run(scenario(output={"telemetry": "90 s"}))
    table = result.telemetry.pivot(index="time_s", columns=["kind", "name", "metric"], values="value")
    spans = np.diff(np.concatenate(([0.0], table.index)))
    assert table.index[-1] == 2000.0
    arrived = float((table["service", "s", "arrivals_per_s"] * spans).sum())
    assert arrived == pytest.approx(result.metric("services.s.requests.arrived"))
    energy = float((table["pool", "p", "power_w"] * spans).sum()) / 3.6e6
    assert energy == pytest.approx(result.metric("pools.p.energy_kwh"), rel=1e-12)
    assert result.metric("pools.p.power_w.peak") == pytest.approx(table["pool", "p", "power_w"].max())
    busy = float((table["service", "s", "utilization"] * spans).sum()) / 2000
    assert busy == pytest.approx(result.metric("services.s.utilization"), rel=1e-12)


def test_cost_and_carbon_follow_energy_price_and_site():
    sites = {"west": {"pue": 1.25, "electricity": "0.1 USD/kWh", "carbon_intensity": "400 g/kWh"}}
    pool = {"accelerator": "gpu", "nodes": 2, "accelerators_per_node": 8, "price": "1 USD/h", "site": "west"}
    result = sim.run(scenario(sites=sites, pools={"p": pool}))
    energy, hours = result.metric("fleet.energy_kwh"), 16 * 2000 / 3600
    assert result.metric("fleet.facility_energy_kwh") == pytest.approx(1.25 * energy)
    assert result.metric("fleet.cost_usd") == pytest.approx(hours + 1.25 * energy * 0.1)
    assert result.metric("fleet.carbon_kg_by.operational") == pytest.approx(1.25 * energy * 0.4)
    assert result.metric("fleet.carbon_kg") is None, "the embodied carbon of this accelerator is unknown"


def test_an_unknown_price_leaves_the_cost_unknown():
    pool = {"accelerator": "gpu", "nodes": 1, "accelerators_per_node": 8}
    result = sim.run(scenario(pools={"p": pool}))
    assert result.metric("fleet.cost_usd") is None
    assert result.metric("services.s.cost_usd") is None


def test_hosts_are_paid_for_by_who_holds_their_accelerators(tmp_path):
    host = {"idle": "800 W", "busy": "1600 W"}
    pool = {"accelerator": "gpu", "nodes": 2, "accelerators_per_node": 8, "host_power": host}
    jobs = training(("a", 0, 8, 2000), folder=tmp_path)
    result = sim.run(scenario(pools={"p": pool}, services=None, training=jobs, drain=True))
    held = 8 * 2000 / 3.6e6
    assert result.metric("training.t.energy_kwh") == pytest.approx(held * (400 + 200))
    assert result.metric("fleet.energy_kwh") == pytest.approx(held * (400 + 200) + held * (60 + 100))


def test_a_job_that_can_never_run_is_counted_and_named(tmp_path):
    jobs = training(("small", 0, 4, 10), ("giant", 1, 40, 10), folder=tmp_path)
    result = sim.run(scenario(training=jobs))
    assert result.metric("training.t.jobs.rejected") == 1
    assert any("giant" in note for note in result.summary["notes"])


def test_rejected_requests_miss_the_promise():
    spec = scenario().with_({"services.s.queue_limit": 0, "services.s.requests.arrivals.rate": "8/s"})
    result = sim.run(spec)
    counts = result.metric("services.s.requests")
    assert counts["rejected"] > 0.3 * counts["arrived"]
    assert result.metric("services.s.slo.attainment") < counts["completed"] / (counts["arrived"] - counts["undecided"])


def test_nothing_counted_is_null_and_never_nan():
    spec = scenario().with_({"services.s.requests.arrivals.rate": "0.0001/s", "horizon": "1 s"})
    result = sim.run(spec)
    assert result.metric("services.s.requests.arrived") == 0
    assert result.metric("services.s.e2e_s") == {
        **dict.fromkeys(("mean", "sd", "p50", "p90", "p95", "p99", "p999", "max")),
        "count": 0,
    }
    assert result.metric("services.s.slo.attainment") is None
    json.dumps(result.summary, allow_nan=False)


def test_a_tpu_slice_has_one_of_its_shapes():
    spec = sim.load(
        {
            "fleetsim": 1,
            "name": "slices",
            "horizon": "1 h",
            "pools": {"v5e": {"accelerator": "TPU-v5e", "nodes": 2, "accelerators_per_node": 4}},
            "services": {
                "s": {
                    "model": "Llama-3.1-8B",
                    "pools": ["v5e"],
                    "parallelism": {"tensor": 2},
                    "replicas": 1,
                    "requests": {"arrivals": {"process": "poisson", "rate": "1/s"}, "lengths": "azure-conv-2023"},
                }
            },
        }
    )
    result = sim.run(spec)
    pool, service = result.summary["pools"]["v5e"], result.summary["services"]["s"]
    assert service["accelerator_hours"] == pytest.approx(4.0)  # of which two do no work
    assert pool["utilization"]["allocated"] == pytest.approx(0.5)
    assert all(law["holds"] for law in result.summary["audit"])


def test_a_user_may_hand_in_a_policy(tmp_path):
    class Largest:
        blocks, preempts, sees = False, False, "nothing"

        def key(self, job):
            return (-job.gang,)

        def next_change(self, job):
            return None

    jobs = training(("a", 0, 12, 10), ("b", 1, 2, 10), ("c", 1, 8, 10), folder=tmp_path)
    result = sim.run(scenario(training=jobs), policies={"scheduling": Largest()})
    start = dict(zip(result.jobs.job_id, result.jobs.start_s, strict=True))
    assert start["c"] <= start["b"]


@pytest.mark.parametrize(
    ("policies", "said"),
    [
        ({"power": object()}, "a policy of one's own for power arrives in a later version"),
        ({"scheduling": object()}, "object` lacks `blocks`"),
        ({"schedulling": object()}, "there is no `schedulling` policy"),
    ],
)
def test_a_policy_that_would_be_ignored_is_refused(policies, said):
    with pytest.raises(sim.ScenarioError, match=said):
        sim.run(scenario(), policies=policies)


def test_rows_hold_every_request_once(tmp_path):
    import pandas as pd

    result = sim.run(scenario(output={"requests": True}))
    rows = pd.read_parquet(result.save(tmp_path / "out") / "requests.parquet")
    assert len(rows) == result.metric("run.requests")
    counts = rows.status.value_counts()
    assert counts["completed"] == result.metric("services.s.requests.completed")
    assert counts["in_flight"] == result.metric("services.s.requests.in_flight")
    done = rows[rows.status == "completed"]
    assert math.isclose((done.end_s - done.arrival_s).mean(), result.metric("services.s.e2e_s.mean"), rel_tol=1e-9)


def test_a_folder_that_holds_a_run_is_not_overwritten(tmp_path):
    result = sim.run(scenario(horizon="10 s"))
    result.save(tmp_path / "out")
    with pytest.raises(FileExistsError):
        result.save(tmp_path / "out")
    result.save(tmp_path / "out", force=True)
