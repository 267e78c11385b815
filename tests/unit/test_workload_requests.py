"""Requests of a service: the same in any blocks, unmoved by other services, with the lengths of their preset."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim import catalog
from sim.scenario.distributions import Quantiles
from sim.scenario.requests import Lengths, Requests
from sim.workload.blocks import RequestBlock
from sim.workload.distributions import mean, sampler
from sim.workload.lengths import length_distributions, whole_tokens
from sim.workload.requests import RequestSource, request_source
from sim.workload.streams import stream

COX = {"process": "cox", "rate": "6/s", "rate_cv": 0.227, "correlation_time": "296 s"}
LENGTHS = {"prompt": {"lognormal": {"median": 300, "sigma": 1.2}}, "output": {"exponential": {"mean": 2}}}


def described(**keys: Any) -> Requests:
    return Requests.model_validate({"arrivals": COX, **keys})


def source(requests: Requests, until: float = 600.0, name: str = "chat", **keys: Any) -> RequestSource:
    return request_source(name, requests, **{"seed": 1, "folder": Path(), "until": until, **keys})


def everything(requests: RequestSource) -> RequestBlock:
    blocks = [requests.next_block()]
    while len(blocks[-1].arrival):
        blocks.append(requests.next_block())
    return RequestBlock(*(np.concatenate(columns) for columns in zip(*blocks, strict=True)))


def same(first: RequestBlock, second: RequestBlock) -> bool:
    return all(a.tobytes() == b.tobytes() and a.dtype == b.dtype for a, b in zip(first, second, strict=True))


@pytest.mark.parametrize("block_size", [1, 7, 65536])
def test_any_block_size_gives_the_same_requests(block_size: int) -> None:
    requests = described(lengths=LENGTHS, work={"gamma": {"mean": 1, "scv": 2}})
    whole = everything(source(requests))
    assert 1000 < len(whole.arrival) < 10000
    assert same(everything(source(requests, block_size=block_size)), whole)


@given(block_size=st.integers(1, 5000), seed=st.integers(0, 2**63))
@settings(max_examples=15, deadline=None)
def test_any_block_size_and_seed(block_size: int, seed: int) -> None:
    requests = described(lengths=LENGTHS)
    assert same(*(everything(source(requests, 200.0, seed=seed, block_size=size)) for size in (block_size, 300)))


def test_another_service_has_draws_of_its_own() -> None:
    requests = described(lengths=LENGTHS)
    chat, code = everything(source(requests)), everything(source(requests, name="code"))
    assert not np.array_equal(chat.arrival[:100], code.arrival[:100])
    assert not np.array_equal(chat.prompt_tokens[:100], code.prompt_tokens[:100])


def test_a_changed_rate_or_length_leaves_the_other_draws() -> None:
    base = everything(source(described(lengths=LENGTHS)))
    faster = everything(source(described(lengths=LENGTHS, arrivals={**COX, "rate": "9/s"})))
    n = min(len(base.arrival), len(faster.arrival))
    assert np.array_equal(base.prompt_tokens[:n], faster.prompt_tokens[:n])
    longer = everything(source(described(lengths={**LENGTHS, "prompt": 4000})))
    assert np.array_equal(base.arrival, longer.arrival)
    assert np.array_equal(base.output_tokens, longer.output_tokens)


@pytest.mark.parametrize(("rate", "expected"), [("1/h", 256), ("12/s", 7200), ("1e6/s", 65536)])
def test_blocks_are_sized_by_rate(rate: str, expected: int) -> None:
    assert source(described(arrivals={"process": "poisson", "rate": rate})).block_size == expected


def test_requests_without_lengths() -> None:
    requests = source(described(work={"exponential": {"mean": 1}}))
    block = everything(requests)
    assert not requests.has_lengths
    assert not block.prompt_tokens.any()
    assert not block.output_tokens.any()
    assert abs(block.work.mean() - 1) <= 4 / math.sqrt(len(block.work))
    assert (everything(source(described())).work == 1).all()


def test_tokens_are_whole_and_at_least_one() -> None:
    rounded = whole_tokens(np.array([0.0, 0.49, 1.49, 1.5, 2.5, 1e300, math.inf]))
    assert rounded.tolist() == [1, 1, 1, 2, 3, 2**53, 2**53]
    assert rounded.dtype == np.int64


@pytest.mark.parametrize(
    ("preset", "prompt", "output"),
    [
        # Means of the published traces themselves; a grid of some thirty quantiles comes within 2 %.
        ("azure-conv-2023", 1154.70, 211.13),
        ("azure-code-2023", 2047.85, 27.88),
        ("sharegpt-8k", 2340.03, 438.71),
    ],
)
def test_presets_reproduce_the_means_of_their_traces(preset: str, prompt: float, output: float) -> None:
    block = everything(source(described(lengths=preset), until=30000.0))
    for tokens, published in ((block.prompt_tokens, prompt), (block.output_tokens, output)):
        assert abs(tokens.mean() - published) <= 0.02 * published + 4 * tokens.std() / math.sqrt(len(tokens))


def test_every_preset_with_lengths_draws_its_own_mean() -> None:
    presets = [name for name, workload in catalog.workloads().items() if workload.prompt and workload.output]
    assert presets
    for name in presets:
        for distribution in length_distributions(name):
            assert isinstance(distribution, Quantiles)
            values = sampler(distribution, stream(1, name)).draw(100_000)
            assert abs(values.mean() - mean(distribution)) <= 4 * values.std() / math.sqrt(len(values))


def test_a_preset_without_lengths_is_an_error() -> None:
    names = [name for name, workload in catalog.workloads().items() if not (workload.prompt and workload.output)]
    if not names:
        pytest.skip("every preset of the catalog has lengths")
    with pytest.raises(ValueError, match=names[0]):
        length_distributions(names[0])


def test_own_lengths_are_used_as_they_are() -> None:
    own = Lengths.model_validate(LENGTHS)
    assert length_distributions(own) == (own.prompt, own.output)
