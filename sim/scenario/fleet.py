"""What there is: sites, pools, and rows of accelerators and models that the file adds to the catalog or overrides."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator, model_validator

from sim.catalog.rows import Accelerator, Kind
from sim.scenario.base import Name, Node, SiteName, context_of, fail, unset
from sim.scenario.failures import Failures, as_list
from sim.scenario.quantities import (
    AtLeastOne,
    Bandwidth,
    CarbonIntensity,
    Compute,
    Duration,
    Electricity,
    Mass,
    Memory,
    Number,
    Positive,
    Power,
    Price,
    Share,
)


def refuse_map(value: Any) -> Any:
    """Refuse a map where a later version reads one."""
    if isinstance(value, dict):
        fail("a map here arrives in a later version")
    return value


class Site(Node):
    """A place: power usage effectiveness, USD/kWh, kg/kWh and the time zone of its clocks."""

    later_keys: ClassVar = frozenset({"power_limit"})
    timezone: str = "UTC"
    pue: AtLeastOne = 1.0
    electricity: Annotated[Electricity, BeforeValidator(refuse_map)] = 0.0
    carbon_intensity: Annotated[CarbonIntensity, BeforeValidator(refuse_map)] = 0.0

    @field_validator("timezone")
    @classmethod
    def _check_timezone(cls, timezone: str) -> str:
        try:
            ZoneInfo(timezone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            fail(f"unknown time zone `{timezone}`", hint="such as `America/Los_Angeles`")
        return timezone


MOST_NODES, MOST_PER_NODE = 1_000_000, 10_000


class HostPower(Node):
    """Watts of a node without its accelerators."""

    idle: Power
    busy: Power

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.idle > self.busy:
            fail("`idle` is above `busy`", "idle")
        return self


class SlowDown(Node):
    """Factors on the time of work whose accelerators lie on several nodes of a rack, and on several racks."""

    across_nodes: AtLeastOne = 1.0
    across_racks: AtLeastOne = Field(default_factory=unset, validate_default=True)
    """In all, and not on top of `across_nodes`, which it is where nothing is said."""

    @field_validator("across_racks", mode="before")
    @classmethod
    def _as_nodes(cls, across_racks: Any, info: ValidationInfo) -> Any:
        return info.data.get("across_nodes", 1.0) if across_racks is None else across_racks

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.across_racks < self.across_nodes:
            fail("work on several racks is not quicker than on one", "across_racks", f"at least {self.across_nodes:g}")
        return self


class Pool(Node):
    """Equal nodes of one kind of accelerator. Where the file is silent, the accelerator's row says how they are."""

    later_keys: ClassVar = frozenset({"like", "maintenance", "available", "elastic", "interruptions"})
    accelerator: Name
    nodes: int = Field(ge=1, le=MOST_NODES)
    accelerators_per_node: int = Field(default_factory=unset, validate_default=True, ge=1, le=MOST_PER_NODE)
    racks: int = Field(default=1, ge=1)
    site: SiteName = "default"
    price: Annotated[Price | None, BeforeValidator(refuse_map)] = Field(default=None, validate_default=True)
    """USD per accelerator and hour; None: unknown."""
    host_power: HostPower = Field(default_factory=unset, validate_default=True)
    slowdown: SlowDown = SlowDown.model_construct(across_nodes=1.0, across_racks=1.0)
    """By which factor a job takes longer where its gang does not lie on one node."""
    failures: Annotated[tuple[Failures, ...], BeforeValidator(as_list)] = Field(default=(), strict=False)
    spare_nodes: int = Field(default=0, ge=0)
    """Of `nodes`, the last ones: each is out of use until another node is down."""

    @property
    def accelerators(self) -> int:
        """Accelerators in the pool."""
        return self.nodes * self.accelerators_per_node

    @property
    def nodes_in_use(self) -> int:
        """Nodes that are not spare."""
        return self.nodes - self.spare_nodes

    @property
    def accelerators_in_use(self) -> int:
        """Accelerators that are not spare."""
        return self.nodes_in_use * self.accelerators_per_node

    @field_validator("spare_nodes")
    @classmethod
    def _check_spare(cls, spare: int, info: ValidationInfo) -> int:
        nodes = info.data.get("nodes")
        if nodes is not None and spare >= nodes:
            fail(f"{spare} of {nodes} nodes are spare: none is left to use", hint=f"less than {nodes}")
        return spare

    @field_validator("accelerator")
    @classmethod
    def _check_accelerator(cls, name: str, info: ValidationInfo) -> str:
        return context_of(info).check_accelerator(name)

    @field_validator("accelerators_per_node", "price", "host_power", mode="before")
    @classmethod
    def _fill(cls, value: Any, info: ValidationInfo) -> Any:
        if value is not None:
            return value
        row = context_of(info).accelerator(info.data.get("accelerator", ""))
        defaults = _of_row(row) if row else {"accelerators_per_node": 1, "host_power": {"idle": 0, "busy": 0}}
        return defaults.get(str(info.field_name))


