"""What fits, and what a replica says when it does not."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.catalog.rows import Accelerator, Efficiency, Model, UtilizationPower
from sim.hardware import DoesNotFit, MissingFigure, UnsupportedPrecision, fit, generative_replica
from sim.hardware.memory import kv_bytes_per_token

H100 = Accelerator(
    name="H100-SXM",
    kind="gpu",
    memory=80e9,
    idle_power=72.0,
    peak_power=700.0,
    peak_flops={"bf16": 989e12, "fp8": 1979e12},
    memory_bandwidth=3350e9,
    interconnect_bandwidth=900e9,
    power_law=UtilizationPower(0.54, 0.17, 1.75),
    efficiency=Efficiency(0.86, 0.34, 0.6, 0.0019, 0.02, 12.7e-6, 339e9),
)
LLAMA_70B = Model(
    name="Llama-3.1-70B",
    kind="generative",
    parameters=70553706496,
    active_parameters=70553706496,
    layers=80,
    hidden=8192,
    heads=64,
    kv_heads=8,
    head_dim=128,
    kv_values_per_token=2 * 80 * 8 * 128,
    attention_flops_per_token=4 * 80 * 8192,
)


def test_llama_70b_on_h100() -> None:
    """141.1 GB of bf16 weights: one H100 cannot hold them, four leave room for 400 k tokens of 327,680 B."""
    one, two, four = (fit(H100, LLAMA_70B, tensor=g, precision="bf16") for g in (1, 2, 4))
    assert one.weights == pytest.approx(141.1e9, rel=1e-3)
    assert not one.fits
    assert one.kv_capacity == 0
    assert 0 <= two.kv_capacity < 9000
    expected = (four.available - four.weights - four.activations) / 327_680
    assert expected - 16 < four.kv_capacity <= expected
    assert four.available == pytest.approx(288e9)
    assert 380_000 < four.kv_capacity < 450_000


def test_fp8_halves_weights_and_keeps_the_cache_in_16_bits() -> None:
    bf16, fp8 = (fit(H100, LLAMA_70B, tensor=4, precision=p) for p in ("bf16", "fp8"))
    assert fp8.weights == bf16.weights / 2
    gained = (fp8.kv_capacity - bf16.kv_capacity) * 327_680
    assert gained == pytest.approx(bf16.weights / 2, rel=1e-4)


def test_heads_are_repeated_beyond_their_number() -> None:
    """With 16 accelerators and 8 KV heads each token is held twice."""
    sixteen = fit(H100, LLAMA_70B, tensor=16, precision="bf16")
    expected = (sixteen.available - sixteen.weights - sixteen.activations) / (2 * 327_680)
    assert expected - 16 < sixteen.kv_capacity <= expected


def test_a_latent_cache_is_repeated_on_every_accelerator() -> None:
    """DeepSeek-V3: 61 layers x (512 + 64) values, whatever its 128 heads."""
    latent = replace(LLAMA_70B, layers=61, kv_heads=128, kv_values_per_token=61 * 576)
    assert kv_bytes_per_token(latent, 8, "bf16") == 8 * 61 * 576 * 2
    assert kv_bytes_per_token(LLAMA_70B, 8, "bf16") == 327_680


@given(st.sampled_from([1, 2, 4, 8]), st.sampled_from([1, 8, 16, 64]), st.floats(0.5, 1))
def test_capacity_is_whole_blocks_within_memory(tensor: int, block_size: int, utilization: float) -> None:
    found = fit(H100, LLAMA_70B, tensor=tensor, precision="fp8", block_size=block_size, memory_utilization=utilization)
    assert found.kv_capacity % block_size == 0
    assert found.fits == (found.kv_capacity > 0)
    if found.fits:
        assert found.weights + found.activations + found.kv_capacity * 327_680 <= found.available


def test_the_error_says_what_is_needed_and_what_would_fit() -> None:
    with pytest.raises(DoesNotFit, match=r"bf16 does not fit on 1 x H100-SXM.*14\d\.\d GB.*72\.0 GB.*parallelism 2"):
        generative_replica(H100, LLAMA_70B, tensor=1, precision="bf16", max_batch=8)
    with pytest.raises(DoesNotFit, match="parallelism 8"):
        generative_replica(replace(H100, slices=(1, 8)), LLAMA_70B, tensor=1, precision="bf16", max_batch=8)


def test_a_replica_carries_its_figures() -> None:
    made = generative_replica(H100, LLAMA_70B, tensor=4, precision="fp8", max_batch=8)
    assert made.accelerators == 4
    assert made.resident_power == 288
    assert made.peak_flops == 4 * 1979e12
    assert made.flops_per_token == 2 * 70553706496
    assert made.request_overhead == 0.02
    assert made.kv_capacity % made.block_size == 0
    resident = replace(H100, resident_power=117.0)
    assert generative_replica(resident, LLAMA_70B, tensor=4, precision="fp8", max_batch=1).resident_power == 468


def test_what_is_unknown_is_an_error() -> None:
    a100 = replace(H100, name="A100", peak_flops={"bf16": 312e12})
    with pytest.raises(UnsupportedPrecision, match=r"A100 does not support precision fp8 \(supported: bf16\)"):
        generative_replica(a100, LLAMA_70B, tensor=4, precision="fp8", max_batch=1)
    with pytest.raises(MissingFigure, match="FPGA"):
        generative_replica(replace(H100, kind="fpga"), LLAMA_70B, tensor=4, precision="bf16", max_batch=1)
    with pytest.raises(MissingFigure, match="efficiency"):
        generative_replica(replace(H100, efficiency=None), LLAMA_70B, tensor=4, precision="bf16", max_batch=1)
    assert H100.efficiency is not None
    loose = replace(H100, interconnect_bandwidth=None, efficiency=replace(H100.efficiency, all_reduce_bandwidth=None))
    with pytest.raises(MissingFigure, match="links"):
        generative_replica(loose, LLAMA_70B, tensor=4, precision="bf16", max_batch=1)
