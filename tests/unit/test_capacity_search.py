"""The search finds the smallest candidate that is met, asking for each at most once and for few in all."""

import math
from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from analysis.capacity.search import smallest_met


@dataclass(frozen=True)
class Answer:
    verdict: str


@given(st.integers(1, 3000), st.data())
def test_finds_the_smallest_from_wherever_it_begins(size, data):
    threshold = data.draw(st.integers(0, size))
    begin = data.draw(st.integers(0, size - 1))
    values = range(10, 10 + 3 * size, 3)
    asked = []

    def judge(value):
        asked.append(value)
        return Answer("met" if value >= 10 + 3 * threshold else "not_met")

    found = smallest_met(values, judge, values[begin])
    assert found == (values[threshold] if threshold < size else None)
    assert len(asked) == len(set(asked))
    assert len(asked) <= 2 * math.log2(size + 1) + 3


def test_near_the_answer_few_are_asked():
    asked = []

    def judge(value):
        asked.append(value)
        return Answer("met" if value >= 500 else "undecided")

    assert smallest_met(range(1, 1001), judge, 501) == 500
    assert asked == [501, 500, 498, 499]
