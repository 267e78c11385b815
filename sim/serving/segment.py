"""A run of decode iterations with one batch, taken in one step.

Between two changes of the batch an iteration's time is affine in the tokens held, so the end of the m-th iteration
after the anchor is *defined* by a closed expression. Where an instant falls among the iterations, a root gives a first
guess, and comparing the expression itself with the instant corrects it: rounding never decides.
"""

import math
from typing import Any

import numpy as np

from sim.serving.compiler import entry, helper
from sim.serving.layout import PIECE  # noqa: F401  the record that `piece` is


@helper
def tokens_read(replica: Any, iterations: float) -> float:
    """Tokens in the KV cache summed over the first iterations of the segment."""
    base = float(replica.base)
    return iterations * base + float(replica.batch) * (iterations * (iterations - 1.0) * 0.5)


@helper
def end_of(replica: Any, piece: Any, iterations: float) -> float:
    """The instant at which the given iteration of the segment ends (seconds)."""
    return replica.anchor + (iterations * piece.time_fixed + piece.time_per_token * tokens_read(replica, iterations))


@helper
def energy_of(replica: Any, piece: Any, iterations: float) -> float:
    """Joules of the first iterations of the segment."""
    return iterations * piece.energy_fixed + piece.energy_per_token * tokens_read(replica, iterations)


@helper
def offsets_until(replica: Any, piece: Any, iterations: float) -> float:
    """The ends of the first iterations of the segment, in seconds after its anchor, summed."""
    pairs = iterations * (iterations + 1.0) * 0.5
    read = float(replica.base) * pairs + float(replica.batch) * (pairs * (iterations - 1.0) / 3.0)
    return pairs * piece.time_fixed + piece.time_per_token * read


@helper
def growth(replica: Any, piece: Any, iteration: int, now: float) -> float:
    """Token-seconds of what the batch has added to its cache since the iterations that were done, until `now`.

    Each iteration up to this one, the last that has ended, adds a token for each sequence at its end.
    """
    ends = offsets_until(replica, piece, iteration) - offsets_until(replica, piece, replica.steps)
    return float(replica.batch) * ((iteration - replica.steps) * (now - replica.anchor) - ends)


@helper
def iteration_under_way(replica: Any, piece: Any, now: float) -> tuple[int, float]:
    """The first iteration of the segment that ends at or after `now`, at least one, and the instant of its end."""
    elapsed = now - replica.anchor
    square = 0.5 * piece.time_per_token * replica.batch
    linear = piece.time_fixed + piece.time_per_token * replica.base - square
    guess = 2.0 * elapsed / (linear + math.sqrt(linear * linear + 4.0 * square * elapsed))
    iteration = max(np.ceil(guess), 1.0)
    end = end_of(replica, piece, iteration)
    while end < now:
        iteration += 1
        end = end_of(replica, piece, iteration)
    earlier = end_of(replica, piece, iteration - 1)
    while earlier >= now and iteration > 1:
        iteration -= 1
        end, earlier = earlier, end_of(replica, piece, iteration - 1)
    return int(iteration), end


@helper
def piece_at(pieces: Any, row: int, tokens: int) -> int:
    """The index of the affine piece of a batch size (whose first is at `row`) that holds for so many tokens."""
    while tokens >= entry(pieces, row).until:
        row += 1
    return row
