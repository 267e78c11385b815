"""Replicas of a service: in which pools they lie, how many there are, and which of them takes a request."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Discriminator, Field, Tag, ValidationInfo, field_validator, model_validator

from sim.catalog.rows import Precision
from sim.policies import registry
from sim.scenario.base import Node, PoolName, check_known, context_of, fail, unset
from sim.scenario.policies import OWN
from sim.scenario.quantities import found

PRECISIONS: tuple[Precision, ...] = ("bf16", "fp8", "int8", "fp32")
"""In order of preference: a service that names none takes the first that its accelerator supports."""


class Parallelism(Node):
    """How many accelerators make a replica."""

    later_keys: ClassVar = frozenset({"pipeline", "expert"})
    tensor: int = Field(default=1, ge=1)


class Replicas(Node):
    """How many replicas there are at the start, at least and at most; a bare number is all three."""

    initial: int = Field(ge=0)
    min: int = Field(default_factory=unset, validate_default=True, ge=0)
    max: int = Field(default_factory=unset, validate_default=True, ge=1)

    @property
    def change(self) -> bool:
        """Whether replicas may come and go during a run."""
        return self.min < self.max

    @field_validator("min", "max", mode="before")
    @classmethod
    def _as_initial(cls, value: Any, info: ValidationInfo) -> Any:
        return info.data.get("initial", 1) if value is None else value

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not self.min <= self.initial <= self.max:
            fail("`initial` must lie between `min` and `max`", "initial")
        return self


class OfPool(Node):
    """How the replicas of a service look in one of its pools, where that differs."""

    later_keys: ClassVar = frozenset({"pipeline", "expert"})
    parallelism: Parallelism | None = None
    precision: Precision | None = None
    replicas: int | None = Field(default=None, ge=1)


PoolList = Annotated[tuple[PoolName, ...], Field(strict=False, min_length=1), Tag("name")]
PoolMap = Annotated[Mapping[PoolName, OfPool], Field(min_length=1), Tag("map")]
PoolsOfService = Annotated[
    PoolList | PoolMap, Discriminator(lambda pools: "map" if isinstance(pools, Mapping) else "name")
]


class ReplicaGroup(Node):
    """Replicas that do the same."""

    pools: PoolsOfService
    """In order of preference: a list, or a map where replicas differ by pool."""
    precision: Precision = Field(default_factory=unset, validate_default=True)
    parallelism: Parallelism = Parallelism.model_construct(tensor=1)
    replicas: Replicas = Field(default_factory=unset, validate_default=True)
    """`all` is resolved to the number that the pools have room for."""
    routing: str = "least_outstanding"
    """A rule by name, or a function of one's own by `package.module:function`."""

    @property
    def first_pool(self) -> str:
        """The pool that it prefers."""
        return next(iter(self.pools))

    def tensor_in(self, pool: str) -> int:
        """How many accelerators of a pool make a replica."""
        own = self.pools[pool].parallelism if isinstance(self.pools, Mapping) else None
        return (own or self.parallelism).tensor

    def tensor_key(self, pool: str) -> tuple[str, ...]:
        """Where that is said, below the service."""
        own = isinstance(self.pools, Mapping) and self.pools[pool].parallelism is not None
        return (*(("pools", pool) if own else ()), "parallelism", "tensor")

    def precision_in(self, pool: str) -> Precision:
        """In which precision its replicas in a pool hold the weights."""
        own = self.pools[pool].precision if isinstance(self.pools, Mapping) else None
        return own or self.precision

    def most_in(self, pool: str) -> int | None:
        """How many replicas a pool is to hold, where that is said."""
        return self.pools[pool].replicas if isinstance(self.pools, Mapping) else None

    @field_validator("pools", mode="before")
    @classmethod
    def _check_pools(cls, pools: Any) -> Any:
        return pools if isinstance(pools, dict) else check_pools(pools)

    @field_validator("precision", mode="before")
    @classmethod
    def _best_precision(cls, precision: Any, info: ValidationInfo) -> Any:
        if precision is not None:
            return precision
        peaks = [row.peak_flops for name in info.data.get("pools", ()) if (row := context_of(info).row_of_pool(name))]
        return next((name for name in PRECISIONS if all(name in peak for peak in peaks)), PRECISIONS[0])

    @field_validator("replicas", mode="before", json_schema_input_type=int | Literal["all"] | Replicas)
    @classmethod
    def _replicas(cls, replicas: Any, info: ValidationInfo) -> Any:
        pools = info.data.get("pools", ())
        by_pool = [each.replicas for each in pools.values() if each.replicas] if isinstance(pools, Mapping) else []
        if by_pool and len(by_pool) < len(pools):
            fail("some pools of this service say how many replicas they hold, others do not", hint="all, or none")
        if by_pool and replicas not in (None, {"initial": sum(by_pool), "min": sum(by_pool), "max": sum(by_pool)}):
            fail("`replicas` stand with the pools of this service", hint="leave them out here")
        if by_pool:
            return {"initial": sum(by_pool)}
        if replicas is None or replicas == "all":
            return {"initial": 1}
        if isinstance(replicas, dict):
            return replicas
        if not isinstance(replicas, int) or isinstance(replicas, bool) or replicas < 1:
            fail(f"expected a number of replicas, found {found(replicas)}", hint="or `all`, or {initial, min, max}")
        return {"initial": replicas}

    @field_validator("routing")
    @classmethod
    def _check_routing(cls, routing: str) -> str:
        return routing if OWN.fullmatch(routing) else check_known("routing", routing, registry.BUILT_IN["routing"])


def check_pools(pools: Any) -> Any:
    """Pools as a list of different names."""
    if isinstance(pools, dict):
        fail("a map of pools arrives in a later version", hint="a list such as [h100]")
    if isinstance(pools, str):
        fail(f"expected a list, found `{pools}`", hint=f"[{pools}]")
    if isinstance(pools, list) and len({str(name) for name in pools}) < len(pools):
        fail("a pool is named twice")
    return pools
