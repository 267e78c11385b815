"""The iteration table and the prefill law against the law they stand for, written here a second time."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.catalog.rows import Accelerator, CapLaw, Efficiency, ExponentPower, Model, UtilizationPower
from sim.hardware import (
    CapTooLow,
    GenerativeReplica,
    generative_replica,
    iteration_joules,
    iteration_seconds,
    prefill_joules,
    prefill_seconds,
)
from sim.hardware.iteration import weights_read
from sim.hardware.tables import NO_LIMIT

EFFICIENCY = Efficiency(
    memory=0.8,
    decode_compute=0.3,
    prefill_compute=0.6,
    step_overhead=0.002,
    request_overhead=0.01,
    all_reduce_latency=1e-5,
    all_reduce_bandwidth=3e11,
)
GPU = Accelerator(
    name="gpu",
    kind="gpu",
    memory=80e9,
    idle_power=70.0,
    peak_power=700.0,
    peak_flops={"bf16": 989e12, "fp8": 1979e12},
    memory_bandwidth=3350e9,
    interconnect_bandwidth=900e9,
    power_law=UtilizationPower(0.54, 0.17, 1.75),
    cap_law=CapLaw(0.9, 150.0, 0.22),
    efficiency=EFFICIENCY,
)
DENSE = Model(
    name="dense-8b",
    kind="generative",
    parameters=8.03e9,
    active_parameters=8.03e9,
    layers=32,
    hidden=4096,
    heads=32,
    kv_heads=8,
    head_dim=128,
    kv_values_per_token=65536,
    attention_flops_per_token=524288,
)
LAWS = (
    UtilizationPower(0.54, 0.17, 1.75),
    UtilizationPower(0.19, 0.99, 4.45),
    UtilizationPower(0.30, 0.51, 3.46),
    ExponentPower(0.3),
    ExponentPower(0.7),
    ExponentPower(1.0),
)
SLOW_COMPUTE = replace(EFFICIENCY, decode_compute=0.004)
SLOW_PEERS = replace(EFFICIENCY, all_reduce_latency_per_peer=1e-5)


def replica(accelerator: Accelerator = GPU, model: Model = DENSE, tensor: int = 1) -> GenerativeReplica:
    return generative_replica(accelerator, model, tensor=tensor, precision="bf16", max_batch=64)


def direct_time(accelerator: Accelerator, tensor: int, batch: int, tokens: float) -> tuple[float, float, float]:
    """Seconds, bytes and FLOPs of an iteration of DENSE, from the formula."""
    efficiency = accelerator.efficiency
    assert efficiency is not None
    assert accelerator.memory_bandwidth is not None
    read = 2 * DENSE.parameters + 2 * 65536 * tensor / min(tensor, 8) * tokens
    computed = 2 * DENSE.active_parameters * batch + 4 * 32 * 4096 * tokens
    seconds = max(
        read / (tensor * accelerator.memory_bandwidth * efficiency.memory),
        computed / (tensor * 989e12 * efficiency.decode_compute),
    )
    if tensor > 1:
        moved = 2 * (tensor - 1) / tensor * batch * 4096 * 2
        latency = efficiency.all_reduce_latency + (tensor - 1) * efficiency.all_reduce_latency_per_peer
        seconds += 2 * 32 * (latency + moved / 3e11)
    return seconds + efficiency.step_overhead, read, computed


def direct_energy(accelerator: Accelerator, tensor: int, batch: int, tokens: float) -> float:
    seconds, read, computed = direct_time(accelerator, tensor, batch, tokens)
    memory = read / (tensor * 3350e9 * seconds)
    compute = computed / (tensor * 989e12 * seconds)
    law = accelerator.power_law
    if isinstance(law, UtilizationPower):
        watts = 700 * min(1, law.base + law.memory * memory + law.compute * compute)
    else:
        assert law is not None
        watts = 70 + 630 * max(memory, compute) ** law.exponent
    return tensor * watts * seconds


@settings(deadline=None, max_examples=60)
@given(
    st.sampled_from(LAWS),
    st.sampled_from([EFFICIENCY, SLOW_COMPUTE, SLOW_PEERS]),
    st.sampled_from([1, 2, 8, 16]),
    st.lists(st.tuples(st.integers(1, 64), st.floats(0, 1)), min_size=1, max_size=20),
)
def test_the_table_is_the_law(
    law: UtilizationPower | ExponentPower, efficiency: Efficiency, tensor: int, points: list[tuple[int, float]]
) -> None:
    accelerator = replace(GPU, power_law=law, efficiency=efficiency)
    made = replica(accelerator, tensor=tensor)
    tolerance = 1e-12 if isinstance(law, UtilizationPower) else 0.02
    for batch, share in points:
        tokens = int(share * made.kv_capacity)
        seconds, _, _ = direct_time(accelerator, tensor, batch, tokens)
        assert iteration_seconds(made, batch, tokens) == pytest.approx(seconds, rel=1e-12)
        expected = direct_energy(accelerator, tensor, batch, tokens)
        assert iteration_joules(made, batch, tokens) == pytest.approx(expected, rel=tolerance)


def test_exponent_energies_err_under_two_percent_everywhere() -> None:
    worst = 0.0
    for law in LAWS[3:]:
        for efficiency in (EFFICIENCY, replace(EFFICIENCY, decode_compute=0.02), SLOW_COMPUTE):
            accelerator = replace(GPU, power_law=law, efficiency=efficiency)
            made = replica(accelerator, tensor=8)
            for batch in (1, 7, 64):
                for tokens in np.linspace(0, made.kv_capacity, 101).astype(int):
                    exact = direct_energy(accelerator, 8, batch, int(tokens))
                    worst = max(worst, abs(iteration_joules(made, batch, int(tokens)) / exact - 1))
    assert worst < 0.02


@pytest.mark.parametrize("law", LAWS)
def test_pieces_are_ordered_and_meet_at_their_cuts(law: UtilizationPower | ExponentPower) -> None:
    made = replica(replace(GPU, power_law=law, efficiency=SLOW_COMPUTE))
    table = made.iteration
    for batch in range(1, 65):
        until = table.until[batch]
        assert until[-1] == NO_LIMIT
        assert np.all(np.diff(until[until < NO_LIMIT]) > 0)
        for column in np.flatnonzero(until < NO_LIMIT):
            cut = int(until[column])
            for fixed, slope in (
                (table.time_fixed, table.time_per_token),
                (table.energy_fixed, table.energy_per_token),
            ):
                left = fixed[batch, column] + slope[batch, column] * cut
                right = fixed[batch, column + 1] + slope[batch, column + 1] * cut
                step = abs(slope[batch, column] - slope[batch, column + 1])
                assert abs(left - right) <= step + 1e-12 * right


def test_the_cut_is_the_first_whole_token_of_the_next_piece() -> None:
    """With attention dear enough, an iteration that was bound by memory becomes bound by compute as the cache fills."""
    model = replace(DENSE, attention_flops_per_token=3e7)
    accelerator = replace(GPU, power_law=None, busy_power=500.0)
    table = replica(accelerator, model).iteration
    memory, compute = 3350e9 * 0.8, 989e12 * 0.3
    batch = 8
    crossing = (2 * 8.03e9 / memory - 2 * 8.03e9 * batch / compute) / (3e7 / compute - 131072 / memory)
    cut = math.ceil(crossing)
    assert cut > 0
    assert table.until[batch].tolist() == [cut, NO_LIMIT, NO_LIMIT, NO_LIMIT]
    for tokens, column in ((cut - 1, 0), (cut, 1)):
        both = [table.time_fixed[batch, c] + table.time_per_token[batch, c] * tokens for c in (0, 1)]
        assert both[column] == max(both)


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 63), st.integers(0, 300_000), st.sampled_from([1, 4]), st.sampled_from(LAWS))
def test_time_and_energy_rise_with_the_batch_and_with_the_tokens(
    batch: int, tokens: int, tensor: int, law: UtilizationPower | ExponentPower
) -> None:
    made = replica(replace(GPU, power_law=law), tensor=tensor)
    for read in (iteration_seconds, iteration_joules):
        here = read(made, batch, tokens)
        assert read(made, batch + 1, tokens) >= here * (1 - 1e-12)
        assert read(made, batch, tokens + 50_000) > here


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 64), st.integers(0, 300_000), st.sampled_from(LAWS[:3]))
def test_mean_watts_lie_between_base_and_limit(batch: int, tokens: int, law: UtilizationPower) -> None:
    for cap in (None, 500.0):
        made = replica(replace(GPU, power_law=law, power_cap=cap))
        watts = iteration_joules(made, batch, tokens) / iteration_seconds(made, batch, tokens)
        assert min(700 * law.base, cap or 700) * (1 - 1e-9) <= watts <= (cap or 700) * (1 + 1e-9)


def test_busy_power_is_constant() -> None:
    made = replica(replace(GPU, busy_power=432.0), tensor=2)
    for batch, tokens in ((1, 10), (64, 200_000)):
        assert iteration_joules(made, batch, tokens) == pytest.approx(864 * iteration_seconds(made, batch, tokens))


@settings(deadline=None, max_examples=60)
@given(st.lists(st.integers(1, 20_000), min_size=1, max_size=8), st.sampled_from([1, 4, 16]))
def test_prefill_is_the_law_with_attention_within_each_prompt(prompts: list[int], tensor: int) -> None:
    made = replica(tensor=tensor)
    total = sum(prompts)
    read = 2 * 8.03e9 + 131072 * tensor / min(tensor, 8) * total
    computed = 2 * 8.03e9 * total + 4 * 32 * 4096 * sum(c * c / 2 for c in prompts)
    seconds = max(read / (tensor * 3350e9 * 0.8), computed / (tensor * 989e12 * 0.6)) + 0.002
    if tensor > 1:
        seconds += 2 * 32 * (1e-5 + 2 * (tensor - 1) / tensor * total * 4096 * 2 / 3e11)
    assert prefill_seconds(made, prompts) == pytest.approx(seconds, rel=1e-12)
    u_memory, u_compute = read / (tensor * 3350e9 * seconds), computed / (tensor * 989e12 * seconds)
    watts = 700 * min(1, 0.54 + 0.17 * u_memory + 1.75 * u_compute)
    assert prefill_joules(made, prompts) == pytest.approx(tensor * watts * seconds, rel=1e-12)


def test_under_an_exponent_law_a_prefill_draws_what_a_512_token_prompt_draws() -> None:
    made = replica(replace(GPU, power_law=ExponentPower(0.5)))
    computed = 2 * 8.03e9 * 512 + 524288 * 512**2 / 2
    seconds = prefill_seconds(made, [512])
    watts = 70 + 630 * (computed / (989e12 * seconds)) ** 0.5
    for prompts in ([512], [5000], [100, 200]):
        assert prefill_joules(made, prompts) == pytest.approx(watts * prefill_seconds(made, prompts), rel=1e-12)


def test_a_prompt_split_in_two_is_never_dearer_than_whole() -> None:
    made = replica()
    assert prefill_seconds(made, [4000, 4000]) < prefill_seconds(made, [8000])


def test_a_cap_slows_computing_and_leaves_decode_alone() -> None:
    free, capped = replica(), replica(replace(GPU, power_cap=400.0))
    assert iteration_seconds(capped, 1, 1000) == iteration_seconds(free, 1, 1000)
    assert prefill_seconds(capped, [8000]) > 1.05 * prefill_seconds(free, [8000])
    assert prefill_joules(capped, [8000]) < prefill_joules(free, [8000])


def test_a_cap_under_the_floor_is_refused() -> None:
    with pytest.raises(CapTooLow, match="must be above 167 W"):
        replica(replace(GPU, power_cap=160.0))


def test_experts_read_run_from_the_active_ones_to_all() -> None:
    mixture = replace(DENSE, parameters=46.7e9, experts=8, experts_active=2, expert_parameters=45e9)
    shared = 46.7e9 - 45e9
    assert weights_read(mixture, 1) == pytest.approx(shared + 45e9 * 2 / 8)
    assert weights_read(mixture, 2) == pytest.approx(shared + 45e9 * (1 - 0.75**2))
    assert weights_read(mixture, 500) == pytest.approx(46.7e9)
    assert weights_read(DENSE, 1) == DENSE.parameters
