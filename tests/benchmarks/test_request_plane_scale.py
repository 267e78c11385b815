"""What a request costs does not grow with the replicas or with the backlog: ratios within one run."""

import sys

import numpy as np
import pytest
from oracles.llm_workload import Columns, advanced, replica, workload

from sim.serving.service_plan import ServicePlan

RATE = 1.0
"""Requests a second on each replica, of the five or so that it can do."""


def plan(requests, replicas, routing="power_of_two"):
    return ServicePlan("s", replica(), replicas, routing, Columns(*requests), routing_key=7, max_batch=128)


def seconds_a_request(requests, *arguments):
    return min(advanced(requests, plan=plan(requests, *arguments))[1] for _ in range(3)) / len(requests[0])


@pytest.mark.slow
def test_a_request_costs_little_more_among_4096_replicas_than_among_16():
    few, many = (seconds_a_request(workload(2_000_000, RATE * n), n) for n in (16, 4096))
    sys.stdout.write(
        f"\n16 replicas {few * 1e9:.0f} ns a request, 4,096 replicas {many * 1e9:.0f} ns: {many / few:.2f}x\n"
    )
    assert many < 2.5 * few


@pytest.mark.slow
def test_a_request_costs_little_more_under_a_backlog_of_a_million():
    """All arrive at once, so that a million wait for most of the time; outputs are short, so that batches are full."""
    light = workload(1_000_000, RATE * 16)
    backlog = (np.zeros(len(light[0])), *light[1:])
    few, many = (seconds_a_request(each, 16, "central_queue") for each in (light, backlog))
    bound = seconds_a_request(backlog, 16)
    sys.stdout.write(
        f"\nlight load {few * 1e9:.0f} ns a request, a backlog of a million {many * 1e9:.0f} ns in one queue "
        f"({many / few:.2f}x), {bound * 1e9:.0f} ns at replicas ({bound / few:.2f}x)\n"
    )
    assert max(many, bound) < 1.5 * few
