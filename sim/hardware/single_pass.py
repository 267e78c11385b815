"""Seconds and joules of one pass of a single-pass model over batch sizes, measured or by the roofline."""

from bisect import bisect_right

import numpy as np
from numpy.typing import NDArray

from sim.catalog.rows import BYTES_PER_VALUE, Accelerator, LatencyTable, Model, Precision
from sim.hardware.deployment import peak_flops, roofline_figures
from sim.hardware.errors import MissingFigure
from sim.hardware.power import busy_power, capped_speed, power_limit, uncapped_power

Floats = NDArray[np.float64]


def measured_table(accelerator: Accelerator, model: Model) -> LatencyTable | None:
    """Look up the measured table of a model on an accelerator, or the one given for any accelerator."""
    return model.latency.get(accelerator.name) or model.latency.get("any")


def latency_and_energy(
    accelerator: Accelerator, model: Model, precision: Precision, max_batch: int
) -> tuple[Floats, Floats]:
    """Tabulate seconds and joules of a pass at batch sizes 1 to `max_batch` (index 0 unused), on one accelerator.

    Raises:
        HardwareError: There is neither a measured table that reaches `max_batch` nor a roofline for this accelerator.

    """
    table = measured_table(accelerator, model)
    latency, energy = np.zeros(max_batch + 1), np.zeros(max_batch + 1)
    for batch in range(1, max_batch + 1):
        seconds = (
            roofline_seconds(accelerator, model, precision, batch)
            if table is None
            else measured_seconds(accelerator, model, table, batch)
        )
        latency[batch] = seconds
        energy[batch] = seconds * pass_power(accelerator, model, precision, batch, seconds, table)
    return latency, energy


def measured_seconds(accelerator: Accelerator, model: Model, table: LatencyTable, batch: int) -> float:
    """Interpolate between measured batch sizes, the first value below them; a power cap that binds slows the pass.

    Raises:
        MissingFigure: `batch` is beyond the largest measured batch.

    """
    sizes, seconds = table.batch, table.seconds
    if batch > sizes[-1]:
        message = (
            f"{model.name} is measured on {accelerator.name} up to batches of {sizes[-1]}, not {batch}: "
            f"set max_batch_size to at most {sizes[-1]} or add a larger batch to its latency table"
        )
        raise MissingFigure(message)
    watts = table.busy_power
    if watts is None and accelerator.power_cap is not None:
        watts = uncapped_power(accelerator, 1.0, 1.0)
    speed = 1.0 if watts is None else capped_speed(accelerator, watts)
    above = bisect_right(sizes, batch)
    if above in {0, len(sizes)}:
        return seconds[max(0, above - 1)] / speed
    share = (batch - sizes[above - 1]) / (sizes[above] - sizes[above - 1])
    return (seconds[above - 1] + share * (seconds[above] - seconds[above - 1])) / speed


def roofline_seconds(accelerator: Accelerator, model: Model, precision: Precision, batch: int) -> float:
    """Take the longer of reading all weights and computing, which overlap, and the overhead of a pass on top.

    Raises:
        UnsupportedPrecision: The accelerator has no peak at `precision`.
        MissingFigure: The accelerator is an FPGA or lacks a figure, or nothing is known of the model.

    """
    efficiency, bandwidth = roofline_figures(accelerator)
    if not model.flops_per_pass:
        message = f"{model.name} has neither a latency table for {accelerator.name} nor flops_per_pass"
        raise MissingFigure(message)
    share = efficiency.prefill_compute
    rate = peak_flops(accelerator, precision) * share
    rate *= capped_speed(accelerator, uncapped_power(accelerator, 0.0, share))
    weights = model.parameters * BYTES_PER_VALUE[precision]
    reading, computing = weights / (bandwidth * efficiency.memory), batch * model.flops_per_pass / rate
    overhead = efficiency.step_overhead if efficiency.pass_overhead is None else efficiency.pass_overhead
    return max(reading, computing) + overhead


def pass_power(
    accelerator: Accelerator, model: Model, precision: Precision, batch: int, seconds: float, table: LatencyTable | None
) -> float:
    """Give watts during a pass: measured with the table, else by the row's law at what the pass achieves.

    Where FLOPs or the peak are unknown, the utilization is unknown too and counts as full.
    """
    if table is not None and table.busy_power is not None:
        return min(table.busy_power, power_limit(accelerator)) if accelerator.power_cap else table.busy_power
    peak = accelerator.peak_flops.get(precision)
    if not model.flops_per_pass or not peak:
        return busy_power(accelerator, 1.0, 1.0)
    weights = model.parameters * BYTES_PER_VALUE[precision]
    memory = weights / (accelerator.memory_bandwidth * seconds) if accelerator.memory_bandwidth else 0.0
    return busy_power(accelerator, memory, batch * model.flops_per_pass / (peak * seconds))
