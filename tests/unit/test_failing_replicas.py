"""Services in pools whose accelerators fail: replicas die, and come again where there is room or after the repair."""

from pathlib import Path

import pytest

import sim
from sim.fleet.pool import FleetError
from sim.preparation import prepare
from sim.simulation import Simulation

DATA = Path(__file__).parents[1] / "data"
HOUR = 3600.0
LOAD = 8.03e9 * 2 / (8 * 64e9)
"""Seconds to load the weights in bf16, each of eight accelerators its part, over links of 64 GB/s."""
SERVICE = {
    "model": "Llama-3.1-8B",
    "precision": "bf16",
    "pools": ["p"],
    "parallelism": {"tensor": 8},
    "replicas": 1,
    "requests": {"arrivals": {"process": "poisson", "rate": "2/s"}, "lengths": "azure-conv-2023"},
    "slo": {"ttft": "2 s", "attainment": 0.9},
}
TRAINING = {
    "pools": ["p"],
    "arrivals": {"process": "poisson", "rate": "30/h"},
    "accelerators": {"choice": {"1": 0.5, "2": 0.5}},
    "duration": {"exponential": {"mean": "20 min"}},
}


def scenario(folder, rows, per="node", training=None, horizon="2 h", service=SERVICE, **pool):
    """A service of one replica on a whole node, and recorded failures."""
    (folder / "failures.csv").write_text("time_s,unit,repair_s\n" + "".join(f"{row}\n" for row in rows))
    failures = {"per": per, "trace": str(folder / "failures.csv")}
    link = {"like": "H100-SXM", "host_link_bandwidth": "64 GB/s"}
    return sim.load(
        {
            "fleetsim": 1,
            "name": "failing",
            "horizon": horizon,
            "accelerators": {"gpu": link},
            "pools": {"p": {"accelerator": "gpu", "nodes": 2, "failures": failures, **pool}},
            "services": {"chat": service},
            "training": {"tune": training} if training else {},
        }
    )


def summary(spec):
    found = sim.run(spec).summary
    assert [law for law in found["audit"] if not law["holds"]] == []
    requests = found["services"]["chat"]["requests"]
    assert requests["arrived"] == requests["completed"] + requests["in_flight"] > 0
    assert requests["lost"] == 0
    return found


def test_a_replica_moves_to_a_node_that_is_free(tmp_path):
    """A spare node, or simply another: the replica is away only while it loads."""
    for pool in ({"spare_nodes": 1}, {}):
        found = summary(scenario(tmp_path, ["1800,0,3600"], **pool))
        chat, p = found["services"]["chat"], found["pools"]["p"]
        assert chat["replicas"]["mean"] == pytest.approx(1 - LOAD / (2 * HOUR), abs=1e-6)
        assert (chat["replicas"]["started"], chat["replicas"]["stopped"]) == (1, 1)
        assert chat["accelerator_hours"] == pytest.approx(16.0)
        assert (p["failures"], p["availability"]) == (1, pytest.approx(0.75))
        assert p["utilization"]["allocated"] == pytest.approx(0.5)
        assert p["utilization_of_available"]["allocated"] == pytest.approx(2 / 3)


def test_a_replica_without_room_waits_for_the_repair_and_keeps_what_is_left(tmp_path):
    """One of its eight accelerators is down for 600 s, and no job gets the other seven."""
    spec = scenario(tmp_path, ["1800,3,600"], per="accelerator", training=TRAINING, nodes=1)
    found = summary(spec)
    chat = found["services"]["chat"]
    assert chat["replicas"]["mean"] == pytest.approx(1 - (600 + LOAD) / (2 * HOUR), abs=1e-6)
    assert chat["accelerator_hours"] == pytest.approx(16 - 600 / HOUR)
    assert found["training"]["tune"]["accelerator_hours"] == 0.0
    assert found["pools"]["p"]["energy_kwh_by_state"]["down"] > 0.0


def test_a_replica_takes_its_place_before_jobs_do(tmp_path):
    """Its node is down, jobs hold part of the other one; both fail in turn, and it has the first that is whole."""
    rows = ["1800,0,1200", "2400,1,1200", "4000,0,60"]
    found = summary(scenario(tmp_path, rows, training=TRAINING))
    mean = 1 - (1200 + LOAD + 60 + LOAD) / (2 * HOUR)
    assert found["services"]["chat"]["replicas"]["mean"] == pytest.approx(mean, abs=1e-6)
    assert found["training"]["tune"]["accelerator_hours"] > 0.0


def test_what_fails_while_a_replica_loads_or_waits_is_not_counted_on(tmp_path):
    rows = ["1800,0,100", "1800.1,1,0", "1850,2,100", "1960,5,0", "3000,1,10"]
    found = summary(scenario(tmp_path, rows, per="accelerator", nodes=1))
    away = (1950 - 1800 + LOAD) + (10 + LOAD)  # the one at 1960 finds it ready again
    away += 0 + LOAD  # so it dies, and loads at once
    assert found["services"]["chat"]["replicas"]["mean"] == pytest.approx(1 - away / (2 * HOUR), abs=1e-6)


def test_a_fleet_of_failing_nodes_keeps_its_laws(tmp_path):
    spec = scenario(
        tmp_path,
        ["1,0,1"],
        training=TRAINING,
        horizon="1 d",
        service=SERVICE | {"parallelism": {"tensor": 2}, "replicas": 6},
    )
    failures = [
        {"per": "accelerator", "mtbf": "1 d", "shape": 0.7, "repair": {"lognormal": {"median": "10 min", "sigma": 1}}},
        {"per": "node", "mtbf": "6 h", "repair": {"exponential": {"mean": "10 min"}}},
        {"per": "rack", "mtbf": "1 d", "repair": "5 min"},
    ]
    spec = spec.with_(
        {"pools.p": {"accelerator": "gpu", "nodes": 5, "spare_nodes": 1, "racks": 2, "failures": failures}}
    )
    found = summary(spec)
    assert found["services"]["chat"]["replicas"]["stopped"] > 10
    assert found["training"]["tune"]["failures"] > 0
    assert 0.9 < found["pools"]["p"]["availability"] < 1.0
    policies = {"policies.placement": "pack_by_rack", "policies.scheduling": "fifo_first_fit"}
    assert summary(spec.with_(policies))["pools"]["p"]["failures"] == found["pools"]["p"]["failures"]


def test_groups_in_a_failing_pool_are_refused(tmp_path):
    group = {"pools": ["p"], "parallelism": {"tensor": 4}, "replicas": 1}
    service = {key: SERVICE[key] for key in ("model", "requests")} | {"groups": {"prefill": group, "decode": group}}
    with pytest.raises(sim.ScenarioError, match=r"services\.chat\.groups: .* arrive in a later version"):
        scenario(tmp_path, ["1,0,1"], service=service)


def test_how_long_a_replica_loads_must_be_known():
    spec = sim.load(DATA / "mm10.yaml").with_({"pools.p.failures": {"per": "node", "mtbf": "1 d"}})
    with pytest.raises(sim.ScenarioError, match="bandwidth of server to its host's memory is not known"):
        prepare(spec)


def test_nobody_else_fails_a_replica_there(tmp_path):
    simulation = Simulation(prepare(scenario(tmp_path, ["1,0,1"])))
    with pytest.raises(FleetError, match="failures of its own"):
        simulation.replicas.fail("chat", 0)
