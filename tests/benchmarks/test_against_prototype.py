"""The request plane against the single long function that it grew from, which counts almost nothing.

The prototype is not carried here: FLEETSIM_PROTOTYPE names its file, which gives `workload` and `run`.
"""

import importlib.util
import os
import shutil
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from oracles.llm_workload import KV_CAPACITY, MAX_BATCH, Columns, advanced, replica

from sim.serving import layout
from sim.serving.service_plan import ServicePlan

FILE = os.environ.get("FLEETSIM_PROTOTYPE")
LAWS = (0.012, 0.00005, 1.5e-8, 0.005, 1.2e-4)
"""Seconds as in `oracles.llm_workload.replica`: an iteration, a sequence, a token held; a prefill, a token of it."""
ROUTERS = {"power_of_two": 1, "least_outstanding": 2}
COUNT, RATE, REPEATS = 1_000_000, 2.0, 3
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(FILE is None, reason="FLEETSIM_PROTOTYPE does not name the prototype's file"),
]


@pytest.fixture(scope="module")
def prototype(tmp_path_factory):
    """The prototype, loaded from a copy, beside which its machine code is kept."""
    copy = Path(shutil.copy(FILE, tmp_path_factory.mktemp("prototype")))
    spec = importlib.util.spec_from_file_location(copy.stem, copy)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def simulated_by_prototype(prototype, requests, replicas, routing):
    """Seconds from arrival to the last token, and the processor seconds that took."""
    count = len(requests[0])
    latencies, end_to_end, energy = np.zeros(count), np.zeros(count), np.zeros(replicas)
    bound = np.zeros(count, np.int64)
    limits = (replicas, MAX_BATCH, KV_CAPACITY)
    began = time.process_time()
    prototype.run(*requests, *limits, *LAWS, ROUTERS[routing], 1, latencies, end_to_end, bound, energy)
    return end_to_end, time.process_time() - began


def plan(requests, replicas, routing):
    return ServicePlan("s", replica(), replicas, routing, Columns(*requests), routing_key=1, max_batch=MAX_BATCH)


@pytest.mark.parametrize("routing", ROUTERS)
@pytest.mark.parametrize("replicas", [8, 64, 512])
def test_at_least_half_the_rate_of_the_prototype(prototype, replicas, routing):
    requests = prototype.workload(COUNT, RATE * replicas)
    few = tuple(column[:1000] for column in requests)
    simulated_by_prototype(prototype, few, replicas, routing)
    advanced(few, plan=plan(few, replicas, routing))
    theirs, ours = [], []
    for _ in range(REPEATS):
        end_to_end, seconds = simulated_by_prototype(prototype, requests, replicas, routing)
        theirs.append(seconds)
        plane, seconds = advanced(requests, plan=plan(requests, replicas, routing))
        ours.append(seconds)
    rates = COUNT / min(theirs), COUNT / min(ours)
    sys.stdout.write(
        f"\n{replicas} replicas, {routing}: prototype {rates[0] / 1e6:.2f} M requests/s, "
        f"request plane {rates[1] / 1e6:.2f}, ratio {rates[1] / rates[0]:.2f}\n"
    )
    plane.settle()
    number, total, *_ = plane.plane.moments[0, layout.E2E]
    assert number == COUNT
    assert total / number == pytest.approx(end_to_end.mean(), rel=0.01), "both simulate the same"
    assert rates[1] >= 0.5 * rates[0]
