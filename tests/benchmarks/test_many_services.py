"""Two hundred small services for a day, each looked at twice a minute: half a million decisions among 86 M requests."""

import sys
import time

import pytest

import sim
from sim.fleet.environment import Phase
from sim.preparation import prepare
from sim.results import Result
from sim.simulation import Simulation

SERVICES, INTERVAL, DAY = 200, 30.0, 86_400.0


def scenario():
    service = {
        "model": "small",
        "pools": ["p"],
        "replicas": 2,
        "routing": "least_outstanding",
        "requests": {
            "arrivals": {"process": "poisson", "rate": f"{1000 / SERVICES}/s"},
            "work": {"exponential": {"mean": 1}},
        },
    }
    return sim.load(
        {
            "fleetsim": 1,
            "name": "many",
            "horizon": "1 d",
            "accelerators": {"gpu": {"kind": "gpu", "memory": "16 GB", "idle_power": "60 W", "busy_power": "400 W"}},
            "models": {"small": {"kind": "single_pass", "latency": {"batch": [1], "seconds": [0.25]}}},
            "pools": {"p": {"accelerator": "gpu", "nodes": SERVICES // 4, "accelerators_per_node": 8}},
            "services": {f"s{number}": service for number in range(SERVICES)},
        }
    )


def look(simulation, index, seen):
    """Read a service's queue at every interval, each service at an instant of its own."""
    environment, number = simulation.environment, 0
    while True:
        number += 1
        yield environment.at(number * INTERVAL + index * INTERVAL / SERVICES, Phase.PASS)
        seen[index] += int(simulation.plane.plane.services[index]["waiting"])


@pytest.mark.slow
def test_a_day_of_two_hundred_services_within_three_minutes():
    simulation = Simulation(prepare(scenario()))
    seen = [0] * SERVICES
    for index in range(SERVICES):
        simulation.environment.process(look(simulation, index, seen))
    began = time.perf_counter()
    simulation.run()
    wall = time.perf_counter() - began
    result = Result.of(simulation.finished(wall))
    sys.stdout.write(
        f"\n{result.metric('run.requests') / 1e6:.1f} M requests, "
        f"{simulation.environment.decisions} decisions: {wall:.0f} s\n"
    )
    assert simulation.environment.decisions > SERVICES * (DAY / INTERVAL - 1)
    # Looked at in the middle of things, a queue holds on average what Little's law says.
    length = sum(seen) / (SERVICES * (DAY / INTERVAL - 1))
    waits = [result.metric(f"services.s{index}.queueing_s.mean") for index in range(SERVICES)]
    assert length == pytest.approx(sum(waits) / SERVICES * 1000 / SERVICES, rel=0.02)
    assert wall < 180
