"""Inference services: a model on replicas, how requests are batched and routed."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, ValidationInfo, field_validator, model_serializer, model_validator

from sim.scenario.arrivals import TraceArrivals
from sim.scenario.base import Context, Name, Node, context_of, fail, unset
from sim.scenario.groups import OF_A_GROUP, Groups, pools_of_groups
from sim.scenario.quantities import Duration, PositiveDuration, Probability, Share
from sim.scenario.replica_group import ReplicaGroup
from sim.scenario.requests import LIMITS, AnyRequests, Part, RequestClasses, Requests, Slo, parts
from sim.scenario.switching import Switching

LARGEST_BATCH = 65_536
"""The laws of a replica are tabulated up to its largest batch."""


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
AnyBatching = Annotated[Batching, Field(discriminator="policy")]


class KvCache(Node):
    """The KV cache of a replica of a token model, in blocks of `block_size` tokens.

    A sequence takes blocks as it grows. Where there are none left, the one admitted last is preempted: its cache is
    computed again (`recompute`) or moved to the host's memory and back (`swap`). With `none`, room for prompt and
    output is reserved before a request starts. `prefix_hit_rate` is the share of each prompt that is cached already.

    Of a trace with hashes, a replica keeps the `prefix_blocks` blocks of prompts (512 tokens each) that it used last,
    and of a prompt computes only what follows the blocks found there. They lie in memory set aside from that of running
    requests, which have what they find in blocks of their own too: hits save computing, not memory.
    """

    memory_utilization: Share = 0.9
    block_size: int = Field(default=16, ge=1, le=65_536)
    prefix_hit_rate: Probability = 0.0
    prefix_blocks: int | None = Field(default=None, ge=1, le=2**24)
    preemption: Literal["recompute", "swap", "none"] = "recompute"

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.prefix_blocks is not None and self.prefix_hit_rate > 0:
            fail("hits come from `prefix_blocks`, or are a `prefix_hit_rate`", "prefix_hit_rate", "one of the two")
        return self


class Service(ReplicaGroup):
    """An inference service. With groups of replicas, these say what else the service says of its replicas."""

    later_keys: ClassVar = frozenset({"scaling", "start_up", "priority", "tenant"})
    model: Name
    groups: Groups | None = None
    """Of a token model."""
    batching: AnyBatching = Field(default_factory=unset, validate_default=True)
    kv_cache: KvCache | None = Field(default_factory=unset, validate_default=True)
    """Of a token model."""
    queue_limit: int | None = Field(default=None, ge=0)
    timeout: PositiveDuration | None = None
    client_latency: Duration = 0.0
    on_death: Literal["requeue", "lose"] = "requeue"
    """What becomes of the requests of a replica whose accelerators fail: they are routed anew, or are lost."""
    requests: AnyRequests
    slo: Slo | None = None
    switching: Switching | None = Field(default_factory=unset, validate_default=True)
    """Where classes of requests are of different single-pass models."""

    @property
    def replica_groups(self) -> Mapping[str, ReplicaGroup]:
        """Its groups of replicas by name; a single one without a name where it has none."""
        return {"": self} if self.groups is None else {"prefill": self.groups.prefill, "decode": self.groups.decode}

    @property
    def models(self) -> list[str]:
        """The models of its requests, in the order of their classes."""
        return models_of(self.requests, self.model)

    def model_of(self, part: Part) -> str:
        """The model of the requests of a class."""
        return getattr(part.stream, "model", None) or self.model

    def promise(self, part: Part) -> Mapping[str, float]:
        """The limits (seconds) that are promised to the requests of a class, or to all; none without an slo."""
        own = getattr(part.stream, "slo", None) or self.slo
        gaps = {"itl": self.slo.itl} if self.slo and self.slo.itl else {}
        return {**own.limits, **gaps} if own else {}

    @property
    def promised(self) -> list[str]:
        """The limits that are promised to some of the requests, by name."""
        return sorted({name for part in parts(self.requests) for name in self.promise(part)}, key=LIMITS.index)

    @model_validator(mode="before")
    @classmethod
    def _gather_groups(cls, data: Any, info: ValidationInfo) -> Any:
        if not isinstance(data, dict) or not isinstance(data.get("groups"), dict):
            return data
        for key in OF_A_GROUP:
            if key in data:
                fail(f"`{key}` stands with each group of this service", key, f"groups.decode.{key}")
        if isinstance(info.context, Context):
            info.context.classes[id(data)] = cls
        return data | {"pools": pools_of_groups(data["groups"])}

    @model_serializer(mode="wrap")
    def _leave_to_groups(self, serialize: Any) -> Any:
        data = serialize(self)
        return data if self.groups is None else {key: data[key] for key in data if key not in OF_A_GROUP}

    @field_validator("model")
    @classmethod
    def _check_model(cls, name: str, info: ValidationInfo) -> str:
        return context_of(info).check_model(name)

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

    @field_validator("switching", mode="before")
    @classmethod
    def _switching_of_several(cls, switching: Any, info: ValidationInfo) -> Any:
        requests = info.data.get("requests")
        several = requests is not None and len(models_of(requests, info.data.get("model", ""))) > 1
        return {} if switching is None and several else switching

    @model_validator(mode="after")
    def _check_kind(self, info: ValidationInfo) -> Self:
        model = context_of(info).model(self.model)
        if model is not None and model.kind == "generative":
            self._check_generative()
        elif model is not None:
            self._check_single_pass()
            self._check_models(context_of(info))
        return self

    def _check_generative(self) -> None:
        if self.batching.policy != "continuous":
            fail(f"`{self.batching.policy}` batching does not fit a generative model", "batching", "continuous")
        if self.switching is not None:
            fail("replicas of a generative model are not shared", "switching", "single-pass models only")
        if self.kv_cache is not None and self.kv_cache.prefix_blocks is not None:
            self._check_prefixes()
        for part in parts(self.requests):
            at, traced = ".".join(("requests", *part.path)), isinstance(part.arrivals, TraceArrivals)
            if part.stream.work is not None:
                fail("`work` is for single-pass models", f"{at}.work", "a generative model takes `lengths`")
            if self.model_of(part) != self.model:
                fail("replicas of a generative model are not shared", f"{at}.model", "a service for each model")
            if part.stream.lengths is None and not traced:
                fail("a generative model needs `lengths`", at, "a preset's name or {prompt: ..., output: ...}")
            if part.stream.lengths is not None and traced:
                fail("a trace carries its own lengths", f"{at}.lengths", "leave `lengths` out")

    def _check_prefixes(self) -> None:
        arrivals = self.requests.arrivals
        if not isinstance(self.requests, Requests) or getattr(arrivals, "format", "") != "mooncake":
            hint = "requests: {arrivals: {process: trace, format: mooncake, path: ...}}"
            fail("blocks are known from a trace with hashes of them", "kv_cache.prefix_blocks", hint)
        if self.groups is not None:
            fail("groups of replicas keep no prompts", "kv_cache.prefix_blocks", "leave out `groups`")

    def _check_models(self, context: Context) -> None:
        for part in parts(self.requests):
            model = context.model(self.model_of(part))
            if model is not None and model.kind == "generative":
                at = ".".join(("requests", *part.path, "model"))
                fail(f"`{model.name}` is a generative model", at, "only single-pass models share replicas")
        if self.switching is not None and len(self.models) < 2:
            fail("`switching` needs a second model", "switching", "a class of requests with a `model` of its own")

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
        if self.groups is not None:
            fail("a single-pass model has no prefill and decode", "groups")
        for pool in self.pools:
            if self.tensor_in(pool) > 1:
                fail("tensor parallelism is for generative models", ".".join(self.tensor_key(pool)))


def models_of(requests: Requests | RequestClasses, model: str) -> list[str]:
    """The models of some requests in the order of their classes; `model` is that of those that name none."""
    return list(dict.fromkeys(getattr(part.stream, "model", None) or model for part in parts(requests)))


_OF_TOKENS = {"ttft": "time to first token", "tpot": "time per output token", "itl": "time between tokens"}


def _refuse_limits_of_tokens(slo: Slo | None, at: str) -> None:
    for limit, what in _OF_TOKENS.items():
        if slo and limit in slo.limits:
            fail(f"a single-pass model has no {what}", f"{at}.{limit}", "e2e")
