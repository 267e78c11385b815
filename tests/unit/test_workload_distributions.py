"""Draws follow their distribution, and are the same numbers in blocks of any size."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.scenario.distributions import (
    BoundedPareto,
    Choice,
    Distribution,
    Erlang,
    Exponential,
    Fixed,
    Gamma,
    Hyperexponential,
    Lognormal,
    Quantiles,
    Uniform,
)
from sim.workload.distributions import largest, mean, sampler
from sim.workload.streams import stream

ALL: dict[str, Distribution] = {
    "number": 2.5,
    "fixed": Fixed[float](value=3.0),
    "exponential": Exponential[float](mean=2.0),
    "erlang": Erlang[float](k=3, mean=2.0),
    "gamma": Gamma[float](mean=2.0, scv=2.5),
    "hyperexponential": Hyperexponential[float](p=(0.9, 0.1), means=(0.5, 10.0)),
    "lognormal by median": Lognormal[float](median=2.0, sigma=0.8),
    "lognormal by mean": Lognormal[float](mean=2.0, scv=1.5),
    "bounded pareto": BoundedPareto[float](alpha=1.5, low=1.0, high=50.0),
    "bounded pareto of index 1": BoundedPareto[float](alpha=1.0, low=2.0, high=20.0),
    "uniform": Uniform[float](low=-1.0, high=5.0),
    "choice": Choice[float](weights={4.0: 0.5, 8.0: 0.3, 16.0: 0.2, 32.0: 0.0}),
    "quantiles": Quantiles[float](levels=(0.0, 0.5, 0.9, 1.0), values=(1.0, 3.0, 4.0, 20.0)),
}

# E[X^2], worked out by hand or by the textbook's formula.
SECOND_MOMENTS = {
    "exponential": 2 * 2.0**2,
    "erlang": 2.0**2 * (1 + 1 / 3),
    "gamma": 2.0**2 * 3.5,
    "hyperexponential": 0.9 * 2 * 0.25 + 0.1 * 2 * 100,
    "lognormal by median": 2.0**2 * math.exp(2 * 0.8**2),
    "lognormal by mean": 2.0**2 * 2.5,
    "bounded pareto": 1.5 / 0.5 * (50**0.5 - 1) / (1 - 50**-1.5),
    "bounded pareto of index 1": 2 * 20.0,
    "uniform": 7.0,
    "choice": 0.5 * 16 + 0.3 * 64 + 0.2 * 256,
    "quantiles": 0.5 * (1 + 3 + 9) / 3 + 0.4 * (9 + 12 + 16) / 3 + 0.1 * (16 + 80 + 400) / 3,
}


@pytest.mark.parametrize("name", ALL)
@given(sizes=st.lists(st.integers(1, 40), min_size=1, max_size=8))
@settings(max_examples=25, deadline=None)
def test_any_chunking_gives_the_same_bits(name: str, sizes: list[int]) -> None:
    whole = sampler(ALL[name], stream(3, name)).draw(sum(sizes))
    chunked = sampler(ALL[name], stream(3, name))
    assert np.concatenate([chunked.draw(size) for size in sizes]).tobytes() == whole.tobytes()


@pytest.mark.parametrize("name", SECOND_MOMENTS)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_first_and_second_moment(name: str, seed: int) -> None:
    values = sampler(ALL[name], stream(seed, name)).draw(200_000)
    for power, expected in ((1, mean(ALL[name])), (2, SECOND_MOMENTS[name])):
        error = np.std(values**power) / math.sqrt(len(values))
        assert abs(np.mean(values**power) - expected) <= 4 * error


@pytest.mark.parametrize("name", ALL)
def test_nothing_exceeds_the_largest_value(name: str) -> None:
    values = sampler(ALL[name], stream(4, name)).draw(100_000)
    assert values.max() <= largest(ALL[name]) * (1 + 1e-12)
    if math.isfinite(largest(ALL[name])):
        assert values.max() >= 0.9 * largest(ALL[name])


def test_a_value_of_no_weight_is_never_drawn() -> None:
    values = sampler(ALL["choice"], stream(5)).draw(50_000)
    assert set(values) == {4.0, 8.0, 16.0}


def test_quantiles_are_met() -> None:
    values = sampler(ALL["quantiles"], stream(6)).draw(200_000)
    for value, level in ((2.0, 0.25), (3.0, 0.5), (4.0, 0.9), (12.0, 0.95)):
        assert abs(np.mean(values <= value) - level) <= 4 * math.sqrt(level * (1 - level) / len(values))


@pytest.mark.parametrize("spec", [Lognormal[float](median=0.0, sigma=1.0), Lognormal[float](mean=0.0, scv=1.0)])
def test_a_lognormal_of_scale_zero_is_zero(spec: Lognormal[float]) -> None:
    assert not sampler(spec, stream(7)).draw(10).any()
    assert mean(spec) == 0
