"""The audit holds on a sound run, and catches a fault of each kind that is planted into one."""

from dataclasses import replace

import pytest

import sim
from sim.accounts import Accounts
from sim.audit import audit
from sim.fleet.ledger import State
from sim.preparation import prepare
from sim.simulation import Simulation

SCENARIO = {
    "fleetsim": 1,
    "name": "audited",
    "horizon": "2 h",
    "warmup": "10 min",
    "sites": {"s": {"pue": 1.2, "electricity": "0.1 USD/kWh", "carbon_intensity": "300 g/kWh"}},
    "pools": {"p": {"accelerator": "H100-SXM", "nodes": 2, "site": "s", "price": "2 USD/h"}},
    "services": {
        "chat": {
            "model": "Llama-3.1-8B",
            "pools": ["p"],
            "replicas": 2,
            "requests": {"arrivals": {"process": "poisson", "rate": "10/s"}, "lengths": "azure-conv-2023"},
            "timeout": "5 s",
        }
    },
    "training": {
        "tune": {
            "pools": ["p"],
            "arrivals": {"process": "poisson", "rate": "20/h"},
            "accelerators": {"choice": {"1": 0.5, "4": 0.3, "12": 0.2}},
            "duration": {"exponential": {"mean": "10 min"}},
        }
    },
    "policies": {"scheduling": "fifo_first_fit"},
}


@pytest.fixture
def finished():
    simulation = Simulation(prepare(sim.load(SCENARIO)))
    simulation.run()
    return simulation.finished(1.0)


def broken(run, tamper_with_accounts=None):
    accounts = Accounts(run.prepared.scenario, run.ledger, run.opening, run.closing)
    if tamper_with_accounts:
        tamper_with_accounts(accounts)
    return {(law["law"], law["where"]) for law in audit(run, accounts) if not law["holds"]}


def test_every_law_holds_on_a_sound_run(finished):
    assert finished.plane.plane.services[0]["completed"] > 10_000
    assert finished.jobs.streams["tune"].jobs
    assert broken(finished) == set()


def lose_a_request(run):
    run.plane.plane.classes[0]["completed"] -= 1


def forget_a_waiting_time(run):
    run.plane.plane.services[0]["waiting_sum"] += 0.01


def miscount_those_in_service(run):
    run.closing.services[0]["running_area"] *= 1 + 1e-7


def overlook_busy_time(run):
    run.closing.busy_accelerators[0] -= 1.0


def hold_an_accelerator_twice(run):
    run.prepared.pools["p"].free[0] += 1


def lose_an_accelerator(run):
    run.closing.seconds[0, run.ledger.owners["unassigned"], State.IDLE] -= 60.0


def go_below_zero(run):
    at = (0, run.ledger.owners["tune"])
    run.closing.seconds[at][State.DOWN] = run.opening.seconds[at][State.DOWN] - 5.0
    run.closing.seconds[at][State.IDLE] += 5.0


def draw_power_from_nowhere(run):
    run.closing.ledger_joules[0, run.ledger.owners["tune"], State.BUSY] += 100.0


def lose_a_step_of_a_replica(run):
    run.closing.joules[0, 1] -= 50.0


def lose_a_job(run):
    run.jobs.streams["tune"].running += 1


def let_a_job_run_for_nothing(run):
    job = next(job for job in run.jobs.streams["tune"].jobs if job.status == "completed" and job.start > 600.0)
    job.spells[-1].end += 1.0


def forget_whose_a_job_is(run):
    del run.jobs.jobs[next(job.id for job in run.jobs.streams["tune"].jobs if job.status == "completed")]


FAULTS = [
    (lose_a_request, "requests are conserved"),
    (forget_a_waiting_time, "Little's law, waiting"),
    (miscount_those_in_service, "Little's law, running"),
    (overlook_busy_time, "utilization law: busy and resident time make up the time held"),
    (hold_an_accelerator_twice, "no accelerator is held twice"),
    (lose_an_accelerator, "states make up the time of all accelerators"),
    (go_below_zero, "capacity is never exceeded"),
    (draw_power_from_nowhere, "energy is watts times seconds over all states"),
    (lose_a_step_of_a_replica, "busy energy is that of the replicas' steps"),
    (lose_a_job, "running jobs are conserved"),
    (let_a_job_run_for_nothing, "utilization law: busy time is the sum over jobs"),
    (forget_whose_a_job_is, "accelerator hours of tenants, and of jobs without one, sum to the streams"),
]


@pytest.mark.parametrize(("plant", "law"), FAULTS, ids=[plant.__name__ for plant, _ in FAULTS])
def test_a_planted_fault_is_caught(finished, plant, law):
    plant(finished)
    assert law in {name for name, _ in broken(finished)}


def test_power_that_does_not_make_up_the_energy_is_caught(finished):
    middle = len(finished.samples) // 2
    sample = finished.samples[middle]
    finished.samples[middle] = replace(sample, time=sample.time + 1.0)
    assert "energy is the integral of power" not in {name for name, _ in broken(finished)}

    def leak(accounts):
        accounts.host_joules[0] *= 1.001

    assert "energy is the integral of power" in {name for name, _ in broken(finished, leak)}


@pytest.mark.parametrize("what", ["energy", "cost", "carbon"])
def test_a_bill_nobody_pays_is_caught(finished, what):
    def forget_training(accounts):
        whole = accounts.of_owner

        def of_owner(owner):
            bill = whole(owner)
            changes = {"energy": "energy_kwh", "cost": "electricity_usd", "carbon": "operational_kg"}
            return replace(bill, **{changes[what]: 0.0}) if owner == "tune" else bill

        accounts.of_owner = of_owner

    assert f"{what} of owners sums to the fleet" in {name for name, _ in broken(finished, forget_training)}
