"""A token model under Poisson traffic, for comparisons of speed."""

import time

import numpy as np
from oracles.setups import Block

from sim.hardware.tables import NO_LIMIT, PIECES, GenerativeReplica, IterationTable, PrefillLaw
from sim.serving.request_plane import RequestPlane
from sim.serving.service_plan import NoArrivals, ServicePlan

REPLICAS, MAX_BATCH, KV_CAPACITY = 4, 128, 200_000
BLOCK = 65_536


class Columns:
    """Requests given as columns."""

    block_size = BLOCK

    def __init__(self, arrivals, prompts, outputs):
        one_class = np.zeros(len(arrivals), np.int64)
        self.columns, self.at = (arrivals, prompts, outputs, np.ones(len(arrivals)), one_class), 0

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


def replica(kv_capacity=KV_CAPACITY):
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
    return GenerativeReplica(1, iteration, prefill, kv_capacity, 1, 0.0, 90.0, 1e9, 1e15)


def plan_of(requests, **options):
    return ServicePlan("s", replica(), REPLICAS, "round_robin", Columns(*requests), max_batch=MAX_BATCH, **options)


def decoding():
    """As many replicas that decode as others prefill; a cache takes 2 ms and 2.6 us a token to get there."""
    times = {"transfer_latency": 0.002, "transfer_per_token": 2.6e-6}
    group = (replica(), REPLICAS, "round_robin", NoArrivals())
    return ServicePlan("s", *group, max_batch=MAX_BATCH, preemption="recompute", **times)


def advanced(requests, on_rows=None, plan=None):
    """The request plane at the end of all requests, and the processor seconds that took."""
    plane = RequestPlane([plan or plan_of(requests)], on_rows=on_rows)
    began = time.process_time()
    plane.advance(float(requests[0][-1]) + 1e6)
    elapsed = time.process_time() - began
    plane.flush_rows()
    return plane, elapsed
