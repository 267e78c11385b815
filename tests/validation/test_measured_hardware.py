"""Predicted against measured: what the hardware laws say of devices that others have measured.

Each figure is computed through the laws from constants that do not contain it. `pytest -s` prints the tables; README.md
keeps them, misses included.
"""

import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from statistics import mean, median

import pytest

from sim.catalog.rows import (
    Accelerator,
    CapLaw,
    Efficiency,
    ExponentPower,
    Kind,
    LatencyTable,
    Model,
    Precision,
)
from sim.hardware import (
    GenerativeReplica,
    generative_replica,
    iteration_joules,
    iteration_seconds,
    prefill_joules,
    prefill_seconds,
    single_pass_replica,
    training_power,
    training_speed,
)
from sim.hardware.power import busy_power
from tests.measured.data import DATA, rows
from tests.measured.splitwise import (
    A100,
    GPUS,
    MODELS,
    Configuration,
    errors_of_a_fit,
    generative,
    splitwise,
    together,
)

needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="the measured data (../shared/data) is absent")


# Serving on A100 and H100. The catalog's constants were fitted to the configurations that `held_out` leaves.


def replica(key: Configuration) -> GenerativeReplica:
    gpu, model = GPUS[key.gpu], MODELS[key.model]
    return generative_replica(gpu, model, tensor=key.tensor, precision="bf16", max_batch=key.batch)


