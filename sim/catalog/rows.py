"""What the catalog says of one accelerator, one model and one workload, as plain typed rows in SI units."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["gpu", "tpu", "fpga", "asic", "other"]
Precision = Literal["fp32", "bf16", "fp8", "int8"]
Basis = Literal["measured", "vendor", "derived", "estimate"]

BYTES_PER_VALUE: Mapping[str, float] = {"fp32": 4.0, "bf16": 2.0, "fp8": 1.0, "int8": 1.0}


@dataclass(frozen=True, slots=True)
class Fact:
    """Where one figure comes from; `low` and `high` are given where sources differ."""

    source: str
    date: str
    basis: Basis
    low: float | None = None
    high: float | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class UtilizationPower:
    """Busy watts over the limit: `min(1, base + memory * u_mem + compute * u_compute)`, u = achieved over peak."""

    base: float
    memory: float
    compute: float


@dataclass(frozen=True, slots=True)
class ExponentPower:
    """Busy watts between idle and largest draw: `idle + (peak - idle) * u**exponent`, u = the larger utilization."""

    exponent: float


PowerLaw = UtilizationPower | ExponentPower


@dataclass(frozen=True, slots=True)
class Efficiency:
    """How near a software stack of a given date comes to the peaks, and its fixed times.

    `memory`, `decode_compute` and `prefill_compute` are shares of peak (MBU, MFU). `step_overhead` is seconds an
    iteration; `request_overhead` is seconds a request before its first token (tokenizing, HTTP);
    `all_reduce_latency` is seconds an all-reduce and `all_reduce_bandwidth` bytes/s ("bus bandwidth") between the
    accelerators of a replica. `all_reduce_latency_per_peer` is seconds added to each all-reduce for each further
    accelerator: software of 2023 needs it, whose decode of Llama-2-70B takes 20, 26 and 36 ms beyond reading on 2, 4
    and 8 A100. `pass_overhead` is seconds a pass of a compiled single-pass engine; None: as `step_overhead`.
    """

    memory: float
    decode_compute: float
    prefill_compute: float
    step_overhead: float
    request_overhead: float
    all_reduce_latency: float
    all_reduce_bandwidth: float | None
    all_reduce_latency_per_peer: float = 0.0
    pass_overhead: float | None = None


@dataclass(frozen=True, slots=True)
class CapLaw:
    """Speed under a cap: 1 while `busy <= share * cap`, else `((share*cap - floor) / (busy - floor)) ** exponent`."""

    share: float
    floor: float
    exponent: float


@dataclass(frozen=True, slots=True)
class Accelerator:
    """One accelerator. SI units: FLOP/s, bytes, bytes/s, watts, USD per hour, kg. None means unknown, never zero."""

    name: str
    kind: Kind
    memory: float
    idle_power: float
    peak_power: float
    vendor: str = ""
    year: int | None = None
    peak_flops: Mapping[str, float] = field(default_factory=dict)
    """Dense peak by precision (`fp32`, `bf16`, `fp8`, `int8`); a precision that is missing is not supported."""
    memory_bandwidth: float | None = None
    interconnect_bandwidth: float | None = None
    """Scale-up links, both directions together."""
    host_link_bandwidth: float | None = None
    """Per direction."""
    resident_power: float | None = None
    """Watts with a model loaded and nothing running; None: as idle."""
    busy_power: float | None = None
    """Constant busy watts; where given, it replaces the power law."""
    training_power: float | None = None
    """Mean watts while training; None: the peak."""
    power_law: PowerLaw | None = None
    power_cap: float | None = None
    cap_law: CapLaw | None = None
    efficiency: Efficiency | None = None
    """Of the software generation that the row has by default."""
    software: Mapping[str, Efficiency] = field(default_factory=dict)
    """The same by software generation, `vllm-2025` say, as far as known."""
    price: float | None = None
    embodied_carbon: float | None = None
    reconfiguration_time: float | None = None
    accelerators_per_node: int = 1
    host_idle_power: float = 0.0
    """Watts of a node without its accelerators, nothing running."""
    host_busy_power: float = 0.0
    slices: tuple[int, ...] = ()
    """TPU: numbers of chips that a slice may have; empty: any."""
    facts: Mapping[str, Fact] = field(default_factory=dict)
    """Provenance by field name (`peak_flops.bf16` for one precision, `software.vllm-2025.memory` for one constant)."""


@dataclass(frozen=True, slots=True)
class LatencyTable:
    """Measured seconds of one pass over ascending batch sizes; `busy_power` in watts an accelerator where measured."""

    batch: tuple[int, ...]
    seconds: tuple[float, ...]
    busy_power: float | None = None


@dataclass(frozen=True, slots=True)
class Model:
    """One model. `generative` models emit tokens; `single_pass` models answer in one pass.

    FLOPs are 2 per multiply-add. `latency` maps an accelerator's name (or `any`) to a measured table of a single-pass
    model; where it has none, the roofline of `flops_per_pass` and `weight_bytes` is used (never for an FPGA).
    """

    name: str
    kind: Literal["generative", "single_pass"]
    parameters: float = 0.0
    active_parameters: float = 0.0
    layers: int = 0
    hidden: int = 0
    heads: int = 0
    kv_heads: int = 0
    head_dim: int = 0
    vocabulary: int = 0
    kv_values_per_token: float = 0.0
    """Values (not bytes) of KV cache a token, all layers together."""
    attention_flops_per_token: float = 0.0
    """FLOPs of attention a new token spends on each token of context (4 * layers * hidden, if not noted)."""
    experts: int = 0
    experts_active: int = 0
    expert_parameters: float = 0.0
    """Parameters in the routed experts, all together; 0: dense."""
    flops_per_pass: float = 0.0
    latency: Mapping[str, LatencyTable] = field(default_factory=dict)
    training_flops: float | None = None
    facts: Mapping[str, Fact] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Quantiles:
    """An empirical distribution: `values` at cumulative `levels` from 0 to 1, linear between."""

    levels: tuple[float, ...]
    values: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Workload:
    """One published workload: rates in 1/s, tokens, shapes with mean 1."""

    name: str
    kind: str
    source: str
    date: str
    rate: float | None = None
    rate_cv: float | None = None
    correlation_time: float | None = None
    burstiness: float | None = None
    prompt: Quantiles | None = None
    output: Quantiles | None = None
    hourly_shape: tuple[float, ...] = ()
    """24 (a day from midnight) or 168 values (a week from Monday), mean 1."""
    notes: str = ""
    statistics: Mapping[str, float] = field(default_factory=dict)
