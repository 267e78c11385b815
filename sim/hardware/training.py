"""How long a training step takes on many accelerators, what it draws, and on how many it fits."""

import math

from sim.catalog.rows import Accelerator, Fact, Model, Precision
from sim.hardware.deployment import peak_flops
from sim.hardware.errors import MissingFigure
from sim.hardware.memory import MEMORY_UTILIZATION
from sim.hardware.power import capped_mean, capped_speed

SMALL_SCALE_UTILIZATION = 0.452
HALF_SCALE = 160_000.0
"""Both solve the two utilizations that Llama 3 405B reports at one global batch (arXiv:2407.21783, table 4): 43 % on
8,192 H100s, 41 % on 16,384."""
UTILIZATION_FACT = Fact(
    "arXiv:2407.21783, table 4 (Llama 3 405B on 8,192 and 16,384 H100s)",
    "2024-07",
    "derived",
    low=0.32,
    high=0.46,
    note="taken for every kind of accelerator; others report 32 % (BLOOM, A100) to 46 % (PaLM, TPU v4), and the "
    "published hours of Llama 3.1 8B and 70B are 2 to 3 times what it gives",
)

STATE_BYTES = 16.0
"""Of each parameter in training: weights and gradients in 16 bits, Adam's copy of the weights, momentum and variance in
32 (arXiv:1910.02054, section 3.1), divided over the gang."""
SEQUENCE = 4096
"""Tokens whose activations an accelerator holds at a time, an estimate."""
KEPT_BYTES, LAYER_BYTES = 2.0, 34.0
"""Of each token and hidden width: the input of every layer is kept, and one layer is computed anew at a time, without
its attention scores (arXiv:2205.05198, section 4)."""


def model_flops_utilization(
    accelerators: int, *, small_scale: float = SMALL_SCALE_UTILIZATION, half_scale: float = HALF_SCALE
) -> float:
    """Estimate the share of peak FLOP/s that a gang reaches: `small_scale / (1 + accelerators / half_scale)`.

    With a fixed global batch each accelerator computes less as the gang grows while communication stays, so lost time
    rises with the gang; at `half_scale` accelerators half is lost.
    """
    return small_scale / (1 + accelerators / half_scale)


def training_step_seconds(
    accelerator: Accelerator,
    model: Model,
    *,
    tokens: float,
    accelerators: int,
    precision: Precision = "bf16",
    small_scale: float = SMALL_SCALE_UTILIZATION,
    half_scale: float = HALF_SCALE,
) -> float:
    """Time a step over `tokens` tokens: 6 FLOPs for each active parameter and token (arXiv:2001.08361).

    Raises:
        UnsupportedPrecision: The accelerator has no peak at `precision`.
        CapTooLow: The row's power cap is below its floor.
        MissingFigure: It is an FPGA, for which no roofline is trusted.

    """
    if accelerator.kind == "fpga":
        raise MissingFigure(
            f"how long training takes on {accelerator.name} does not follow from its peak: it is an FPGA"
        )
    utilization = model_flops_utilization(accelerators, small_scale=small_scale, half_scale=half_scale)
    rate = accelerators * peak_flops(accelerator, precision) * utilization
    return 6 * model.active_parameters * tokens / (rate * training_speed(accelerator))


def training_state(model: Model) -> float:
    """Give the bytes of weights, gradients and optimizer state, all together."""
    return STATE_BYTES * model.parameters


def training_activations(model: Model) -> float:
    """Give the bytes of activations that each accelerator holds."""
    return SEQUENCE * model.hidden * (KEPT_BYTES * model.layers + LAYER_BYTES)


def least_training_gang(accelerator: Accelerator, model: Model) -> int | None:
    """Give the least number of accelerators that hold a model in training; None where no number does.

    State is divided over all of them, as fully sharded data parallelism does it.
    """
    room = accelerator.memory * MEMORY_UTILIZATION - training_activations(model)
    return max(1, math.ceil(training_state(model) / room)) if room > 0 else None


def training_power(accelerator: Accelerator) -> float:
    """Give the mean watts of one accelerator while it trains, under its cap."""
    watts, cap = _uncapped(accelerator), accelerator.power_cap
    return watts if cap is None or cap >= accelerator.peak_power else min(watts, capped_mean(accelerator, cap))


def training_speed(accelerator: Accelerator) -> float:
    """Give the speed of training under the row's power cap; 1 where it does not bind."""
    return capped_speed(accelerator, _uncapped(accelerator))


def _uncapped(accelerator: Accelerator) -> float:
    return accelerator.peak_power if accelerator.training_power is None else accelerator.training_power
