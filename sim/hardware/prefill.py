"""The time and the energy of an iteration that prefills, as one law over tokens computed, read and attended to."""

from collections.abc import Sequence

from sim.catalog.rows import UtilizationPower
from sim.hardware.deployment import Deployment
from sim.hardware.iteration import compute_rate
from sim.hardware.power import busy_power, power_limit
from sim.hardware.tables import PrefillLaw

REFERENCE_PROMPT = 512
"""Tokens of the prompt at whose utilization an exponent law is read: such a prefill draws constant watts."""


def prefill_law(deployment: Deployment) -> PrefillLaw:
    """Build the law of an iteration with prompts: weights are read once, attention is within each sequence.

    A prompt of c tokens spends `attention_flops_per_token * c**2 / 2` on attention, half of it being masked. What
    decodes beside it computes at the efficiency of the prefill.
    """
    model = deployment.model
    weights = model.parameters * deployment.bytes_per_weight
    bandwidth = deployment.peak_bandwidth * deployment.efficiency.memory
    rate = compute_rate(deployment, deployment.efficiency.prefill_compute)
    base, per_byte, per_flop = _watts_and_joules(deployment, weights, bandwidth, rate)
    return PrefillLaw(
        memory_fixed=weights / bandwidth,
        memory_per_token=deployment.kv_bytes / bandwidth,
        compute_per_token=2 * model.active_parameters / rate,
        compute_per_square=model.attention_flops_per_token / 2 / rate,
        overhead=deployment.overhead,
        overhead_per_token=deployment.overhead_per_token,
        power_limit=deployment.accelerators * power_limit(deployment.accelerator),
        power_base=base,
        energy_fixed=per_byte * weights,
        energy_per_token=per_flop * 2 * model.active_parameters,
        energy_per_square=per_flop * model.attention_flops_per_token / 2,
        energy_per_read=per_byte * deployment.kv_bytes,
    )


def prompts_seconds(law: PrefillLaw, prompts: Sequence[int]) -> float:
    """Give the seconds of one prefill of whole prompts of these lengths, beside which nothing decodes."""
    tokens, squares = sum(prompts), sum(length * length for length in prompts)
    return mixed_seconds(law, tokens, tokens, squares)


def mixed_seconds(law: PrefillLaw, tokens: float, read: float, squares: float) -> float:
    """Give the seconds of an iteration with prompts; T, R and Q of `PrefillLaw`."""
    reading = law.memory_fixed + law.memory_per_token * read
    computing = law.compute_per_token * tokens + law.compute_per_square * squares
    return max(reading, computing) + law.overhead + law.overhead_per_token * tokens


def _watts_and_joules(
    deployment: Deployment, weights: float, bandwidth: float, rate: float
) -> tuple[float, float, float]:
    """Give watts while a prefill runs, joules for each byte and joules for each FLOP, of the whole replica."""
    accelerator, law = deployment.accelerator, deployment.accelerator.power_law
    if accelerator.busy_power is None and isinstance(law, UtilizationPower):
        watts = deployment.accelerators * accelerator.peak_power
        return (
            watts * law.base,
            watts * law.memory / deployment.peak_bandwidth,
            watts * law.compute / deployment.peak_flops,
        )
    return deployment.accelerators * _reference_power(deployment, weights, bandwidth, rate), 0.0, 0.0


def _reference_power(deployment: Deployment, weights: float, bandwidth: float, rate: float) -> float:
    model, prompt = deployment.model, REFERENCE_PROMPT
    read = weights + deployment.kv_bytes * prompt
    computed = 2 * model.active_parameters * prompt + model.attention_flops_per_token * prompt**2 / 2
    seconds = max(read / bandwidth, computed / rate) + deployment.overhead + deployment.overhead_per_token * prompt
    memory, compute = read / (deployment.peak_bandwidth * seconds), computed / (deployment.peak_flops * seconds)
    return busy_power(deployment.accelerator, memory, compute)
