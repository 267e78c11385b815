"""Several single-pass models on the replicas of a service."""

from dataclasses import replace

import numpy as np
import pytest
from oracles.setups import Listed

import sim
from sim.hardware.tables import SinglePassReplica
from sim.preparation import prepare
from sim.scenario import ScenarioError
from sim.serving.request_plane import RequestPlane
from sim.serving.service_plan import ClassPlan, ServicePlan, Switching

UNIT = SinglePassReplica(1, np.array([0.0, 1.0]), np.array([0.0, 90.0]), 60.0, 1e9, 1e12, load_time=0.5)


def ends(rule, max_wait=None, priorities=(0, 0)):
    """When four requests are answered, of two models in turn, on one replica that takes 1 s for each."""
    rows = []
    plan = ServicePlan(
        name="s",
        replica=replace(UNIT, others=(UNIT,)),
        replicas=1,
        routing="central_queue",
        arrivals=Listed([(0.0, 1, 1, 1.0, 0), (0.1, 1, 1, 1.0, 1), (0.2, 1, 1, 1.0, 0), (0.3, 1, 1, 1.0, 1)]),
        switching=Switching(rule, max_wait),
        classes=[ClassPlan(f"c{model}", priorities[model], model) for model in (0, 1)],
    )
    plane = RequestPlane([plan], on_rows=rows.append)
    plane.advance(100.0)
    plane.settle()
    plane.flush_rows()
    finished = np.sort(np.concatenate(rows), order="index")
    switches = int(plane.plane.services["switches"][0])
    assert plane.plane.replicas["busy_switch"][0] == pytest.approx(0.5 * switches)
    assert plane.plane.replicas["joules_switch"][0] == pytest.approx(0.5 * 60.0 * switches)
    return finished["end"].tolist(), switches


def test_by_age_every_change_is_a_switch():
    assert ends("first_come") == ([1.0, 2.5, 4.0, 5.5], 3)


def test_the_loaded_model_is_exhausted_first():
    assert ends("exhaust") == ([1.0, 3.5, 2.0, 4.5], 1)


def test_nobody_is_passed_over_for_longer_than_max_wait():
    assert ends("exhaust", 2.0) == ends("exhaust")
    assert ends("exhaust", 0.5) == ends("first_come")


def test_a_higher_priority_goes_first_by_any_rule():
    assert ends("exhaust", priorities=(0, 1)) == ([1.0, 2.5, 5.0, 3.5], 2)
    assert ends("first_come", priorities=(1, 0)) == ([1.0, 3.5, 2.0, 4.5], 1)


SCENARIO = {
    "fleetsim": 1,
    "name": "shared",
    "horizon": "400 s",
    "warmup": "20 s",
    "seed": 3,
    "models": {
        "photo": {"kind": "single_pass", "latency": {"batch": [1, 8], "seconds": [0.01, 0.03]}},
        "frame": {"kind": "single_pass", "latency": {"batch": [1, 8], "seconds": [0.02, 0.06]}},
    },
    "pools": {"cards": {"accelerator": "Alveo-U55C", "nodes": 2}},
    "services": {
        "vision": {
            "model": "photo",
            "pools": ["cards"],
            "replicas": 2,
            "batching": {"policy": "dynamic", "max_batch_size": 8, "max_queue_delay": "20 ms"},
            "switching": {"time": "57 ms", "max_wait": "1 s"},
            "requests": {
                "photos": {"arrivals": {"process": "poisson", "rate": "30/s"}},
                "frames": {"model": "frame", "arrivals": {"process": "poisson", "rate": "20/s"}},
            },
        }
    },
}
REQUESTS = SCENARIO["services"]["vision"]["requests"]


def changed(**service):
    return {**SCENARIO, "services": {"vision": {**SCENARIO["services"]["vision"], **service}}}


def test_summary_counts_switches_and_what_they_drew():
    summary = sim.run(sim.load(SCENARIO)).summary
    vision = summary["services"]["vision"]
    assert all(law["holds"] for law in summary["audit"])
    assert vision["switches"] > 100
    idle_power = sim.load(SCENARIO).accelerator("Alveo-U55C").idle_power
    drawn = vision["energy_kwh_by_phase"]["switch"] * 3.6e6
    assert drawn == pytest.approx(vision["switches"] * 0.057 * idle_power, rel=0.01)
    assert sum(vision["energy_kwh_by_phase"].values()) == pytest.approx(
        vision["energy_kwh"] - vision["host_energy_kwh"]
    )
    assert vision["classes"]["frames"]["e2e_s"]["mean"] > vision["classes"]["photos"]["e2e_s"]["mean"]


def load_times(accelerator, *models):
    """Seconds to load each of two models where the scenario does not say."""
    vision = {**SCENARIO["services"]["vision"], "model": models[0]}
    del vision["switching"]
    vision["requests"] = {**REQUESTS, "frames": {**REQUESTS["frames"], "model": models[1]}}
    pools = {"cards": {"accelerator": accelerator, "nodes": 2}}
    found = prepare(sim.load({**SCENARIO, "pools": pools, "services": {"vision": vision}}))
    replica = found.replicas["vision"][0].replica
    return [law.load_time for law in (replica, *replica.others)]


def test_times_come_from_the_catalog():
    """An FPGA is configured anew; a GPU reads its weights of two bytes at 64 GB/s."""
    assert load_times("Alveo-U250", "photo", "frame") == [7.5, 7.5]
    small, large = load_times("H100-SXM", "ViT-B-16", "EfficientNet-B7")
    assert small == pytest.approx(86567656 * 2 / 64e9)
    assert large == pytest.approx(66347960 * 2 / 64e9)


def test_an_unknown_time_must_be_given():
    with pytest.raises(ScenarioError, match="the parameters of photo are not known: give `time`") as caught:
        load_times("H100-SXM", "photo", "ViT-B-16")
    assert [problem.path for problem in caught.value.problems] == ["services.vision.switching"]


ALONE = {"arrivals": {"process": "poisson", "rate": "30/s"}}
WRONG = [
    ({"requests": ALONE}, "services.vision.switching", "needs a second model"),
    ({"requests": ALONE | {"model": "frame"}}, "services.vision.requests.model", "for a class of requests"),
    ({"requests": {**REQUESTS, "photos": ALONE | {"model": "foto"}}}, "services.vision.requests.photos.model", "photo"),
    (
        {"requests": {**REQUESTS, "photos": ALONE | {"model": "Llama-3.1-8B"}}},
        "services.vision.requests.photos.model",
        "only single-pass models",
    ),
    ({"switching": {"rule": "first_come", "max_wait": "1 s"}}, "services.vision.switching.max_wait", "exhaust"),
    ({"switching": {"rule": "random"}}, "services.vision.switching.rule", "exhaust"),
    ({"switching": {"time": "0 s"}}, "services.vision.switching.time", "0"),
]


@pytest.mark.parametrize(("service", "path", "words"), WRONG)
def test_bad_input(service, path, words):
    with pytest.raises(ScenarioError) as caught:
        sim.load(changed(**service))
    assert [problem.path for problem in caught.value.problems] == [path]
    assert words in str(caught.value)