def mean_context(key: Configuration) -> int:
    return key.batch * (key.prompt + key.output // 2)


def errors(pairs: Iterable[tuple[float, float]]) -> list[float]:
    return [abs(predicted / measured - 1) for predicted, measured in pairs]


def serving_errors(column: str, seconds: Callable[[Configuration], float]) -> list[float]:
    """Relative errors on the configurations held out; prints them by device too."""
    held_out = {key: value / 1e3 for key, value in splitwise(column).items() if key.held_out}
    for gpu in GPUS:
        found = errors((seconds(key), value) for key, value in held_out.items() if key.gpu == gpu)
        report(f"{column}, held out, {gpu}", found)
    found = errors((seconds(key), value) for key, value in held_out.items())
    report(f"{column}, held out", found)
    return found


@needs_data
def test_decode_of_configurations_held_out() -> None:
    found = serving_errors("token_time", lambda key: iteration_seconds(replica(key), key.batch, mean_context(key)))
    assert len(found) == 38
    assert median(found) < 0.06
    assert max(found) < 0.25


@needs_data
def test_prefill_of_configurations_held_out() -> None:
    found = serving_errors("prompt_time", lambda key: prefill_seconds(replica(key), [key.prompt] * key.batch))
    assert len(found) == 38
    assert median(found) < 0.15


@needs_data
def test_constants_fitted_anew_carry_to_configurations_held_out() -> None:
    """What `fleetsim catalog fit` does with a user's measurements meets the same aims."""
    found = together([errors_of_a_fit(gpu) for gpu in GPUS])
    report("prefill, held out, fitted anew", list(found.prefill))
    report("decode, held out, fitted anew", list(found.decode))
    assert len(found.prefill) == len(found.decode) == 38
    assert median(found.prefill) < 0.15
    assert median(found.decode) < 0.06


@needs_data
def test_power_of_a_request_on_a100() -> None:
    """Mean watts over a request. Prompts of 8,192 tokens are left out: measured with a third of the watts of 4,096."""
    measured = {
        key: share * 400 for key, share in splitwise("average_power").items() if share > 0 and key.prompt < 8192
    }
    found = errors((request_watts(key), watts) for key, watts in measured.items())
    report("power of a request, A100", found)
    assert median(found) < 0.08


def request_watts(key: Configuration) -> float:
    made, tokens = replica(key), mean_context(key)
    prompts = [key.prompt] * key.batch
    seconds = prefill_seconds(made, prompts) + (key.output - 1) * iteration_seconds(made, key.batch, tokens)
    joules = prefill_joules(made, prompts) + (key.output - 1) * iteration_joules(made, key.batch, tokens)
    return joules / seconds / key.tensor


# Training under power caps.


@needs_data
@pytest.mark.parametrize(
    ("file", "peak", "law"),
    [
        ("summary_power_v100.csv", 250.0, CapLaw(0.90, 68, 0.22)),
        ("summary_power_a40.csv", 300.0, CapLaw(0.94, 85, 0.40)),
    ],
)
def test_training_under_power_caps(file: str, peak: float, law: CapLaw) -> None:
    """Time and watts of an epoch from those at the highest cap; 5 to 8 % is the error to meet."""
    runs: dict[tuple[str, ...], dict[float, tuple[float, float]]] = defaultdict(dict)
    for row in rows(f"zeus/{file}"):
        key = tuple(row[column] for column in ("dataset", "network", "batch_size", "optimizer"))
        runs[key][float(row["power_limit"])] = float(row["time_per_epoch"]), float(row["average_power"])
    times, watts = [], []
    for caps in runs.values():
        free_time, free_watts = caps.get(peak, (0.0, 0.0))
        for cap, (time, power) in caps.items():
            if cap < peak and free_time:
                gpu = accelerator("gpu", peak=peak, training_power=free_watts, cap_law=law, power_cap=cap)
                times.append((free_time / training_speed(gpu), time))
                watts.append((training_power(gpu), power))
    report(f"{file}, time", errors(times))
    report(f"{file}, power", errors(watts))
    assert len(times) >= 400
    assert mean(errors(times)) < 0.08
    assert mean(errors(watts)) < 0.08


# TPUs and FPGAs, against single published figures.


@dataclass(frozen=True)
class Prediction:
    """`bound` is the relative error that is asserted; a prediction off by more than `HOLDS` is a miss and says so."""

    what: str
    unit: str
    predicted: float
    measured: float
    bound: float
    unverified: str = ""
    """Figures in it that were not re-verified against their source."""

    @property
    def error(self) -> float:
        return self.predicted / self.measured - 1

    @property
    def verdict(self) -> str:
        return "holds" if abs(self.error) <= HOLDS else "MISS"


HOLDS = 0.15


def accelerator(
    name: str,
    kind: Kind = "gpu",
    *,
    peak: float = 1.0,
    idle: float = 0.0,
    flops: Mapping[str, float] | None = None,
    bandwidth: float | None = None,
    efficiency: Efficiency | None = None,
    busy: float | None = None,
    exponent: float = 1.0,
    training_power: float | None = None,
    cap_law: CapLaw | None = None,
    power_cap: float | None = None,
) -> Accelerator:
    return Accelerator(
        name=name,
        kind=kind,
        memory=1e12,
        idle_power=idle,
        peak_power=peak,
        peak_flops=flops or {},
        memory_bandwidth=bandwidth,
        busy_power=busy,
        power_law=ExponentPower(exponent),
        efficiency=efficiency,
        training_power=training_power,
        cap_law=cap_law,
        power_cap=power_cap,
    )


def mlperf(benchmark: str, platform: str) -> float:
    """Offline samples/s of a whole system."""
    found = [
        float(row["result_samples_per_s"])
        for row in rows("mlperf/mlperf_server_offline.csv")
        if (row["benchmark"], row["platform"], row["scenario"]) == (benchmark, platform, "offline")
    ]
    assert len(found) == 1, (benchmark, platform, found)
    return found[0]


def published(system: str, workload: str, metric: str) -> str:
    found = [
        row["value"]
        for row in rows("hardware/paper_figures.csv")
        if (row["system"], row["metric"]) == (system, metric) and workload in row["workload"]
    ]
    assert len(found) == 1, (system, metric, found)
    return found[0]


def tpu_power() -> Iterator[Prediction]:
    """The utilization at which TPU v3 draws its published watts, put into the law of TPU v4."""
    v4 = accelerator("TPU-v4", "tpu", idle=90.0, peak=192.0)
    for metric in ("mean power", "min power"):
        utilization = (float(published("TPU v3", "", metric)) - 123) / (262 - 123)
        measured = float(published("TPU v4", "", metric))
        yield Prediction(
            f"TPU v4 {metric} in production, from TPU v3",
            "W",
            busy_power(v4, utilization, 0.0),
            measured,
            0.10,
            "TPU v3 idle 123 W",
        )


def tpu_load() -> Iterator[Prediction]:
    """At 10 % load a TPU v1 is busy a tenth of the time; 28 W idle, 40 W busy (Jouppi et al. 2017, not re-verified)."""
    v1 = accelerator("TPU-v1", "tpu", idle=28.0, busy=40.0)
    load = 0.1
    watts = load * busy_power(v1, 1.0, 1.0) + (1 - load) * v1.idle_power
    measured = float(published("TPU v1", "10% load", "power/full-load power"))
    yield Prediction("TPU v1 power at 10 % load over full", "", watts / 40, measured, 0.20, "idle 28 W, busy 40 W")


def offline_rate(
    model: Model, name: str, kind: Kind, peak: float, share: float, precision: Precision, bandwidth: float
) -> float:
    """Samples/s of one device in large batches, at a share of its peak."""
    row = accelerator(
        name,
        kind,
        flops={precision: peak},
        bandwidth=bandwidth,
        efficiency=Efficiency(0.8, share, share, 0.0, 0.0, 0.0, None),
    )
    return 64 / float(single_pass_replica(row, model, precision=precision, max_batch=64).latency[64])


def tpu_offline() -> Iterator[Prediction]:
    """MLPerf Offline of TPUs at the share of peak that a GPU reaches in the same benchmark."""
    sdxl = Model(name="SDXL", kind="single_pass", parameters=3.5e9, flops_per_pass=2.4e14)
    share = mlperf("stable-diffusion-xl", "DGX-H100_H100-SXM-80GBx8_TRT") / 8 * 2.4e14 / 989e12
    for name, platform, peak, bandwidth, bound in (
        ("TPU v5e", "tpu_v5e_x4_flax", 197e12, 819e9, 0.15),
        ("TPU v6e", "tpu_v6_x4_flax", 918e12, 1640e9, 0.60),
    ):
        rate = 4 * offline_rate(sdxl, name, "tpu", peak, share, "bf16", bandwidth)
        measured = mlperf("stable-diffusion-xl", platform)
        yield Prediction(f"4 x {name}, SDXL offline, from H100", "image/s", rate, measured, bound, "FLOPs an image")
    resnet = Model(name="ResNet-50", kind="single_pass", parameters=25557032, flops_per_pass=8.2e9)
    share = mlperf("resnet50", "T4x8_TRT") / 8 * 8.2e9 / 130e12
    rate = 4 * offline_rate(resnet, "TPU v3", "tpu", 123e12, share, "bf16", 900e9)
    measured = mlperf("resnet50", "tpu-v3.8x1")
    yield Prediction("4 x TPU v3, ResNet-50 offline, from T4", "image/s", rate, measured, 0.35, "FLOPs an image")


def table_model(seconds: float, flops: float = 0.0, batch: int = 1) -> Model:
    table = LatencyTable(batch=(batch,), seconds=(seconds,))
    return Model(name="measured", kind="single_pass", flops_per_pass=flops, latency={"any": table})


def fpga_rates() -> Iterator[Prediction]:
    """A measured pass of one submission predicts the throughput of another on the same card."""
    earlier = mlperf("resnet50", "R740xd_vck5000")
    card = accelerator("VCK5000", "fpga", busy=225.0)
    made = single_pass_replica(card, table_model(64 / earlier, batch=64), precision="int8", max_batch=64)
    measured = mlperf("resnet50", "R7525_Xilinx_VCK5000")
    yield Prediction(
        "VCK5000, ResNet-50 offline v1.0, from v0.7", "image/s", 64 / float(made.latency[64]), measured, 0.10
    )
    single_stream = 6.787608e-3
    u250 = single_pass_replica(card, table_model(single_stream), precision="int8", max_batch=1)
    measured = mlperf("resnet50", "1xU250")
    yield Prediction(
        "Alveo U250, ResNet-50 offline, from one stream", "image/s", 1 / float(u250.latency[1]), measured, 0.97
    )


def fpga_energy() -> Iterator[Prediction]:
    """Joules of a measured pass at measured watts."""
    rate = 35.9e12
    brainwave = accelerator("Brainwave", "fpga", busy=125.0)
    made = single_pass_replica(brainwave, table_model(1e12 / rate, 1e12), precision="int8", max_batch=1)
    measured = float(published("Brainwave Stratix 10 280", "large GRU", "efficiency"))
    yield Prediction("Brainwave, large GRU", "GFLOPS/W", 1e3 / float(made.energy[1]), measured, 0.01)
    accllm = accelerator("AccLLM", "fpga", busy=33.0)
    made = single_pass_replica(accllm, table_model(1 / 164), precision="int8", max_batch=1)
    yield Prediction("AccLLM on U280, Llama-2-7B", "token/J", 1 / float(made.energy[1]), 4.96, 0.01)
    flightllm = accelerator("FlightLLM", "fpga", busy=45.0)
    made = single_pass_replica(flightllm, table_model(1 / 55), precision="int8", max_batch=1)
    measured = float(published("FlightLLM Alveo U280", "V100S", "energy efficiency"))
    ratio = v100s_joules_per_token() / float(made.energy[1])
    yield Prediction(
        "FlightLLM on U280 over V100S, Llama-2-7B", "x tokens/J", ratio, measured, 0.50, "V100S peaks and watts"
    )


def v100s_joules_per_token() -> float:
    """Batch 1 with 8-bit weights on a V100S (1134 GB/s, 250 W: data sheet); shares of V100, overhead of A100."""
    assert A100.efficiency is not None
    row = accelerator(
        "V100S",
        idle=40.0,
        peak=250.0,
        flops={"int8": 130e12},
        bandwidth=1134e9,
        exponent=0.5,
        efficiency=Efficiency(0.75, 0.15, 0.71, A100.efficiency.step_overhead, 0.0, 0.0, None),
    )
    made = generative_replica(
        row, generative("Llama-2-7B", 6738417664, 32, 4096, 32, 32), tensor=1, precision="int8", max_batch=1
    )
    return iteration_joules(made, 1, 512)


def predictions() -> list[Prediction]:
    groups = (tpu_power, tpu_load, tpu_offline, fpga_rates, fpga_energy)
    return [prediction for group in groups for prediction in group()]


@needs_data
def test_tpu_and_fpga_figures() -> None:
    found = predictions()
    for one in found:
        sys.stdout.write(
            f"| {one.what} | {one.unit} | {one.predicted:.4g} | {one.measured:.4g} "
            f"| {one.error:+.1%} | {one.verdict} | {one.unverified} |\n"
        )
    assert [one.what for one in found if abs(one.error) > one.bound] == []


def report(what: str, found: list[float]) -> None:
    sys.stdout.write(f"| {what} | {len(found)} | {median(found):.1%} | {mean(found):.1%} | {max(found):.1%} |\n")
