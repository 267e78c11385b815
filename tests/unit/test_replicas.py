"""Replicas that a user's own process starts, drains and fails during a run: the ledger, the audit, the summary."""

import pytest

import sim
import sim.simulation
from sim.fleet.pool import FleetError
from sim.preparation import prepare
from sim.results import Result
from sim.simulation import Simulation

SCENARIO = {
    "fleetsim": 1,
    "name": "changing",
    "horizon": "2 h",
    "warmup": "10 min",
    "pools": {"p": {"accelerator": "H100-SXM", "nodes": 1}},
    "services": {
        "chat": {
            "model": "Llama-3.1-8B",
            "pools": ["p"],
            "replicas": {"initial": 1, "min": 0, "max": 4},
            "requests": {"arrivals": {"process": "poisson", "rate": "4/s"}, "lengths": "azure-conv-2023"},
            "slo": {"ttft": "2 s", "attainment": 0.9},
        }
    },
    "training": {
        "tune": {
            "pools": ["p"],
            "arrivals": {"process": "poisson", "rate": "20/h"},
            "accelerators": {"choice": {"1": 0.5, "4": 0.5}},
            "duration": {"exponential": {"mean": "10 min"}},
        }
    },
}


def rush_hour(simulation):
    """A second replica comes after half an hour and drains half an hour later; then the first one dies."""
    environment, replicas = simulation.environment, simulation.replicas
    yield environment.timeout(1800.0)
    number = replicas.start("chat", start_up=120.0)
    yield environment.timeout(1800.0)
    replicas.drain("chat", number)
    yield environment.timeout(1200.0)
    replicas.fail("chat", 0)
    replicas.start("chat", start_up=60.0)
    yield environment.timeout(600.0)
    replicas.repair("chat", 0)


def run(scenario, *processes):
    simulation = Simulation(prepare(sim.load(scenario)), batches=8)
    for process in processes:
        simulation.environment.process(process(simulation))
    simulation.run()
    return Result.of(simulation.finished(1.0))


@pytest.fixture(scope="module")
def result():
    return run(SCENARIO, rush_hour)


def test_the_audit_holds(result):
    assert [law for law in result.summary["audit"] if not law["holds"]] == []


def test_replicas_are_counted_over_the_window(result):
    replicas = result.summary["services"]["chat"]["replicas"]
    assert (replicas["max"], replicas["started"], replicas["stopped"]) == (2, 2, 2)
    # one but for 60 s; the other from 1920 s to 3600 s and for as long as it takes to drain
    assert replicas["mean"] == pytest.approx((6600 - 60 + 1680) / 6600, abs=0.01)


def test_accelerators_are_held_from_the_start_up_to_the_end_of_the_drain(result):
    chat = result.summary["services"]["chat"]
    hours = chat["replicas"]["mean"] * 6600 / 3600 + (120 + 60) / 3600
    assert chat["accelerator_hours"] == pytest.approx(hours, abs=1e-6)
    assert chat["energy_kwh_by_phase"]["start_up"] > 0.0
    assert result.summary["pools"]["p"]["energy_kwh_by_state"]["down"] > 0.0


def test_who_was_in_flight_at_a_death_is_served_later(result):
    requests = result.summary["services"]["chat"]["requests"]
    assert requests["lost"] == 0
    assert requests["arrived"] == requests["completed"] + requests["in_flight"]


def test_a_window_without_a_replica_counts_who_waits():
    def off(simulation):
        yield simulation.environment.timeout(60.0)
        simulation.replicas.drain("chat", 0)

    summary = run(SCENARIO | {"training": {}}, off).summary
    chat = summary["services"]["chat"]
    assert all(law["holds"] for law in summary["audit"])
    assert chat["replicas"] == {"mean": 0.0, "max": 0, "started": 0, "stopped": 0}
    assert (chat["utilization"], chat["kv_utilization_mean"]) == (None, None)
    assert chat["requests"]["in_flight"] == chat["requests"]["arrived"] > 0


def test_a_run_that_would_wait_for_ever_ends_with_a_reason():
    def off(simulation):
        yield simulation.environment.timeout(60.0)
        simulation.replicas.drain("chat", 0)

    with pytest.raises(FleetError, match="replicas that never come"):
        run(SCENARIO | {"training": {}, "drain": True}, off)


def test_there_are_no_more_than_the_pool_has_room_for():
    found = []

    def start(simulation):
        yield simulation.environment.timeout(60.0)
        found.extend(simulation.replicas.start("chat") for _ in range(4))
        with pytest.raises(FleetError, match="has not failed"):
            simulation.replicas.repair("chat", 0)

    run(SCENARIO | {"training": {}, "horizon": "20 min"}, start)
    assert found == [1, 2, 3, None]


def test_replicas_of_a_service_that_says_nothing_of_it_do_not_come_and_go():
    def drain(simulation):
        yield simulation.environment.timeout(60.0)
        with pytest.raises(FleetError, match="do not come and go"):
            simulation.replicas.drain("chat", 0)

    scenario = sim.load(SCENARIO | {"training": {}, "horizon": "20 min"}).with_({"services.chat.replicas": 1})
    simulation = Simulation(prepare(scenario))
    simulation.environment.process(drain(simulation))
    simulation.run()


@pytest.mark.parametrize("on_death", ["requeue", "lose"])
def test_clients_in_a_closed_loop_live_on_when_their_replica_dies(on_death):
    """Sixty wait for one replica, which dies twice: each client goes on by itself, and none is there twice."""
    chat = SCENARIO["services"]["chat"] | {
        "batching": {"policy": "continuous", "max_batch_size": 4},
        "requests": {
            "arrivals": {"process": "closed", "clients": 60, "think_time": "1 s"},
            "lengths": "azure-conv-2023",
        },
        "on_death": on_death,
    }

    def dies_twice(simulation):
        number = 0
        for _ in range(2):
            yield simulation.environment.timeout(1800.0)
            simulation.replicas.fail("chat", number)
            number = simulation.replicas.start("chat", start_up=60.0)

    found = run(SCENARIO | {"services": {"chat": chat}}, dies_twice)
    assert [law for law in found.summary["audit"] if not law["holds"]] == []
    requests = found.summary["services"]["chat"]["requests"]
    assert requests["in_flight"] <= 60
    assert (requests["lost"] > 50) == (on_death == "lose")
