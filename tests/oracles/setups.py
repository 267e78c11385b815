"""Small services and request lists for tests of the request plane."""

import itertools
from typing import NamedTuple

import numpy as np

from sim.hardware.tables import NO_LIMIT, PIECES, GenerativeReplica, IterationTable, PrefillLaw, SinglePassReplica


class Block(NamedTuple):
    arrival: np.ndarray
    prompt_tokens: np.ndarray
    output_tokens: np.ndarray
    work: np.ndarray
    class_number: np.ndarray | int = 0
    patience: np.ndarray | float = np.inf
    retry_delay: np.ndarray | float = 0.0
    think_time: np.ndarray | float = 0.0
    turns: np.ndarray | int = 1


KINDS = (float, np.int64, np.int64, float, np.int64, float, float, float, np.int64)
DEFAULTS = (0, np.inf, 0.0, 0.0, 1)


class Listed:
    """Requests given as a list of (arrival, prompt, output, work), perhaps with more of the columns of a block.

    With `endless`, they come again and again.
    """

    def __init__(self, rows, block_size=64, *, endless=False):
        self.rows, self.block_size = rows, block_size
        self.left = itertools.cycle(rows) if endless else iter(rows)

    def next_block(self):
        rows = list(itertools.islice(self.left, self.block_size))
        whole = [(*row, *DEFAULTS[len(row) - 4 :]) for row in rows]
        columns = list(zip(*whole, strict=True)) or [()] * len(KINDS)
        return Block(*(np.array(column, dtype=kind) for column, kind in zip(columns, KINDS, strict=True)))


def generative(max_batch=8, kv_capacity=4096, knots=(), overhead=0.0, slower=1.0):
    """A replica with hand-made laws; `knots` are token counts at which an iteration's law changes."""
    until = np.full((max_batch + 1, PIECES), NO_LIMIT)
    until[:, : len(knots)] = knots
    n = np.arange(max_batch + 1.0)[:, None]
    piece = np.arange(PIECES)[None, :]
    iteration = IterationTable(
        until=until,
        time_fixed=slower * (0.012 + 0.00005 * n + 0.001 * piece),
        time_per_token=slower * (1.5e-8 * (1 + piece) + 0 * n),
        energy_fixed=3.0 + 0.1 * n + 0.2 * piece,
        energy_per_token=1e-5 * (1 + piece) + 0 * n,
    )
    prefill = PrefillLaw(slower * 0.004, 1e-8, 1.2e-4, 1e-9, 0.005, 1e-6, 700.0, 200.0, 0.5, 0.01, 1e-7, 1e-3)
    return GenerativeReplica(1, iteration, prefill, kv_capacity, 16, overhead, 90.0, 1e9, 1e15, 2e-4)


def single_pass(max_batch=8, slower=1.0):
    n = np.arange(max_batch + 1.0)
    return SinglePassReplica(1, slower * (0.5 + 0.25 * n), 100.0 + 30.0 * n, 60.0, 1e9, 1e12)
