"""The compiled request plane against SimPy with an event per iteration: the same latencies, in far less time."""

import sys
import time

import numpy as np
import pytest
from oracles.setups import Block
from oracles.simpy_twin import serve

from sim.hardware.tables import NO_LIMIT, PIECES, GenerativeReplica, IterationTable, PrefillLaw
from sim.serving import layout
from sim.serving.request_plane import RequestPlane
from sim.serving.service_plan import ServicePlan

REPLICAS, MAX_BATCH, KV_CAPACITY = 4, 128, 200_000
BLOCK = 65_536


class Columns:
    """Requests given as columns."""

    block_size = BLOCK

    def __init__(self, arrivals, prompts, outputs):
        self.columns, self.at = (arrivals, prompts, outputs, np.ones(len(arrivals))), 0

    def next_block(self):
        part = slice(self.at, self.at + BLOCK)
        self.at += BLOCK
        return Block(*(column[part] for column in self.columns))


def workload(count, rate, seed=0):
    """Poisson arrivals, log-normal prompts (median 665 tokens) and outputs (median 148)."""
    rng = np.random.default_rng(seed)
    arrivals = np.cumsum(rng.exponential(1 / rate, count))
    prompts = np.clip(rng.lognormal(6.5, 1.0, count), 1, 8000).astype(np.int64)
    outputs = np.clip(rng.lognormal(5.0, 0.8, count), 1, 2000).astype(np.int64)
    return arrivals, prompts, outputs


def replica():
    """12 ms an iteration and 50 us a sequence; 5 ms a prefill and 0.12 ms a token."""
    n = np.arange(MAX_BATCH + 1.0)[:, None]
    pieces = np.zeros((MAX_BATCH + 1, PIECES))
    iteration = IterationTable(
        until=np.full(pieces.shape, NO_LIMIT),
        time_fixed=0.012 + 0.00005 * n + pieces,
        time_per_token=1.5e-8 + pieces,
        energy_fixed=3.0 + 0.1 * n + pieces,
        energy_per_token=1e-5 + pieces,
    )
    prefill = PrefillLaw(0.0, 0.0, 1.2e-4, 0.0, 0.005, 0.0, 700.0, 200.0, 0.0, 0.0, 0.0, 0.0)
    return GenerativeReplica(1, iteration, prefill, KV_CAPACITY, 1, 0.0, 90.0, 1e9, 1e15)


def plan(requests):
    return ServicePlan("s", replica(), REPLICAS, "round_robin", Columns(*requests), max_batch=MAX_BATCH)


def advanced(requests, on_rows=None):
    """The request plane at the end of all requests, and the processor seconds that took."""
    plane = RequestPlane([plan(requests)], on_rows=on_rows)
    began = time.process_time()
    plane.advance(float(requests[0][-1]) + 1e6)
    elapsed = time.process_time() - began
    plane.flush_rows()
    return plane, elapsed


def simulated_by_simpy(requests):
    """The requests and accounts of the SimPy model, and the processor seconds that took."""
    began = time.process_time()
    served = serve(plan(requests), *requests)
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
