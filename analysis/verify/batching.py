"""Requests of single-pass models that are served together."""

from collections.abc import Iterator

from analysis import queueing
from analysis.verify.model import Model
from analysis.verify.textbook import batch, busy, queue, response, wait

SHORTEST = 1e-6
"""Seconds that stand for none."""


def models() -> Iterator[Model]:
    """All of them."""
    for name, rate, seconds in (
        ("batches to 8 in 2 + b s, 0.4/s", 0.4, [2.0 + size for size in range(1, 9)]),
        ("batches to 4 in 1 s, 3/s", 3.0, [1.0] * 4),
    ):
        theory = queueing.dynamic_batches(rate, seconds)
        yield queue(
            name,
            rate,
            response(theory.response),
            batch(theory.batch),
            busy(theory.busy),
            work={"fixed": 1},
            seconds=seconds,
            batching={"policy": "dynamic", "max_batch_size": len(seconds), "max_queue_delay": "0 s"},
        )
    company = queueing.waiting_for_company(2.0, 4, 1.0)
    yield queue(
        "batches of 4, or 1 s old, 2/s",
        2.0,
        wait(company.wait),
        batch(company.batch),
        work={"fixed": 1},
        seconds=[SHORTEST] * 4,
        batching={"policy": "dynamic", "max_batch_size": 4, "max_queue_delay": "1 s"},
    )
