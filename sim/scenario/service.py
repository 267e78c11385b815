"""Inference services: a model on replicas, how requests are batched and routed."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Discriminator, Field, Tag, ValidationInfo, field_validator, model_validator

from sim.catalog.rows import Precision
from sim.policies import registry
from sim.scenario.arrivals import TraceArrivals
from sim.scenario.base import Name, Node, PoolName, check_known, context_of, fail, later_tag, unset
from sim.scenario.policies import OWN
from sim.scenario.quantities import Duration, PositiveDuration, Share, found
from sim.scenario.requests import LIMITS, AnyRequests, Part, Slo, parts

PRECISIONS: tuple[Precision, ...] = ("bf16", "fp8", "int8", "fp32")
"""In order of preference: a service that names none takes the first that its accelerator supports."""

LARGEST_BATCH = 65_536
"""The laws of a replica are tabulated up to its largest batch."""


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


class ContinuousBatching(Node):
    """Sequences join and leave a running batch.

    `prioritized`: waiting prompts are prefilled first, whole. `chunked`: an iteration computes a token for each running
    sequence, and pieces of prompts beside them, up to `max_batched_tokens`.
    """

    policy: Literal["continuous"]
    prefill: Literal["prioritized", "chunked"] = "prioritized"
    max_batch_size: int = Field(default=256, ge=1, le=LARGEST_BATCH)
    max_batched_tokens: int = Field(default=8192, ge=1)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.prefill == "chunked" and self.max_batched_tokens < self.max_batch_size:
            fail("a full batch needs more tokens an iteration", "max_batched_tokens", "`max_batch_size` or more")
        return self


class DynamicBatching(Node):
    """A batch starts when it is full, or when its oldest request has waited `max_queue_delay`."""

    policy: Literal["dynamic"]
    max_batch_size: int = Field(ge=1, le=LARGEST_BATCH)
    max_queue_delay: Duration = 0.0


class NoBatching(Node):
    """One request at a time."""

    policy: Literal["none"]
    max_batch_size: Literal[1] = 1


Batching = ContinuousBatching | DynamicBatching | NoBatching
AnyBatching = Annotated[Annotated[Batching, Field(discriminator="policy")], later_tag("policy", "disaggregated")]


class KvCache(Node):
    """The KV cache of a replica of a token model, in blocks of `block_size` tokens.

    A sequence takes blocks as it grows. Where there are none left, the one admitted last is preempted: its cache is
    computed again (`recompute`) or moved to the host's memory and back (`swap`). With `none`, room for prompt and
    output is reserved before a request starts. `prefix_hit_rate` is the share of each prompt that is cached already.
    """

    memory_utilization: Share = 0.9
    block_size: int = Field(default=16, ge=1, le=65_536)
    prefix_hit_rate: float = Field(default=0.0, ge=0, le=1)
    preemption: Literal["recompute", "swap", "none"] = "recompute"


PoolList = Annotated[tuple[PoolName, ...], Field(strict=False, min_length=1), Tag("name")]
PoolMap = Annotated[Mapping[PoolName, OfPool], Field(min_length=1), Tag("map")]
PoolsOfService = Annotated[
    PoolList | PoolMap, Discriminator(lambda pools: "map" if isinstance(pools, Mapping) else "name")
]


class Service(Node):
    """An inference service."""

    later_keys: ClassVar = frozenset({"groups", "scaling", "start_up", "priority", "tenant"})
    model: Name
    pools: PoolsOfService
    """In order of preference: a list, or a map where replicas differ by pool."""
    precision: Precision = Field(default_factory=unset, validate_default=True)
    parallelism: Parallelism = Parallelism.model_construct(tensor=1)
    replicas: Replicas = Field(default_factory=unset, validate_default=True)
    """`all` is resolved to the number that the pools have room for."""
    batching: AnyBatching = Field(default_factory=unset, validate_default=True)
    kv_cache: KvCache | None = Field(default_factory=unset, validate_default=True)
    """Of a token model."""
    routing: str = "least_outstanding"
    """A rule by name, or a function of one's own by `package.module:function`."""
    queue_limit: int | None = Field(default=None, ge=0)
    timeout: PositiveDuration | None = None
    client_latency: Duration = 0.0
    requests: AnyRequests
    slo: Slo | None = None

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

    def promise(self, part: Part) -> Mapping[str, float]:
        """The limits (seconds) that are promised to the requests of a class, or to all; none without an slo."""
        own = getattr(part.stream, "slo", None) or self.slo
        gaps = {"itl": self.slo.itl} if self.slo and self.slo.itl else {}
        return {**own.limits, **gaps} if own else {}

    @property
    def promised(self) -> list[str]:
        """The limits that are promised to some of the requests, by name."""
        return sorted({name for part in parts(self.requests) for name in self.promise(part)}, key=LIMITS.index)

    @field_validator("model")
    @classmethod
    def _check_model(cls, name: str, info: ValidationInfo) -> str:
        return context_of(info).check_model(name)

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

    @field_validator("batching", mode="before")
    @classmethod
    def _batching_of_kind(cls, batching: Any, info: ValidationInfo) -> Any:
        if batching is not None:
            return batching
        model = context_of(info).model(info.data.get("model", ""))
        return {"policy": "continuous" if model and model.kind == "generative" else "none"}

    @field_validator("kv_cache", mode="before")
    @classmethod
    def _kv_cache_of_kind(cls, kv_cache: Any, info: ValidationInfo) -> Any:
        model = context_of(info).model(info.data.get("model", ""))
        return {} if kv_cache is None and model and model.kind == "generative" else kv_cache

    @field_validator("routing")
    @classmethod
    def _check_routing(cls, routing: str) -> str:
        return routing if OWN.fullmatch(routing) else check_known("routing", routing, registry.BUILT_IN["routing"])

    @model_validator(mode="after")
    def _check_kind(self, info: ValidationInfo) -> Self:
        model = context_of(info).model(self.model)
        if model is not None and model.kind == "generative":
            self._check_generative()
        elif model is not None:
            self._check_single_pass()
        return self

    def _check_generative(self) -> None:
        if self.batching.policy != "continuous":
            fail(f"`{self.batching.policy}` batching does not fit a generative model", "batching", "continuous")
        for part in parts(self.requests):
            at, traced = ".".join(("requests", *part.path)), isinstance(part.arrivals, TraceArrivals)
            if part.stream.work is not None:
                fail("`work` is for single-pass models", f"{at}.work", "a generative model takes `lengths`")
            if part.stream.lengths is None and not traced:
                fail("a generative model needs `lengths`", at, "a preset's name or {prompt: ..., output: ...}")
            if part.stream.lengths is not None and traced:
                fail("a trace carries its own lengths", f"{at}.lengths", "leave `lengths` out")

    def _check_single_pass(self) -> None:
        if self.batching.policy == "continuous":
            fail("`continuous` batching does not fit a single-pass model", "batching", "none or dynamic")
        for part in parts(self.requests):
            at = ".".join(("requests", *part.path))
            if part.stream.lengths is not None:
                fail("`lengths` are for generative models", f"{at}.lengths", "a single-pass model takes `work`")
            _refuse_limits_of_tokens(getattr(part.stream, "slo", None), f"{at}.slo")
        _refuse_limits_of_tokens(self.slo, "slo")
        if self.kv_cache is not None:
            fail("a single-pass model has no KV cache", "kv_cache")
        for pool in self.pools:
            if self.tensor_in(pool) > 1:
                fail("tensor parallelism is for generative models", ".".join(self.tensor_key(pool)))


_OF_TOKENS = {"ttft": "time to first token", "tpot": "time per output token", "itl": "time between tokens"}


def _refuse_limits_of_tokens(slo: Slo | None, at: str) -> None:
    for limit, what in _OF_TOKENS.items():
        if slo and limit in slo.limits:
            fail(f"a single-pass model has no {what}", f"{at}.{limit}", "e2e")


def check_pools(pools: Any) -> Any:
    """Pools as a list of different names."""
    if isinstance(pools, dict):
        fail("a map of pools arrives in a later version", hint="a list such as [h100]")
    if isinstance(pools, str):
        fail(f"expected a list, found `{pools}`", hint=f"[{pools}]")
    if isinstance(pools, list) and len({str(name) for name in pools}) < len(pools):
        fail("a pool is named twice")
    return pools
