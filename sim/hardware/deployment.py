"""One model on the accelerators of one replica: the rates, bytes and fixed times that the laws share."""

from dataclasses import dataclass

from sim.catalog.rows import BYTES_PER_VALUE, Accelerator, Efficiency, Model, Precision
from sim.hardware.errors import MissingFigure, UnsupportedPrecision
from sim.hardware.memory import activation_bytes_per_value, kv_bytes_per_token


@dataclass(frozen=True, slots=True)
class Deployment:
    """Peaks are of the whole replica, in FLOP/s and bytes/s; `kv_bytes` are read for each token of context."""

    accelerator: Accelerator
    model: Model
    accelerators: int
    efficiency: Efficiency
    peak_flops: float
    peak_bandwidth: float
    bytes_per_weight: float
    kv_bytes: float
    overhead: float
    """Seconds of an iteration that do not depend on its work."""
    overhead_per_token: float
    """Seconds of all-reduce for each token computed."""


def deploy(accelerator: Accelerator, model: Model, *, tensor: int, precision: Precision) -> Deployment:
    """Resolve a model on `tensor` accelerators.

    Raises:
        UnsupportedPrecision: The accelerator has no peak at `precision`.
        MissingFigure: A figure of the accelerator is unknown, or it is an FPGA, for which no roofline is trusted.

    """
    efficiency, bandwidth = roofline_figures(accelerator)
    fixed, per_token = all_reduce(accelerator, efficiency, model, tensor, precision)
    return Deployment(
        accelerator,
        model,
        tensor,
        efficiency,
        tensor * peak_flops(accelerator, precision),
        tensor * bandwidth,
        BYTES_PER_VALUE[precision],
        kv_bytes_per_token(model, tensor, precision),
        efficiency.step_overhead + fixed,
        per_token,
    )


def peak_flops(accelerator: Accelerator, precision: Precision) -> float:
    """Look up the peak FLOP/s of one accelerator at a precision.

    Raises:
        UnsupportedPrecision: The row has no peak at `precision`.

    """
    if precision not in accelerator.peak_flops:
        supported = ", ".join(accelerator.peak_flops) or "none known"
        message = f"{accelerator.name} does not support precision {precision} (supported: {supported})"
        raise UnsupportedPrecision(message)
    return accelerator.peak_flops[precision]


def roofline_figures(accelerator: Accelerator) -> tuple[Efficiency, float]:
    """Look up the efficiency and the memory bandwidth of an accelerator to which a roofline applies.

    Raises:
        MissingFigure: The accelerator is an FPGA, or one of the two is unknown.

    """
    if accelerator.kind == "fpga":
        message = f"{accelerator.name} is an FPGA: it runs only models with a measured latency table for it"
        raise MissingFigure(message)
    if accelerator.efficiency is None or accelerator.memory_bandwidth is None:
        missing = "efficiency" if accelerator.efficiency is None else "memory_bandwidth"
        message = f"{accelerator.name} has no {missing}: without it only measured latency tables can be used"
        raise MissingFigure(message)
    return accelerator.efficiency, accelerator.memory_bandwidth


def all_reduce(
    accelerator: Accelerator, efficiency: Efficiency, model: Model, tensor: int, precision: Precision
) -> tuple[float, float]:
    """Time the two all-reduces of every layer: seconds that are fixed, and seconds for each token computed.

    One takes latency + per_peer * (g-1) + 2(g-1)/g * bytes / bus bandwidth (NCCL's definition of it). Where no bus
    bandwidth is known, one direction of the links is taken, which it cannot exceed.

    Raises:
        MissingFigure: There are several accelerators and no bandwidth between them is known.

    """
    if tensor == 1:
        return 0.0, 0.0
    bandwidth = efficiency.all_reduce_bandwidth or (accelerator.interconnect_bandwidth or 0.0) / 2
    if not bandwidth:
        message = f"{accelerator.name} has no known links: a replica cannot have {tensor} of them"
        raise MissingFigure(message)
    times = 2 * model.layers
    size = model.hidden * activation_bytes_per_value(precision)
    latency = efficiency.all_reduce_latency + efficiency.all_reduce_latency_per_peer * (tensor - 1)
    return times * latency, times * 2 * (tensor - 1) / tensor * size / bandwidth