def _of_row(row: Accelerator) -> dict[str, Any]:
    return {
        "accelerators_per_node": row.accelerators_per_node,
        "price": None if row.price is None else f"{row.price!r} USD/h",
        "host_power": {"idle": f"{row.host_idle_power!r} W", "busy": f"{row.host_busy_power!r} W"},
    }


class PowerLawSpec(Node):
    """Either `base`, `memory` and `compute`, or `exponent`: the two laws of busy power."""

    base: Number | None = None
    memory: Number | None = None
    compute: Number | None = None
    exponent: Positive | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        given = {name for name in ("base", "memory", "compute", "exponent") if getattr(self, name) is not None}
        if given not in ({"base", "memory", "compute"}, {"exponent"}):
            fail("a power law needs either `base`, `memory` and `compute`, or `exponent`")
        return self


class CapLawSpec(Node):
    """Speed under a power cap."""

    share: Share
    floor: Power
    exponent: Positive


class EfficiencySpec(Node):
    """How near software comes to the peaks, and its fixed times."""

    memory: Share
    decode_compute: Share
    prefill_compute: Share
    step_overhead: Duration
    request_overhead: Duration = 0.0
    all_reduce_latency: Duration = 0.0
    all_reduce_bandwidth: Bandwidth | None = None
    all_reduce_latency_per_peer: Duration = 0.0
    pass_overhead: Duration | None = None


class InlineAccelerator(Node):
    """A new accelerator, or figures that replace those of a row (`like`, or the catalog's row of the same name)."""

    like: Name | None = None
    kind: Kind | None = None
    memory: Memory | None = None
    idle_power: Power | None = None
    busy_power: Power | None = None
    peak_power: Power | None = None
    resident_power: Power | None = None
    training_power: Power | None = None
    power_cap: Power | None = None
    peak_flops: Mapping[Literal["fp32", "bf16", "fp8", "int8"], Compute] | None = None
    memory_bandwidth: Bandwidth | None = None
    interconnect_bandwidth: Bandwidth | None = None
    host_link_bandwidth: Bandwidth | None = None
    price: Price | None = None
    embodied_carbon: Mass | None = None
    reconfiguration_time: Duration | None = None
    accelerators_per_node: int | None = Field(default=None, ge=1)
    host_power: HostPower | None = None
    power_law: PowerLawSpec | None = None
    cap_law: CapLawSpec | None = None
    efficiency: EfficiencySpec | None = None

    @field_validator("like")
    @classmethod
    def _check_like(cls, name: str | None, info: ValidationInfo) -> str | None:
        return name if name is None else context_of(info).check_accelerator(name)


class LatencySpec(Node):
    """Measured seconds of one pass over ascending batch sizes; `busy_power` is per accelerator."""

    batch: tuple[int, ...] = Field(strict=False, min_length=1)
    seconds: tuple[Positive, ...] = Field(strict=False, min_length=1)
    busy_power: Power | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        if len(self.batch) != len(self.seconds):
            fail(f"{len(self.batch)} batch sizes but {len(self.seconds)} times", "seconds")
        if self.batch[0] < 1 or any(low >= high for low, high in zip(self.batch, self.batch[1:], strict=False)):
            fail("batch sizes must ascend from at least 1", "batch")
        return self


ANY_ACCELERATOR = "any"


class InlineModel(Node):
    """A new model, or figures that replace those of a row (`like`, or the catalog's row of the same name)."""

    like: Name | None = None
    kind: Literal["generative", "single_pass"] | None = None
    parameters: Positive | None = None
    active_parameters: Positive | None = None
    layers: int | None = Field(default=None, ge=1)
    hidden: int | None = Field(default=None, ge=1)
    heads: int | None = Field(default=None, ge=1)
    kv_heads: int | None = Field(default=None, ge=1)
    head_dim: int | None = Field(default=None, ge=1)
    vocabulary: int | None = Field(default=None, ge=1)
    experts: int | None = Field(default=None, ge=1)
    experts_active: int | None = Field(default=None, ge=1)
    expert_parameters: Positive | None = None
    flops_per_pass: Positive | None = None
    training_flops: Positive | None = None
    latency: Mapping[str, LatencySpec] | None = None
    """By accelerator; a single table in the file holds for any."""

    @field_validator("latency", mode="before", json_schema_input_type=LatencySpec | Mapping[str, LatencySpec])
    @classmethod
    def _for_any(cls, latency: Any) -> Any:
        if isinstance(latency, dict) and latency.keys() & {"batch", "seconds", "busy_power"}:
            return {ANY_ACCELERATOR: latency}
        return latency

    @field_validator("latency")
    @classmethod
    def _check_accelerators(cls, latency: Mapping[str, Any] | None, info: ValidationInfo) -> Mapping[str, Any] | None:
        for name in latency or {}:
            if name != ANY_ACCELERATOR:
                context_of(info).check_accelerator(name)
        return latency

    @field_validator("like")
    @classmethod
    def _check_like(cls, name: str | None, info: ValidationInfo) -> str | None:
        return name if name is None else context_of(info).check_model(name)
