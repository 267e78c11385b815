"""The smallest of ascending candidates that is met, where more never does worse."""

from collections.abc import Callable, Sequence
from typing import Protocol


class Judged(Protocol):
    """A candidate that has been judged."""

    @property
    def verdict(self) -> str:
        """`met`, or anything else."""


def smallest_met(values: Sequence[int], judge: Callable[[int], Judged], begin: int) -> int | None:
    """The smallest value whose verdict is `met`; None where the largest is not.

    From `begin` the search strides out, doubling each time, until two neighbours in its path differ, and halves the
    gap between them. `judge` is asked at most once for each value.
    """
    known: dict[int, bool] = {}

    def met(place: int) -> bool:
        if place not in known:
            known[place] = judge(values[place]).verdict == "met"
        return known[place]

    place, stride = values.index(begin), 1
    if met(place):
        good, bad = place, -1
        while good > 0:
            below = max(0, good - stride)
            if not met(below):
                bad = below
                break
            good, stride = below, 2 * stride
    else:
        good, bad = len(values), place
        while bad < len(values) - 1:
            above = min(len(values) - 1, bad + stride)
            if met(above):
                good = above
                break
            bad, stride = above, 2 * stride
        if good == len(values):
            return None
    while good - bad > 1:
        middle = (good + bad) // 2
        good, bad = (middle, bad) if met(middle) else (good, middle)
    return values[good]
