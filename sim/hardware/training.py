"""How long a training step takes on many accelerators, and what it draws."""

from sim.catalog.rows import Accelerator, Model, Precision
from sim.hardware.deployment import peak_flops
from sim.hardware.power import capped_mean, capped_speed

SMALL_SCALE_UTILIZATION = 0.452
HALF_SCALE = 160_000.0
"""Both solve the two utilizations that Llama 3 405B reports at one global batch (arXiv:2407.21783, table 4): 43 % on
8,192 H100s, 41 % on 16,384."""


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

    """
    utilization = model_flops_utilization(accelerators, small_scale=small_scale, half_scale=half_scale)
    rate = accelerators * peak_flops(accelerator, precision) * utilization
    return 6 * model.active_parameters * tokens / (rate * training_speed(accelerator))


def training_power(accelerator: Accelerator) -> float:
    """Give the mean watts of one accelerator while it trains, under its cap."""
    watts, cap = _uncapped(accelerator), accelerator.power_cap
    return watts if cap is None or cap >= accelerator.peak_power else min(watts, capped_mean(accelerator, cap))


def training_speed(accelerator: Accelerator) -> float:
    """Give the speed of training under the row's power cap; 1 where it does not bind."""
    return capped_speed(accelerator, _uncapped(accelerator))


def _uncapped(accelerator: Accelerator) -> float:
    return accelerator.peak_power if accelerator.training_power is None else accelerator.training_power
