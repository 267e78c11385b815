"""Functions that are affine in the tokens of the KV cache, and the cuts between them."""

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import NamedTuple


class Affine(NamedTuple):
    """`fixed + per_token * tokens`."""

    fixed: float
    per_token: float

    def at(self, tokens: float) -> float:
        """Give the value with so many tokens held."""
        return self.fixed + self.per_token * tokens

    def scaled(self, factor: float) -> "Affine":
        """Multiply the function by a factor."""
        return Affine(self.fixed * factor, self.per_token * factor)

    def plus(self, other: "Affine") -> "Affine":
        """Add another function."""
        return Affine(self.fixed + other.fixed, self.per_token + other.per_token)


def chord(function: Callable[[float], float], low: float, high: float) -> Affine:
    """Draw the affine function that meets `function` at both ends."""
    slope = (function(high) - function(low)) / (high - low)
    return Affine(function(low) - slope * low, slope)


def envelope(
    first: Affine, second: Affine, start: float, end: float, choose: Callable[[float, float], float]
) -> Iterator[tuple[float, float, Affine]]:
    """Take the larger or smaller (`choose` is max or min) of two functions on [start, end], cut where they cross."""
    cuts = [start, end]
    if first.per_token != second.per_token:
        crossing = (second.fixed - first.fixed) / (first.per_token - second.per_token)
        if start < crossing < end:
            cuts.insert(1, crossing)
    for low, high in pairwise(cuts):
        middle = (low + high) / 2
        value = first.at(middle)
        yield low, high, first if value == choose(value, second.at(middle)) else second
