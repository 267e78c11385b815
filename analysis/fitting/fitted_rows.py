"""Rows for a scenario, fitted to a file of measurements, as YAML with what the fit errs by in comments."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

from analysis.fitting.constants import Errors, FitError, at_bounds, errors, errors_left_out, fit
from analysis.fitting.measurements import Measurement, Passes, read_measurements
from sim import catalog
from sim.catalog.rows import Efficiency
from sim.hardware.errors import HardwareError
from sim.units import show

WIDTH = 120
POOR = 0.3
"""Median error from which on the laws do not describe the times."""


def fitted_rows(path: Path) -> str:
    """Fit the measurements in a CSV file; give YAML to paste into a scenario.

    Raises:
        TraceError: The file cannot be read, or a row is broken.
        FitError: Its measurements do not determine what is to be fitted; the message names the file.

    """
    tokens, passes = read_measurements(path)
    lines = [f"# fitted to {path.name}"]
    if passes:
        lines += _passes(passes)
    try:
        efficiencies = {name: _constants(name, measurements, lines) for name, measurements in tokens.items()}
    except (FitError, HardwareError) as error:
        raise FitError(f"{path}: {error}") from None
    if efficiencies:
        lines.append(
            _yaml({"accelerators": {name: {"efficiency": each} for name, each in efficiencies.items()}}, flow=False)
        )
    return "\n".join(lines).rstrip()


def _constants(name: str, measurements: Sequence[Measurement], lines: list[str]) -> dict[str, Any]:
    """Fit one accelerator; what the fit errs by is added to the lines."""
    accelerator = catalog.accelerator(name)
    constants = fit(accelerator, measurements)
    own = errors(replace(accelerator, efficiency=constants), measurements)
    lines.append(f"# {name}: error of the fit on its own rows: {_spoken(own)}")
    try:
        lines.append(
            f"# {name}: each fifth predicted from the others: {_spoken(errors_left_out(accelerator, measurements))}"
        )
    except FitError:
        lines.append(f"# {name}: too few rows to leave some out: how far the constants carry is not known")
    if ends := [
        each for each in at_bounds(constants) if getattr(accelerator.efficiency, each, None) != getattr(constants, each)
    ]:
        lines.append(f"# {name}: at the end of what is sought: {', '.join(ends)}: something else is in the times")
    if any(each and median(each) > POOR for each in (own.prefill, own.decode)):
        lines.append(f"# {name}: these constants do NOT describe the times: are they in seconds, and of this model?")
    return _as_written(constants)


def _spoken(found: Errors) -> str:
    return "; ".join(
        f"{what} median {median(each):.1%}, largest {max(each):.1%} of {len(each)}"
        for what, each in (("prefill", found.prefill), ("decode", found.decode))
        if each
    )


def _as_written(constants: Efficiency) -> dict[str, Any]:
    """Give the constants as a scenario has them: shares, and quantities with their units."""
    shares = {
        name: float(f"{getattr(constants, name):.4g}") for name in ("memory", "decode_compute", "prefill_compute")
    }
    names = ("step_overhead", "request_overhead", "all_reduce_latency", "all_reduce_latency_per_peer", "pass_overhead")
    times = {name: show(value, "time") for name in names if (value := getattr(constants, name)) is not None}
    bandwidth = constants.all_reduce_bandwidth
    return shares | times | ({} if bandwidth is None else {"all_reduce_bandwidth": show(bandwidth, "bandwidth")})


def _passes(passes: Passes) -> Iterator[str]:
    """Give tables of seconds over batch sizes, and how well a line between neighbours predicts what was measured."""
    models: dict[str, dict[str, Any]] = {}
    for (model, accelerator), table in passes.items():
        entry = models.setdefault(model, {} if model in catalog.models() else {"kind": "single_pass"})
        seconds = [float(f"{each:.4g}") for each in table.values()]
        entry.setdefault("latency", {})[accelerator] = {"batch": list(table), "seconds": seconds}
        inner = _errors_between(table)
        told = (
            f"median {median(inner):.1%}, largest {max(inner):.1%}"
            if inner
            else "not known: fewer than three batch sizes"
        )
        yield f"# {model} on {accelerator}: error between measured batch sizes, each inner one left out: {told}"
        if accelerator not in catalog.accelerators():
            yield f"# {accelerator} is not in the catalog: describe it under `accelerators`"
    yield _yaml({"models": models}, flow=True)


def _errors_between(table: Mapping[int, float]) -> list[float]:
    found = []
    points = list(table.items())
    for (low, first), ((batch, seconds), (high, last)) in zip(points, pairwise(points[1:]), strict=False):
        predicted = first + (last - first) * (batch - low) / (high - low)
        found.append(abs(predicted / seconds - 1))
    return found


def _yaml(rows: Mapping[str, Any], *, flow: bool) -> str:
    """Write rows, the innermost on one line each where `flow`."""
    import yaml

    return yaml.safe_dump(dict(rows), sort_keys=False, default_flow_style=None if flow else False, width=WIDTH)
