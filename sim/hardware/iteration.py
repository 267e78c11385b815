"""Time and energy of a decode iteration: a table over the batch size, affine in the tokens of the KV cache."""

import math
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from sim.catalog.rows import Model, UtilizationPower
from sim.hardware.affine import Affine, chord, envelope
from sim.hardware.deployment import Deployment
from sim.hardware.power import busy_power, capped_speed, power_limit, uncapped_power
from sim.hardware.tables import NO_LIMIT, PIECES, IterationTable


class Work(NamedTuple):
    """Bytes, FLOPs and seconds of an iteration."""

    read: Affine
    computed: Affine
    time: Affine


class Piece(NamedTuple):
    """Seconds and joules of an iteration that holds from `start` to `end` tokens."""

    start: float
    end: float
    time: Affine
    energy: Affine


def iteration_table(deployment: Deployment, max_batch: int, kv_capacity: int) -> IterationTable:
    """Tabulate batch sizes 1 to `max_batch` over 0 to `kv_capacity` tokens."""
    shape = (max_batch + 1, PIECES)
    table = IterationTable(np.full(shape, NO_LIMIT, dtype=np.int64), *(np.zeros(shape) for _ in range(4)))
    for batch in range(1, max_batch + 1):
        found = _pieces(deployment, batch, kv_capacity)
        pieces = [piece for piece in found if math.ceil(piece.end) > math.ceil(piece.start)]
        for column in range(PIECES):
            piece = pieces[min(column, len(pieces) - 1)]
            if column < len(pieces) - 1:
                table.until[batch, column] = math.ceil(piece.end)
            table.time_fixed[batch, column], table.time_per_token[batch, column] = piece.time
            table.energy_fixed[batch, column], table.energy_per_token[batch, column] = piece.energy
    return table


def weights_read(model: Model, tokens: float) -> float:
    """Count the parameters read by an iteration over so many tokens.

    Each token visits `a` of `E` experts; if choices are independent, an expert stays unread with probability
    `(1 - a/E)**tokens`.
    """
    if not model.experts:
        return model.parameters
    unread: float = (1 - model.experts_active / model.experts) ** tokens
    return model.parameters - model.expert_parameters * unread


def bytes_read(deployment: Deployment, batch: int) -> Affine:
    """Count the bytes of weights and KV cache that a decode iteration reads."""
    return Affine(weights_read(deployment.model, batch) * deployment.bytes_per_weight, deployment.kv_bytes)


def flops(deployment: Deployment, batch: int) -> Affine:
    """Count FLOPs of a decode iteration: 2 for each active parameter and sequence, and attention over tokens held."""
    return Affine(2 * deployment.model.active_parameters * batch, deployment.model.attention_flops_per_token)


def decode_seconds(deployment: Deployment, batch: int, tokens: float) -> float:
    """Give the seconds of a decode iteration of `batch` sequences that hold `tokens` tokens together."""
    efficiency = deployment.efficiency
    reading = bytes_read(deployment, batch).at(tokens) / (deployment.peak_bandwidth * efficiency.memory)
    computing = flops(deployment, batch).at(tokens) / compute_rate(deployment, efficiency.decode_compute)
    return max(reading, computing) + deployment.overhead + deployment.overhead_per_token * batch


def compute_rate(deployment: Deployment, share: float) -> float:
    """Give the FLOP/s at a share of peak. A power cap slows computing only, not reading (arXiv:2605.11999)."""
    accelerator = deployment.accelerator
    return deployment.peak_flops * share * capped_speed(accelerator, uncapped_power(accelerator, 0.0, share))


def _pieces(deployment: Deployment, batch: int, kv_capacity: int) -> Iterator[Piece]:
    """Cut the time, the larger of reading and computing since they overlap, and then the energy on each part."""
    efficiency = deployment.efficiency
    read, computed = bytes_read(deployment, batch), flops(deployment, batch)
    reading = read.scaled(1 / (deployment.peak_bandwidth * efficiency.memory))
    computing = computed.scaled(1 / compute_rate(deployment, efficiency.decode_compute))
    overhead = Affine(deployment.overhead + deployment.overhead_per_token * batch, 0.0)
    parts = list(envelope(reading, computing, 0.0, kv_capacity, max))
    ratios = [math.log(read.at(end) / read.at(start)) for start, end, _ in parts]
    chords = [max(1, math.floor(PIECES * ratio / sum(ratios))) for ratio in ratios]
    for (start, end, longer), most in zip(parts, chords, strict=True):
        work = Work(read, computed, longer.plus(overhead))
        for low, high, energy in _energies(deployment, work, start, end, most):
            yield Piece(low, high, work.time, energy)


def _energies(
    deployment: Deployment, work: Work, start: float, end: float, most: int
) -> Iterator[tuple[float, float, Affine]]:
    """Cut the joules on [start, end] into affine functions; `most` is how many chords may stand for those that bend."""
    accelerator, law = deployment.accelerator, deployment.accelerator.power_law
    limited = work.time.scaled(deployment.accelerators * power_limit(accelerator))
    if accelerator.busy_power is not None:
        yield start, end, limited
    elif isinstance(law, UtilizationPower):
        yield from envelope(_unlimited(deployment, law, work), limited, start, end, min)
    else:
        yield from _chords(deployment, work, start, end, most)


def _unlimited(deployment: Deployment, law: UtilizationPower, work: Work) -> Affine:
    """Sum joules without the limit. Utilization is achieved over peak, so a byte and a FLOP cost a constant each."""
    watts = deployment.accelerators * deployment.accelerator.peak_power
    moving = work.read.scaled(watts * law.memory / deployment.peak_bandwidth)
    computing = work.computed.scaled(watts * law.compute / deployment.peak_flops)
    return work.time.scaled(watts * law.base).plus(moving).plus(computing)


def _chords(
    deployment: Deployment, work: Work, start: float, end: float, most: int
) -> Iterator[tuple[float, float, Affine]]:
    """Approach the joules of an exponent law, which bend, by chords between cuts at a constant ratio of bytes read."""

    def energy(tokens: float) -> float:
        seconds = work.time.at(tokens)
        memory = work.read.at(tokens) / (deployment.peak_bandwidth * seconds)
        compute = work.computed.at(tokens) / (deployment.peak_flops * seconds)
        return deployment.accelerators * busy_power(deployment.accelerator, memory, compute) * seconds

    ratio = (work.read.at(end) / work.read.at(start)) ** (1 / most)
    first = work.read.fixed / work.read.per_token
    cuts = [(first + start) * ratio**i - first for i in range(1, most)]
    for low, high in pairwise([start, *cuts, end]):
        yield low, high, chord(energy, low, high)
