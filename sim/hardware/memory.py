"""What fits: weights, activations and KV cache against the memory of a replica."""

import math
from dataclasses import dataclass

from sim.catalog.rows import BYTES_PER_VALUE, Accelerator, Model, Precision

MEMORY_UTILIZATION = 0.9
"""Share of an accelerator's memory that a serving engine takes (the default of vLLM)."""
BLOCK_SIZE = 16
"""Tokens in a block of KV cache (the default of vLLM)."""
BATCHED_TOKENS = 8192
"""Tokens of an iteration for which activations are held."""
REPLICATED_WIDTHS, SHARDED_WIDTHS = 4.0, 12.0
"""Activations of a token in hidden widths, an estimate: the residual stream on each accelerator; the rest over all."""


@dataclass(frozen=True, slots=True)
class MemoryFit:
    """Bytes of a whole replica, and the tokens of KV cache that are left room for (a multiple of the block size)."""

    weights: float
    activations: float
    available: float
    kv_capacity: int
    fits: bool


def activation_bytes_per_value(precision: Precision) -> float:
    """Give the bytes of an activation or KV cache value: with quantized weights engines keep both in 16 bits."""
    return max(2.0, BYTES_PER_VALUE[precision])


def kv_bytes_per_token(model: Model, tensor: int, precision: Precision) -> float:
    """Give the KV cache bytes of a token over all `tensor` accelerators, which repeat what cannot be divided."""
    copies = tensor / min(tensor, divisible_heads(model))
    return model.kv_values_per_token * activation_bytes_per_value(precision) * copies


def divisible_heads(model: Model) -> int:
    """Count the heads that divide the KV cache: one where all share a latent cache (MLA), smaller than heads apart."""
    apart = 2 * model.layers * model.kv_heads * model.head_dim
    return max(1, model.kv_heads) if model.kv_values_per_token >= apart else 1


def fit(
    accelerator: Accelerator,
    model: Model,
    *,
    tensor: int,
    precision: Precision,
    batched_tokens: int = BATCHED_TOKENS,
    memory_utilization: float = MEMORY_UTILIZATION,
    block_size: int = BLOCK_SIZE,
) -> MemoryFit:
    """Weigh a model against `tensor` accelerators; `fits` means that at least one block of KV cache is left."""
    weights = model.parameters * BYTES_PER_VALUE[precision]
    widths = REPLICATED_WIDTHS * tensor + SHARDED_WIDTHS
    activations = batched_tokens * model.hidden * widths * activation_bytes_per_value(precision)
    available = accelerator.memory * memory_utilization * tensor
    block = block_size * kv_bytes_per_token(model, tensor, precision)
    left = available - weights - activations
    blocks = max(0, math.floor(left / block)) if block else 0
    return MemoryFit(weights, activations, available, blocks * block_size, blocks > 0)


def least_tensor(accelerator: Accelerator, model: Model, precision: Precision) -> int | None:
    """Find the least number of accelerators that hold the model: a slice of the row, or a power of two up to 1024."""
    sizes = accelerator.slices or tuple(2**power for power in range(11))
    return next((size for size in sizes if fit(accelerator, model, tensor=size, precision=precision).fits), None)
