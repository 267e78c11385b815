"""What those who send requests do besides waiting: losing patience, trying again, sessions and closed loops."""

from typing import Literal

from pydantic import Field

from sim.scenario.base import Node
from sim.scenario.distributions import CountDistribution, DurationDistribution
from sim.scenario.quantities import AtLeastOne


class Retries(Node):
    """A request that is turned away, times out or is abandoned comes back, at most `attempts` times more.

    Each request has a delay of its own, which is multiplied by `backoff` after every attempt.
    """

    attempts: int = Field(ge=1, le=1000)
    delay: DurationDistribution
    backoff: AtLeastOne = 1.0


class Sessions(Node):
    """An arrival is the first of several turns: when one is answered, its client thinks and sends the next.

    With `history` the prompt of a turn begins with all tokens of the turns before (of a token model).
    """

    turns: CountDistribution
    think_time: DurationDistribution
    history: bool = True


class ClosedArrivals(Node):
    """A closed loop: each client thinks, sends a request, waits until it is answered or lost, and thinks again."""

    process: Literal["closed"]
    clients: int = Field(ge=1, le=10_000_000)
    think_time: DurationDistribution
