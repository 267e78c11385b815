"""Lengths of jobs that train a model on so many tokens."""

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple


class Physics(NamedTuple):
    """What is known of training the models of a scenario on its pools."""

    seconds_per_token: Callable[[str, str, int], float]
    """Of a model, on a pool, on so many accelerators."""
    least_gang: Callable[[str, str], int | None]
    """The accelerators of a pool that hold a model in training; None: no number does."""
    efficiency: Callable[[int], float]
    """Work of an accelerator among so many, relative to one that is alone."""


class Computed(NamedTuple):
    """How long a job takes (s), where, and on how many accelerators at least; `speed` is empty if it fits nowhere."""

    duration: float
    speed: Mapping[str, float]
    least: int


def computed(physics: Physics, pools: Iterable[str], model: str, tokens: float, gang: int) -> Computed:
    """Work out a job on a gang; its duration is that on the first pool that holds the model."""
    holding = {pool: least for pool in pools if (least := physics.least_gang(model, pool)) is not None}
    seconds = {
        pool: tokens * physics.seconds_per_token(model, pool, gang) for pool, least in holding.items() if gang >= least
    }
    first = next(iter(seconds.values()), 0.0)
    speed = {pool: first / each if each else 1.0 for pool, each in seconds.items()}
    return Computed(first, speed, max((holding[pool] for pool in seconds), default=1))
