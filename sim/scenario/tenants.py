"""Who shares the fleet: the weight of each tenant, and how much of each pool it may hold."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from sim.scenario.base import Node, PoolName
from sim.scenario.quantities import Positive


class Tenant(Node):
    """One tenant. A pool without a quota may be held whole."""

    weight: Positive = 1.0
    """Its share of what is contended for, relative to those of others."""
    quota: Mapping[PoolName, Annotated[int, Field(ge=0)]] = Field(default_factory=dict)
    """The most accelerators that it holds at a time, by pool."""
