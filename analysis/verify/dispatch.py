"""Requests that are bound to a replica on arrival: in turn, at random, or to the shorter queue."""

from collections.abc import Iterator

from analysis import queueing
from analysis.verify.model import Model
from analysis.verify.textbook import queue, response, wait, wait_over

POWER_OF_TWO_OF_TEN = 2.991
"""Seconds: the mean response of ten servers at load 0.9, two distinct ones drawn. No closed form; this value was
simulated with another program, to a standard error of 0.006."""
THREE_ERRORS = 3 * 0.006 / POWER_OF_TWO_OF_TEN


def models() -> Iterator[Model]:
    """All of them."""
    for servers in (2, 4, 10):
        gaps = queueing.gamma_gaps(0.8, servers)
        yield queue(
            f"round robin over {servers}, load 0.8",
            0.8 * servers,
            wait(queueing.gm1_wait(gaps, 1.0)),
            wait_over(0.0, queueing.gm1_root(gaps, 1.0)),
            servers=servers,
            routing="round_robin",
        )
    yield queue(
        "random over 4, load 0.8",
        3.2,
        wait(queueing.mmc_wait(0.8, 1.0, 1)),
        wait_over(0.0, 0.8),
        servers=4,
        routing="random",
    )
    for routing, name in (("least_outstanding", "shorter of 2 queues"), ("power_of_two", "power of two among 2")):
        yield queue(
            f"{name}, load 0.8", 1.6, response(queueing.shorter_of_two_response(0.8)), servers=2, routing=routing
        )
    yield queue(
        "power of two among 10, load 0.9",
        9.0,
        response(POWER_OF_TWO_OF_TEN, allowance=THREE_ERRORS),
        servers=10,
        routing="power_of_two",
        warmup=20_000,
    )
