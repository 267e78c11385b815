"""What the clients of a service bring along: what they send after thinking, and when those of a closed loop begin."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sim.scenario.clients import ClosedArrivals
from sim.scenario.requests import Part, RequestClasses, Requests, parts
from sim.workload.blocks import FloatArray, Source
from sim.workload.demand import demand_of
from sim.workload.distributions import sampler
from sim.workload.requests import RequestSource
from sim.workload.streams import stream

BLOCK = 4096


@dataclass(frozen=True)
class Clients:
    """The clients of a class. `further` brings what their requests after thinking bring, endlessly."""

    attempts: int
    backoff: float
    history: bool
    further: Source | None
    first_sent: Sequence[float]
    """Seconds at which each client of a closed loop sends its first request: after thinking from time zero on."""


class AtAnyTime:
    """Stands for the arrivals of requests whose instants are not drawn: they follow from answers."""

    mean_rate = 0.0

    def next_block(self, n: int) -> FloatArray:
        """Return n infinite times."""
        return np.full(n, np.inf)


def clients_of(
    name: str, requests: Requests | RequestClasses, *, seed: int, block_size: int | None = None
) -> list[Clients | None]:
    """The clients of each class of a service, or of all its requests; None where they only wait for answers."""
    return [
        _clients(number, part, seed, ("services", name, "requests", *part.path), block_size or BLOCK)
        for number, part in enumerate(parts(requests))
    ]


def _clients(number: int, part: Part, seed: int, path: tuple[str, ...], block_size: int) -> Clients | None:
    spec, closed = part.stream, part.arrivals if isinstance(part.arrivals, ClosedArrivals) else None
    if not (closed or spec.patience is not None or spec.retries or spec.sessions):
        return None
    further, first_sent = None, np.zeros(0)
    if closed:
        demand = demand_of(spec, seed, path, closed.think_time)
        further = RequestSource(AtAnyTime(), demand, block_size, number)
        first_sent = sampler(closed.think_time, stream(seed, *path, "think_time", "first")).draw(closed.clients)
    elif spec.sessions:
        demand = demand_of(spec, seed, (*path, "sessions"), spec.sessions.think_time)
        further = RequestSource(AtAnyTime(), demand, block_size, number)
    return Clients(
        attempts=spec.retries.attempts if spec.retries else 0,
        backoff=spec.retries.backoff if spec.retries else 1.0,
        history=bool(spec.sessions and spec.sessions.history),
        further=further,
        first_sent=first_sent.tolist(),
    )
