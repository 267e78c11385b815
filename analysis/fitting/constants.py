"""Constants of the laws of time, fitted to measured prefills and decode iterations of one accelerator."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from analysis.fitting.measurements import Measurement
from sim.catalog.rows import Accelerator, Efficiency
from sim.hardware.deployment import deploy
from sim.hardware.errors import MissingFigure
from sim.hardware.iteration import decode_seconds
from sim.hardware.prefill import prefill_law, prompts_seconds

BOUNDS: Mapping[str, tuple[float, float]] = {
    "memory": (0.05, 1.0),
    "decode_compute": (0.005, 1.0),
    "prefill_compute": (0.005, 1.0),
    "step_overhead": (1e-5, 1.0),
    "all_reduce_latency_per_peer": (1e-7, 1e-3),
    "all_reduce_bandwidth": (1e8, 1e13),
}
"""The constants that measurements can determine, and where a fit looks for them."""
_START = Efficiency(0.7, 0.15, 0.5, 5e-3, 0.0, 0.0, 1e11, 1e-5)
_OUTLIER = 0.15
"""Relative error from which on the loss grows in proportion and no longer with the square."""
FOLDS = 5


class FitError(ValueError):
    """Measurements that do not determine the constants."""


@dataclass(frozen=True)
class Errors:
    """Relative errors, absolute values."""

    prefill: tuple[float, ...]
    decode: tuple[float, ...]


def fit(accelerator: Accelerator, measurements: Sequence[Measurement]) -> Efficiency:
    """Fit what the measurements determine; the other constants stay the accelerator's own.

    The median error of logarithms is made small by least squares with a soft L1 loss, so that a few damaged rows do
    not decide. The latency of an all-reduce is held at what it is: measurements at 2, 4 and 8 accelerators do not tell
    it from the step overhead.

    Raises:
        FitError: There are fewer times than constants, or a constant is neither measured nor known.
        HardwareError: The accelerator lacks a peak, a bandwidth or links.

    """
    import numpy as np
    from scipy.optimize import least_squares

    base = accelerator.efficiency or replace(_START, step_overhead=math.nan)
    free = _determined(accelerator, measurements)
    known = replace(base, **{name: getattr(_START, name) for name in free})

    def residuals(logarithms: Any, /) -> list[float]:
        constants = replace(known, **dict(zip(free, map(math.exp, logarithms), strict=True)))
        fitted = replace(accelerator, efficiency=constants)
        return [math.log(predicted / seconds) for _, predicted, seconds in predictions(fitted, measurements)]

    start = np.log([getattr(_START, name) for name in free])
    low, high = np.log([BOUNDS[name] for name in free]).T
    found = least_squares(residuals, start, bounds=(low, high), loss="soft_l1", f_scale=_OUTLIER)
    return replace(known, **{name: float(math.exp(value)) for name, value in zip(free, found.x, strict=True)})


def at_bounds(constants: Efficiency) -> list[str]:
    """Name the constants that lie where a fit looks no further: something else is in the times."""
    values = {name: getattr(constants, name) for name in BOUNDS}
    return [
        name
        for name, (low, high) in BOUNDS.items()
        if values[name] is not None and not low * 1.001 < values[name] < high / 1.001
    ]


def predictions(accelerator: Accelerator, measurements: Sequence[Measurement]) -> Iterator[tuple[str, float, float]]:
    """Give `prefill` or `decode`, predicted seconds and measured seconds of every time that was measured."""
    for each in measurements:
        deployment = deploy(accelerator, each.model, tensor=each.tensor, precision=each.precision)
        if each.prefill is not None and each.prompt is not None:
            law = prefill_law(deployment)
            yield "prefill", prompts_seconds(law, [each.prompt] * each.batch), each.prefill
        if each.decode is not None and each.context is not None:
            yield "decode", decode_seconds(deployment, each.batch, each.batch * each.context), each.decode


def errors(accelerator: Accelerator, measurements: Sequence[Measurement]) -> Errors:
    """Hold an accelerator with its constants against measurements."""
    found: dict[str, list[float]] = {"prefill": [], "decode": []}
    for what, predicted, seconds in predictions(accelerator, measurements):
        found[what].append(abs(predicted / seconds - 1))
    return Errors(tuple(found["prefill"]), tuple(found["decode"]))


def errors_left_out(accelerator: Accelerator, measurements: Sequence[Measurement]) -> Errors:
    """Predict each fifth of the configurations by constants fitted to the others. Raises as `fit` does."""
    found = Errors((), ())
    for fold in range(FOLDS):
        left_out = measurements[fold::FOLDS]
        others = [each for index, each in enumerate(measurements) if index % FOLDS != fold]
        fitted = replace(accelerator, efficiency=fit(accelerator, others))
        new = errors(fitted, left_out)
        found = Errors(found.prefill + new.prefill, found.decode + new.decode)
    return found


def _determined(accelerator: Accelerator, measurements: Sequence[Measurement]) -> list[str]:
    """Name the constants that the measurements determine, in the order of `BOUNDS`."""
    if accelerator.kind == "fpga":
        raise MissingFigure(
            f"{accelerator.name} is an FPGA: fit a table of one pass, with the columns batch and seconds"
        )
    prefill = [each for each in measurements if each.prefill is not None]
    decode = [each for each in measurements if each.decode is not None]
    several = any(each.tensor > 1 for each in measurements)
    wanted = {
        "memory": bool(decode),
        "decode_compute": len({each.batch for each in decode}) > 1,
        "prefill_compute": bool(prefill),
        "step_overhead": True,
        "all_reduce_latency_per_peer": len({each.tensor for each in measurements}) > 1,
        "all_reduce_bandwidth": several and bool(prefill),
    }
    free = [name for name, determined in wanted.items() if determined]
    if accelerator.efficiency is None and not (wanted["decode_compute"] and prefill):
        raise FitError(
            f"{accelerator.name} has no constants of its own: give prefill_s, and decode_s at two batch sizes or more"
        )
    if len(prefill) + len(decode) <= len(free):
        raise FitError(
            f"too few times of {accelerator.name} ({len(prefill) + len(decode)}) to determine {len(free)} constants "
            f"({', '.join(free)}): measure more batch sizes and prompts"
        )
    return free
