"""Single-pass models: measured tables and the roofline."""

from dataclasses import replace

import numpy as np
import pytest

from sim.catalog.rows import Accelerator, CapLaw, Efficiency, ExponentPower, LatencyTable, Model
from sim.hardware import DoesNotFit, MissingFigure, single_pass_replica

CHIP = Accelerator(
    name="chip",
    kind="tpu",
    memory=16e9,
    idle_power=60.0,
    peak_power=200.0,
    peak_flops={"bf16": 200e12},
    memory_bandwidth=800e9,
    power_law=ExponentPower(1.0),
    cap_law=CapLaw(1.0, 70.0, 0.5),
    efficiency=Efficiency(0.8, 0.3, 0.5, 0.001, 0.0, 0.0, None),
)
VISION = Model(name="vision", kind="single_pass", parameters=2e9, flops_per_pass=1e11)
TABLE = LatencyTable(batch=(2, 8, 32), seconds=(0.004, 0.010, 0.034))
MEASURED = replace(VISION, latency={"any": TABLE})


def test_a_measured_table_is_interpolated() -> None:
    made = single_pass_replica(CHIP, MEASURED, precision="bf16", max_batch=32)
    assert made.latency[[1, 2, 5, 8, 20, 32]] == pytest.approx([0.004, 0.004, 0.007, 0.010, 0.022, 0.034])
    assert np.all(np.diff(made.latency[1:]) >= 0)


def test_beyond_the_largest_measured_batch_is_an_error() -> None:
    with pytest.raises(MissingFigure, match="at most 32"):
        single_pass_replica(CHIP, MEASURED, precision="bf16", max_batch=33)


def test_a_table_of_the_accelerator_goes_before_any() -> None:
    model = replace(VISION, latency={"any": TABLE, "chip": LatencyTable((1,), (0.5,))})
    assert single_pass_replica(CHIP, model, precision="bf16", max_batch=1).latency[1] == 0.5
    other = replace(CHIP, name="other")
    assert single_pass_replica(other, model, precision="bf16", max_batch=1).latency[1] == 0.004


def test_the_roofline_passes_from_memory_to_compute() -> None:
    made = single_pass_replica(CHIP, VISION, precision="bf16", max_batch=64)
    reading = 4e9 / (800e9 * 0.8)
    for batch in (1, 4, 16, 64):
        computing = batch * 1e11 / (200e12 * 0.5)
        assert made.latency[batch] == pytest.approx(max(reading, computing) + 0.001)
    assert made.peak_flops == 200e12
    assert made.flops_per_pass == 1e11


def test_a_pass_has_its_own_overhead_where_known() -> None:
    assert CHIP.efficiency is not None
    compiled = replace(CHIP, efficiency=replace(CHIP.efficiency, pass_overhead=0.0))
    slow, quick = (single_pass_replica(row, VISION, precision="bf16", max_batch=1) for row in (CHIP, compiled))
    assert slow.latency[1] - quick.latency[1] == pytest.approx(0.001)


def test_energy_is_watts_at_the_achieved_utilization() -> None:
    made = single_pass_replica(CHIP, VISION, precision="bf16", max_batch=64)
    for batch in (1, 64):
        seconds = made.latency[batch]
        utilization = max(4e9 / (800e9 * seconds), batch * 1e11 / (200e12 * seconds))
        assert made.energy[batch] == pytest.approx((60 + 140 * utilization) * seconds)


def test_measured_watts_go_first_then_constant_watts_then_the_law() -> None:
    measured = replace(VISION, latency={"any": replace(TABLE, busy_power=111.0)})
    constant = replace(CHIP, busy_power=150.0)
    for row, model, watts in ((constant, measured, 111), (constant, MEASURED, 150)):
        made = single_pass_replica(row, model, precision="bf16", max_batch=8)
        assert made.energy[1:] == pytest.approx(watts * made.latency[1:])


def test_unknown_utilization_counts_as_full() -> None:
    model = replace(MEASURED, flops_per_pass=0.0)
    made = single_pass_replica(CHIP, model, precision="bf16", max_batch=2)
    assert made.energy[1] == pytest.approx(200 * 0.004)
    assert single_pass_replica(CHIP, MEASURED, precision="fp8", max_batch=1).peak_flops == 0


def test_a_queue_from_a_textbook_needs_four_figures() -> None:
    server = Accelerator(name="server", kind="gpu", memory=1e9, idle_power=60.0, peak_power=400.0, busy_power=400.0)
    unit = Model(name="unit", kind="single_pass", latency={"any": LatencyTable((1,), (1.0,))})
    made = single_pass_replica(server, unit, precision="bf16", max_batch=1)
    assert (made.latency[1], made.energy[1], made.resident_power) == (1.0, 400.0, 60.0)


def test_an_fpga_runs_only_what_was_measured_on_it() -> None:
    fpga = replace(CHIP, kind="fpga")
    assert single_pass_replica(fpga, MEASURED, precision="int8", max_batch=2).latency[2] == 0.004
    with pytest.raises(MissingFigure, match="FPGA"):
        single_pass_replica(fpga, VISION, precision="bf16", max_batch=1)


def test_weights_beyond_memory_are_refused() -> None:
    with pytest.raises(DoesNotFit, match="does not fit on 1 x chip"):
        single_pass_replica(CHIP, replace(VISION, parameters=9e9), precision="bf16", max_batch=1)


def test_a_binding_cap_slows_a_measured_pass() -> None:
    capped = replace(CHIP, power_cap=100.0)
    made = single_pass_replica(capped, MEASURED, precision="bf16", max_batch=2)
    assert made.latency[2] == pytest.approx(0.004 / (30 / 130) ** 0.5)
    assert made.energy[2] <= 100 * made.latency[2] * (1 + 1e-12)
