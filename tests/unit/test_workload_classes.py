"""Classes of a service's requests: each draws for itself, and together they come in order of arrival."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.scenario.requests import RequestClasses
from sim.workload.blocks import RequestBlock, Source, in_order
from sim.workload.requests import request_source

POISSON = {"process": "poisson", "rate": "2/s"}
BATCHES = {"process": "batch", "rate": "3/s", "size": 4}
LENGTHS = {"prompt": {"lognormal": {"median": 300, "sigma": 1.2}}, "output": {"exponential": {"mean": 20}}}
SHORT = {"prompt": {"fixed": 10}, "output": {"fixed": 5}}
OWN = {"chat": {"arrivals": POISSON, "lengths": LENGTHS}, "batch": {"arrivals": BATCHES, "lengths": SHORT}}
SHARED = {
    "arrivals": {"process": "cox", "rate": "6/s", "rate_cv": 0.3, "correlation_time": "300 s"},
    "chat": {"share": 0.7, "lengths": LENGTHS},
    "batch": {"share": 0.3, "lengths": SHORT},
}


def source(classes: Any, **keys: Any) -> Source:
    requests = RequestClasses.model_validate(classes)
    return request_source("llm", requests, **{"seed": 1, "folder": Path(), "until": 600.0, **keys})


def everything(requests: Source) -> RequestBlock:
    blocks = [requests.next_block()]
    while len(blocks[-1].arrival):
        assert len(blocks[-1].arrival) <= requests.block_size
        blocks.append(requests.next_block())
    return RequestBlock._make(np.concatenate(column) for column in zip(*blocks, strict=True))


def of_class(requests: RequestBlock, number: int) -> RequestBlock:
    return RequestBlock._make(column[requests.class_number == number] for column in requests)


def same(first: RequestBlock, second: RequestBlock) -> bool:
    return all(a.tobytes() == b.tobytes() for a, b in zip(first[:4], second[:4], strict=True))


@pytest.mark.parametrize("classes", [OWN, SHARED, OWN | SHARED | {"more": {"arrivals": POISSON, "lengths": SHORT}}])
@given(block_size=st.integers(1, 3000))
@settings(max_examples=8, deadline=None)
def test_any_block_size_gives_the_same_requests_in_order(classes: Any, block_size: int) -> None:
    whole, pieces = everything(source(classes)), everything(source(classes, block_size=block_size))
    assert same(whole, pieces)
    assert np.array_equal(whole.class_number, pieces.class_number)
    assert same(whole, in_order([whole]))


def test_a_further_class_leaves_the_draws_of_the_others() -> None:
    before = everything(source(OWN))
    after = everything(source({**OWN, "more": {"arrivals": POISSON, "lengths": SHORT}}))
    for number in (0, 1):
        assert same(of_class(before, number), of_class(after, number))
    alone = everything(source({"chat": OWN["chat"]}))
    assert same(alone, of_class(before, 0))


def test_shares_divide_the_arrivals_and_leave_them_where_they_are() -> None:
    even = SHARED | {"chat": {"share": 0.5, "lengths": LENGTHS}, "batch": {"share": 0.5, "lengths": SHORT}}
    given_, halves = everything(source(SHARED, until=6000.0)), everything(source(even, until=6000.0))
    assert np.array_equal(given_.arrival, halves.arrival)
    for requests, share in ((given_, 0.7), (halves, 0.5)):
        n = len(requests.arrival)
        chats = np.count_nonzero(requests.class_number == 0)
        assert abs(chats - share * n) < 4 * np.sqrt(n * share * (1 - share))
    first = min(np.count_nonzero(each.class_number == 0) for each in (given_, halves))
    assert np.array_equal(of_class(given_, 0).prompt_tokens[:first], of_class(halves, 0).prompt_tokens[:first])
    assert set(of_class(given_, 1).prompt_tokens) == {10}
