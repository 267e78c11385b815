"""What the requests of one class bring, and how long those who send them are patient, think and come back for."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from sim.scenario.distributions import Distribution
from sim.scenario.requests import RequestClass, Requests
from sim.workload.blocks import FloatArray, IntArray
from sim.workload.distributions import Sampler, sampler
from sim.workload.lengths import length_distributions, whole_tokens
from sim.workload.streams import stream


class Drawn(NamedTuple):
    """Columns of a block of requests, each shape (n,)."""

    prompt_tokens: IntArray
    output_tokens: IntArray
    work: FloatArray
    patience: FloatArray
    retry_delay: FloatArray
    think_time: FloatArray
    turns: IntArray


@dataclass
class Demand:
    """What the requests of one class bring, in their order. None stands for what is the same for all."""

    lengths: tuple[Sampler, Sampler] | None = None
    work: Sampler | None = None
    patience: Sampler | None = None
    retry_delay: Sampler | None = None
    think_time: Sampler | None = None
    turns: Sampler | None = None

    def draw(self, n: int) -> Drawn:
        """Return what the next n requests bring."""
        prompt, output = np.zeros((2, n), np.int64)
        if self.lengths is not None:
            prompt, output = (whole_tokens(length.draw(n)) for length in self.lengths)
        turns = whole_tokens(self.turns.draw(n)) if self.turns else np.broadcast_to(np.int64(1), n)
        return Drawn(
            prompt,
            output,
            _values(self.work, 1.0, n),
            _values(self.patience, np.inf, n),
            _values(self.retry_delay, 0.0, n),
            _values(self.think_time, 0.0, n),
            turns,
        )


def _values(own: Sampler | None, otherwise: float, n: int) -> FloatArray:
    return own.draw(n) if own else np.broadcast_to(np.float64(otherwise), n)


def demand_of(
    spec: Requests | RequestClass, seed: int, path: tuple[str, ...], think_time: Distribution | None = None
) -> Demand:
    """What a stream or class of requests brings, by streams below `path`; how many turns there are is not drawn."""

    def own(distribution: Distribution | None, name: str) -> Sampler | None:
        return None if distribution is None else sampler(distribution, stream(seed, *path, name))

    demand = Demand(
        work=own(spec.work, "work"),
        patience=own(spec.patience, "patience"),
        retry_delay=own(spec.retries.delay if spec.retries else None, "retry_delay"),
        think_time=own(think_time, "think_time"),
    )
    if spec.lengths is not None:
        prompt, output = length_distributions(spec.lengths)
        demand.lengths = sampler(prompt, stream(seed, *path, "prompt")), sampler(output, stream(seed, *path, "output"))
    return demand
