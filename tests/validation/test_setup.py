"""M/M/1 with setup: a control process lets the server go when idle, and sets it up again for who finds it off.

Twelve runs with fixed seeds; theory must lie within four standard errors of the mean over the runs.
"""

import math
import sys

import numpy as np
from numpy.random import default_rng
from validation.single_queue import many

import sim
from analysis import queueing
from sim.fleet.environment import Phase
from sim.preparation import prepare
from sim.results import Result
from sim.simulation import Simulation

RATE, SETUP, REQUESTS, WARMUP, RUNS = 0.6, 2.0, 60_000, 1000.0, 12
SCENARIO = {
    "fleetsim": 1,
    "name": "setup",
    "horizon": f"{WARMUP + REQUESTS / RATE} s",
    "warmup": f"{WARMUP} s",
    "accelerators": {"server": {"kind": "gpu", "memory": "1 GB", "idle_power": "60 W", "busy_power": "400 W"}},
    "models": {"unit": {"kind": "single_pass", "latency": {"batch": [1], "seconds": [1.0]}}},
    "pools": {"p": {"accelerator": "server", "nodes": 1}},
    "services": {
        "s": {
            "model": "unit",
            "pools": ["p"],
            "replicas": {"initial": 0, "min": 0, "max": 1},
            "routing": "central_queue",
            "requests": {
                "arrivals": {"process": "poisson", "rate": f"{RATE}/s"},
                "work": {"exponential": {"mean": 1}},
            },
        }
    },
    "output": {"telemetry": "1 d"},
}


def switch(simulation, seed):
    """Set the server up when a request finds it off, for an exponential time; let it go when it is idle."""
    plane, environment, replicas = simulation.plane, simulation.environment, simulation.replicas
    draw = default_rng(seed)

    def soon(action):
        environment.at(plane.now, Phase.REPAIR).callbacks.append(lambda _: action())

    def off():
        replicas.drain("s", 0)
        plane.ask_where_none_is_ready("s")

    plane.on_none_ready = lambda *_: soon(lambda: replicas.start("s", draw.exponential(SETUP)))
    plane.on_idle = lambda *_: soon(off)
    replicas.on_ready = lambda *_: plane.ask_where_one_is_idle("s")
    plane.ask_where_none_is_ready("s")


def figures(seed):
    simulation = Simulation(prepare(sim.load(SCENARIO).with_({"seed": seed})))
    switch(simulation, seed)
    simulation.run()
    summary = Result.of(simulation.finished(1.0)).summary
    assert all(law["holds"] for law in summary["audit"])
    service, seconds = summary["services"]["s"], REQUESTS / RATE
    held = service["accelerator_hours"] * 3600.0 / seconds
    there = service["replicas"]["mean"]
    return [service["e2e_s"]["mean"], 1.0 - held, held - there, there]


def test_the_closed_form_of_a_server_that_is_set_up():
    shares = queueing.setup_shares(RATE, 1.0, SETUP)
    theory = {"response, s": queueing.setup_response(RATE, 1.0, SETUP), **shares._asdict()}
    found = np.array(many(figures, [(seed,) for seed in range(40, 40 + RUNS)]))
    means, errors = found.mean(axis=0), found.std(axis=0, ddof=1) / math.sqrt(RUNS)
    for name, expected, mean, error in zip(theory, theory.values(), means, errors, strict=True):
        z = (mean - expected) / error
        sys.stdout.write(f"{name:12s} theory {expected:9.6f}  measured {mean:9.6f} +- {error:.6f}  z {z:+.2f}\n")
        assert error < 0.01 * expected, "too few requests for a verdict"
        assert abs(z) <= 4.0, f"{name} is {z:.1f} standard errors from theory"
