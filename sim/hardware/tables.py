"""What the request plane needs to know of one replica: times in seconds, energies in joules, of the whole replica."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

PIECES = 4
"""Most affine pieces of an iteration's time and energy over the tokens in the KV cache."""
NO_LIMIT = 2**62


@dataclass(frozen=True)
class IterationTable:
    """A decode iteration of n sequences (row) that hold K tokens: affine in K on each piece (column).

    Piece p of row n holds for K < `until[n, p]` (and K at or above the piece before); the last `until` used is
    `NO_LIMIT`.
    Shapes (max_batch + 1, PIECES); row 0 is never read. Time = `time_fixed + time_per_token * K`, energy likewise.
    """

    until: NDArray[np.int64]
    time_fixed: NDArray[np.float64]
    time_per_token: NDArray[np.float64]
    energy_fixed: NDArray[np.float64]
    energy_per_token: NDArray[np.float64]


@dataclass(frozen=True)
class PrefillLaw:
    """An iteration that prefills pieces of prompts, from token o_j up to e_j, beside n sequences that decode.

    T = n + sum (e_j - o_j) tokens are computed, R = K + sum e_j read from the cache, K of them by decoding. Each token
    attends to those before it, which costs in proportion to Q = 2*K + sum (e_j**2 - o_j**2).

    t = max(memory_fixed + memory_per_token*R, compute_per_token*T + compute_per_square*Q)
        + overhead + overhead_per_token*T
    E = min(power_limit*t, power_base*t + energy_fixed + energy_per_token*T + energy_per_square*Q + energy_per_read*R)
    """

    memory_fixed: float
    memory_per_token: float
    compute_per_token: float
    compute_per_square: float
    overhead: float
    overhead_per_token: float
    power_limit: float
    power_base: float
    energy_fixed: float
    energy_per_token: float
    energy_per_square: float
    energy_per_read: float


@dataclass(frozen=True)
class GenerativeReplica:
    """A replica that serves a token model. `resident_power` in watts for the whole replica, hosts not included."""

    accelerators: int
    iteration: IterationTable
    prefill: PrefillLaw
    kv_capacity: int
    """Tokens, a multiple of `block_size`."""
    block_size: int
    request_overhead: float
    resident_power: float
    flops_per_token: float
    peak_flops: float
    swap_per_token: float = math.nan
    """Seconds to move a token's KV cache to or from the host's memory; NaN where the link's bandwidth is unknown."""

    @property
    def speed(self) -> float:
        """Output tokens a second of the largest batch with a full cache."""
        batch = len(self.iteration.until) - 1
        piece = int(np.searchsorted(self.iteration.until[batch], self.kv_capacity, side="right"))
        seconds = self.iteration.time_fixed + self.iteration.time_per_token * self.kv_capacity
        return float(batch / seconds[batch, piece])


@dataclass(frozen=True)
class SinglePassReplica:
    """A replica of a single-pass model: `latency[b]` and `energy[b]` of a batch of b with work 1, index 0 unused."""

    accelerators: int
    latency: NDArray[np.float64]
    energy: NDArray[np.float64]
    resident_power: float
    flops_per_pass: float
    peak_flops: float
    """FLOP/s of the whole replica; 0 where the accelerator's peak is unknown."""
    load_time: float = 0.0
    """Seconds to load the model onto a replica that holds another."""
    others: "Sequence[SinglePassReplica]" = ()
    """The same replica with each of the other models that share it."""

    @property
    def speed(self) -> float:
        """Requests with work 1 a second, in batches of the best size."""
        return float((np.arange(1, len(self.latency)) / self.latency[1:]).max())
