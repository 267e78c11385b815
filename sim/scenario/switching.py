"""Several single-pass models on the replicas of a service: which is served next, and how long loading takes."""

from typing import Literal, Self

from pydantic import model_validator

from sim.scenario.base import Node, fail
from sim.scenario.quantities import Duration, PositiveDuration


class Switching(Node):
    """How a replica changes from one model to another.

    `first_come`: the model of the request that has waited longest is served next. `exhaust`: the one that is loaded,
    while any of its requests waits, unless one of another model has waited longer than `max_wait`. Either way a higher
    priority goes first.
    """

    time: PositiveDuration | None = None
    """To load a model; None: as the catalog says (an FPGA's configuration, or weights over the link to the host)."""
    rule: Literal["exhaust", "first_come"] = "exhaust"
    max_wait: Duration | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.max_wait is not None and self.rule != "exhaust":
            fail("`max_wait` is for the rule `exhaust`", "max_wait", "leave it out: first_come lets nobody wait longer")
        return self
