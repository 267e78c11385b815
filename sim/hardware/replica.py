"""What the request plane needs to know of one replica, built from the rows of an accelerator and a model."""

import math
from collections.abc import Iterable

from sim.catalog.rows import Accelerator, Model, Precision
from sim.hardware.deployment import deploy
from sim.hardware.errors import DoesNotFit
from sim.hardware.iteration import iteration_table
from sim.hardware.memory import BATCHED_TOKENS, BLOCK_SIZE, MEMORY_UTILIZATION, MemoryFit, fit, least_tensor
from sim.hardware.prefill import prefill_law, prompts_seconds
from sim.hardware.single_pass import latency_and_energy, measured_table
from sim.hardware.tables import GenerativeReplica, SinglePassReplica


def generative_replica(
    accelerator: Accelerator,
    model: Model,
    *,
    tensor: int,
    precision: Precision,
    max_batch: int,
    batched_tokens: int = BATCHED_TOKENS,
    memory_utilization: float = MEMORY_UTILIZATION,
    block_size: int = BLOCK_SIZE,
) -> GenerativeReplica:
    """Put a token model on `tensor` accelerators.

    Raises:
        DoesNotFit: Memory does not hold it; the message names the least tensor parallelism that does.
        HardwareError: A precision is not supported, a figure is missing, or a power cap is too low.

    """
    deployment = deploy(accelerator, model, tensor=tensor, precision=precision)
    memory = fit(
        accelerator,
        model,
        tensor=tensor,
        precision=precision,
        batched_tokens=batched_tokens,
        memory_utilization=memory_utilization,
        block_size=block_size,
    )
    if not memory.fits:
        raise DoesNotFit(_does_not_fit(accelerator, model, tensor, precision, memory))
    return GenerativeReplica(
        accelerators=tensor,
        iteration=iteration_table(deployment, max_batch, memory.kv_capacity),
        prefill=prefill_law(deployment),
        kv_capacity=memory.kv_capacity,
        block_size=block_size,
        request_overhead=deployment.efficiency.request_overhead,
        resident_power=tensor * resident_power(accelerator),
        flops_per_token=2 * model.active_parameters,
        peak_flops=deployment.peak_flops,
        swap_per_token=deployment.kv_bytes / (tensor * (accelerator.host_link_bandwidth or math.nan)),
    )


def single_pass_replica(
    accelerator: Accelerator, model: Model, *, precision: Precision, max_batch: int
) -> SinglePassReplica:
    """Put a single-pass model on one accelerator.

    Raises:
        DoesNotFit: Its weights exceed the memory, and no measured table proves otherwise.
        HardwareError: No measured table reaches `max_batch` and no roofline applies, or a power cap is too low.

    """
    if measured_table(accelerator, model) is None:
        memory = fit(accelerator, model, tensor=1, precision=precision)
        if memory.weights > memory.available:
            raise DoesNotFit(_does_not_fit(accelerator, model, 1, precision, memory))
    latency, energy = latency_and_energy(accelerator, model, precision, max_batch)
    return SinglePassReplica(
        accelerators=1,
        latency=latency,
        energy=energy,
        resident_power=resident_power(accelerator),
        flops_per_pass=model.flops_per_pass,
        peak_flops=accelerator.peak_flops.get(precision, 0.0),
    )


def resident_power(accelerator: Accelerator) -> float:
    """Give watts of one accelerator with a model loaded and nothing running; as idle where unknown."""
    return accelerator.idle_power if accelerator.resident_power is None else accelerator.resident_power


def iteration_seconds(replica: GenerativeReplica, batch: int, tokens: int) -> float:
    """Read the seconds of a decode iteration of `batch` sequences that hold `tokens` tokens together."""
    table, column = replica.iteration, _column(replica, batch, tokens)
    return float(table.time_fixed[batch, column] + table.time_per_token[batch, column] * tokens)


def iteration_joules(replica: GenerativeReplica, batch: int, tokens: int) -> float:
    """Read the joules of a decode iteration of `batch` sequences that hold `tokens` tokens together."""
    table, column = replica.iteration, _column(replica, batch, tokens)
    return float(table.energy_fixed[batch, column] + table.energy_per_token[batch, column] * tokens)


def prefill_seconds(replica: GenerativeReplica, prompts: Iterable[int]) -> float:
    """Read the seconds of one prefill of prompts of these lengths, all of them computed."""
    return prompts_seconds(replica.prefill, tuple(prompts))


def prefill_joules(replica: GenerativeReplica, prompts: Iterable[int]) -> float:
    """Read the joules of one prefill of prompts of these lengths."""
    lengths = tuple(prompts)
    law, seconds, tokens, squares = replica.prefill, prefill_seconds(replica, lengths), *_sums(lengths)
    per_token = law.energy_per_token + law.energy_per_read
    work = law.energy_fixed + per_token * tokens + law.energy_per_square * squares
    return min(law.power_limit * seconds, law.power_base * seconds + work)


def _column(replica: GenerativeReplica, batch: int, tokens: int) -> int:
    return int((replica.iteration.until[batch] <= tokens).sum())


def _sums(prompts: Iterable[int]) -> tuple[int, int]:
    lengths = tuple(prompts)
    return sum(lengths), sum(length * length for length in lengths)


def _does_not_fit(accelerator: Accelerator, model: Model, tensor: int, precision: Precision, memory: MemoryFit) -> str:
    needed, available = (memory.weights + memory.activations) / 1e9, memory.available / 1e9
    least = least_tensor(accelerator, model, precision) if model.kind == "generative" else None
    hint = f"; it fits from tensor parallelism {least} on" if least else ""
    return (
        f"{model.name} at {precision} does not fit on {tensor} x {accelerator.name}: weights and activations need "
        f"{needed:.1f} GB of {available:.1f} GB{hint}"
    )
