"""Inference services: a model on replicas, how requests are batched and routed."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator

from sim.catalog.rows import Precision
from sim.policies import registry
from sim.scenario.arrivals import TraceArrivals
from sim.scenario.base import Name, Node, PoolName, check_known, context_of, fail, later, later_tag, unset
from sim.scenario.quantities import Duration, PositiveDuration, found
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

    @field_validator("min", "max", mode="before")
    @classmethod
    def _as_initial(cls, value: Any, info: ValidationInfo) -> Any:
        return info.data.get("initial", 1) if value is None else value

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not self.min <= self.initial <= self.max:
            fail("`initial` must lie between `min` and `max`", "initial")
        return self


class ContinuousBatching(Node):
    """Sequences join and leave a running batch; waiting prompts are prefilled first."""

    policy: Literal["continuous"]
    prefill: Annotated[Literal["prioritized"], later("chunked")] = "prioritized"
    max_batch_size: int = Field(default=256, ge=1, le=LARGEST_BATCH)
    max_batched_tokens: int = Field(default=8192, ge=1)


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


class Service(Node):
    """An inference service."""

    later_keys: ClassVar = frozenset({"kv_cache", "groups", "scaling", "start_up", "priority", "tenant"})
    model: Name
    pools: tuple[PoolName, ...] = Field(strict=False, min_length=1)
    """In order of preference."""
    precision: Precision = Field(default_factory=unset, validate_default=True)
    parallelism: Parallelism = Parallelism.model_construct(tensor=1)
    replicas: Replicas = Field(default_factory=unset, validate_default=True)
    """`all` is resolved to the number that the pools have room for."""
    batching: AnyBatching = Field(default_factory=unset, validate_default=True)
    routing: Name = "least_outstanding"
    queue_limit: int | None = Field(default=None, ge=0)
    timeout: PositiveDuration | None = None
    client_latency: Duration = 0.0
    requests: AnyRequests
    slo: Slo | None = None

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
        return check_pools(pools)

    @field_validator("precision", mode="before")
    @classmethod
    def _best_precision(cls, precision: Any, info: ValidationInfo) -> Any:
        if precision is not None:
            return precision
        peaks = [row.peak_flops for name in info.data.get("pools", ()) if (row := context_of(info).row_of_pool(name))]
        return next((name for name in PRECISIONS if all(name in peak for peak in peaks)), PRECISIONS[0])

    @field_validator("replicas", mode="before", json_schema_input_type=int | Literal["all"] | Replicas)
    @classmethod
    def _replicas(cls, replicas: Any) -> Any:
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

    @field_validator("routing")
    @classmethod
    def _check_routing(cls, routing: str) -> str:
        if routing in registry.LATER["routing"]:
            fail(f"`{routing}` arrives in a later version")
        return check_known("routing", routing, registry.BUILT_IN["routing"])

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
        if self.parallelism.tensor > 1:
            fail("tensor parallelism is for generative models", "parallelism.tensor")


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
