"""The compiled request plane against SimPy with an event per iteration: the same latencies, in far less time."""

import sys
import time

import numpy as np
import pytest
from oracles.llm_workload import REPLICAS, advanced, plan_of, workload
from oracles.simpy_twin import serve

from sim.serving import layout


def simulated_by_simpy(requests):
    """The requests and accounts of the SimPy model, and the processor seconds that took."""
    began = time.process_time()
    served = serve(plan_of(requests), *requests)
    return served, time.process_time() - began


def assert_same_accounts(plane, accounts):
    plane.settle()
    service, replicas = plane.plane.services[0], plane.plane.replicas
    assert (service["batches"], service["batched"]) == (accounts.batches, accounts.batched)
    for name in ("waiting_area", "running_area", "kv_area"):
        assert service[name] == pytest.approx(getattr(accounts, name), rel=1e-9), name
    for name in ("busy", "joules"):
        total = sum(float(replicas[f"{name}_{phase}"].sum()) for phase in layout.PHASES)
        assert total == pytest.approx(getattr(accounts, name), rel=1e-9), name


# Floors lie a third below what a quiet machine gives (see the README of this folder).
@pytest.mark.parametrize(("rate", "floor"), [(0.5, 1350), (4.0, 170)])
def test_latencies_and_accounts_of_simpy_in_far_less_time(rate, floor):
    few, many = (workload(count, rate * REPLICAS) for count in (4000, 1_000_000))
    rows = []
    plane, _ = advanced(few, rows.append)
    runs = [simulated_by_simpy(few) for _ in range(3)]
    requests, accounts = runs[0][0]
    simpy_rate = len(requests) / min(elapsed for _, elapsed in runs)
    kernel_rate = len(many[0]) / min(advanced(many)[1] for _ in range(5))
    sys.stdout.write(
        f"\n{rate} requests/s a replica: kernel {kernel_rate / 1e6:.2f} M requests/s, SimPy {simpy_rate:.0f} "
        f"({accounts.batches / len(requests):.0f} iterations a request), ratio {kernel_rate / simpy_rate:.0f}\n"
    )
    served = np.sort(np.concatenate(rows), order="index")
    for name in ("start", "first_token", "end"):
        np.testing.assert_array_equal(served[name], [getattr(request, name) for request in requests])
    assert_same_accounts(plane, accounts)
    assert kernel_rate > floor * simpy_rate
