"""Watts of a busy accelerator and speed under a cap."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.catalog.rows import Accelerator, CapLaw, ExponentPower, Model, UtilizationPower
from sim.hardware import (
    CapTooLow,
    MissingFigure,
    UnsupportedPrecision,
    model_flops_utilization,
    training_power,
    training_speed,
    training_step_seconds,
)
from sim.hardware.power import busy_power, capped_speed

V100 = Accelerator(
    name="v100",
    kind="gpu",
    memory=32e9,
    idle_power=40.0,
    peak_power=250.0,
    peak_flops={"bf16": 125e12},
    power_law=ExponentPower(0.5),
    cap_law=CapLaw(share=0.90, floor=68.0, exponent=0.22),
)
SHARES = st.floats(0, 1)


@given(SHARES, SHARES, st.sampled_from([ExponentPower(0.2), ExponentPower(1.0), UtilizationPower(0.3, 0.7, 2.4)]))
def test_busy_watts_lie_between_idle_and_peak(memory: float, compute: float, law: ExponentPower) -> None:
    assert 40 <= busy_power(replace(V100, power_law=law), memory, compute) <= 250


def test_full_utilization_draws_the_peak() -> None:
    assert busy_power(V100, 1.0, 0.2) == 250
    assert busy_power(V100, 0.0, 0.0) == 40


@given(SHARES, SHARES, SHARES)
def test_watts_rise_with_utilization(memory: float, compute: float, more: float) -> None:
    higher = min(1.0, memory + more)
    assert busy_power(V100, higher, compute) >= busy_power(V100, memory, compute)


def test_unknown_watts_are_an_error() -> None:
    with pytest.raises(MissingFigure, match="busy_power"):
        busy_power(replace(V100, power_law=None), 1.0, 1.0)


def test_speed_under_a_cap_follows_the_published_form() -> None:
    """V100: share 0.90, floor 68 W, exponent 0.22 (fitted to Zeus)."""
    capped = replace(V100, power_cap=150.0)
    assert capped_speed(capped, 135.0) == 1.0
    assert capped_speed(capped, 220.0) == pytest.approx(((135 - 68) / (220 - 68)) ** 0.22)
    assert capped_speed(V100, 220.0) == 1.0


@given(st.floats(80, 249), st.floats(68, 225))
def test_speed_under_a_cap_lies_in_0_to_1_and_rises_with_the_cap(cap: float, busy: float) -> None:
    speed = capped_speed(replace(V100, power_cap=cap), busy)
    assert 0 < speed <= 1
    assert capped_speed(replace(V100, power_cap=cap + 20), busy) >= speed


def test_a_cap_below_the_floor_is_an_input_error() -> None:
    assert issubclass(CapTooLow, ValueError)
    with pytest.raises(CapTooLow, match="must be above 76 W"):
        capped_speed(replace(V100, power_cap=75.0), 200.0)


def test_a_binding_cap_without_a_law_is_an_error() -> None:
    bare = replace(V100, cap_law=None, power_cap=150.0)
    assert capped_speed(bare, 140.0) == 1.0
    with pytest.raises(MissingFigure, match="cap_law"):
        capped_speed(bare, 200.0)


def test_training_draws_and_slows_under_the_cap() -> None:
    row = replace(V100, training_power=210.0)
    assert training_power(row) == 210
    assert training_power(V100) == 250
    capped = replace(row, power_cap=150.0)
    assert training_power(capped) == pytest.approx(135)
    assert training_speed(capped) == pytest.approx(((135 - 68) / (210 - 68)) ** 0.22)


def test_training_utilization_meets_both_published_scales() -> None:
    """Llama 3 405B: 43 % of peak on 8,192 accelerators and 41 % on 16,384 (arXiv:2407.21783, table 4)."""
    assert model_flops_utilization(8192) == pytest.approx(0.43, abs=0.001)
    assert model_flops_utilization(16384) == pytest.approx(0.41, abs=0.001)


def test_a_training_step_is_six_flops_a_parameter_and_token() -> None:
    model = Model(name="m", kind="generative", parameters=1e9, active_parameters=1e9)
    seconds = training_step_seconds(V100, model, tokens=1e6, accelerators=8, small_scale=0.5, half_scale=1e30)
    assert seconds == pytest.approx(6e15 / (8 * 125e12 * 0.5))
    with pytest.raises(UnsupportedPrecision, match="bf16"):
        training_step_seconds(V100, model, tokens=1e6, accelerators=8, precision="fp8")
