"""A whole run of M/M/10 against the way SimPy's own examples write it: a process per customer, and a Resource."""

import sys
import time
from pathlib import Path

import numpy as np
import pytest
import simpy

import sim

SERVERS, RATE = 10, 9.0
MM10 = Path(__file__).parents[1] / "data" / "mm10.yaml"


def simpy_waits(count, seed=0):
    rng = np.random.default_rng(seed)
    gaps, work = rng.exponential(1 / RATE, count).tolist(), rng.exponential(1.0, count).tolist()
    environment, waits = simpy.Environment(), []
    servers = simpy.Resource(environment, SERVERS)

    def customer(seconds):
        arrival = environment.now
        with servers.request() as turn:
            yield turn
            waits.append(environment.now - arrival)
            yield environment.timeout(seconds)

    def source():
        for gap, seconds in zip(gaps, work, strict=True):
            yield environment.timeout(gap)
            environment.process(customer(seconds))

    environment.process(source())
    environment.run()
    return waits


def test_ratio_to_simpy():
    count = 100_000
    began = time.perf_counter()
    waits = simpy_waits(count)
    simpy_rate = count / (time.perf_counter() - began)
    scenario = sim.load(MM10).with_({"output.telemetry": "1 h"})
    results = [sim.run(scenario, seed=seed) for seed in range(5)]
    rate = max(result.metric("run.requests_per_wall_s") for result in results)
    sys.stdout.write(
        f"\nM/M/10: run {rate / 1e6:.2f} M requests/s, SimPy {simpy_rate:.0f}, ratio {rate / simpy_rate:.0f}\n"
    )
    assert np.mean(waits) == pytest.approx(results[0].metric("services.s.queueing_s.mean"), rel=0.2)
    assert rate > 50 * simpy_rate
