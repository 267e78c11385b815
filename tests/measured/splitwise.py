"""Splitwise: measured prefills and decode iterations of two models on A100 and H100 (ISCA 2024)."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import median

from analysis.fitting.constants import Errors, errors, fit
from analysis.fitting.measurements import Measurement
from sim import catalog
from sim.catalog.rows import Accelerator, Model
from tests.measured.data import rows


def of_2023(name: str) -> Accelerator:
    """The catalog's row with its software of 2023; the measurements stored activations in other ways, hence memory."""
    row = catalog.accelerator(name)
    return replace(row, memory=1e12, efficiency=row.software["vllm-2023"])


A100, H100 = of_2023("A100-SXM-80GB"), of_2023("H100-SXM")


def generative(name: str, parameters: float, layers: int, hidden: int, heads: int, kv_heads: int) -> Model:
    return Model(
        name=name,
        kind="generative",
        parameters=parameters,
        active_parameters=parameters,
        layers=layers,
        hidden=hidden,
        heads=heads,
        kv_heads=kv_heads,
        head_dim=128,
        kv_values_per_token=2 * layers * kv_heads * 128,
        attention_flops_per_token=4 * layers * hidden,
    )


LLAMA_70B = generative("Llama-2-70B", 68976653312, 80, 8192, 64, 8)
BLOOM = generative("BLOOM-176B", 176.247e9, 70, 14336, 112, 112)
GPUS = {"a100-80gb": A100, "h100-80gb": H100}
MODELS = {"llama2-70b": LLAMA_70B, "bloom-176b": BLOOM}


@dataclass(frozen=True)
class Configuration:
    """One measured configuration; seconds and the share of the power limit are medians of its repetitions."""

    gpu: str
    model: str
    tensor: int
    prompt: int
    batch: int
    output: int

    @property
    def held_out(self) -> bool:
        return self.prompt in {256, 2048} or self.batch in {2, 16, 64}

    @property
    def damaged(self) -> bool:
        """On two accelerators batch 64 is measured with prefills shorter than batch 8, on A100 and on H100."""
        return self.prompt == 512 and self.batch == 64 and self.tensor == 2


def splitwise(column: str) -> dict[Configuration, float]:
    found: dict[Configuration, list[float]] = defaultdict(list)
    for row in rows("splitwise/perf_model.csv"):
        if row["hardware"] in GPUS:
            numbers = (int(row[key]) for key in ("tensor_parallel", "prompt_size", "batch_size", "token_size"))
            found[Configuration(row["hardware"], row["model"], *numbers)].append(float(row[column]))
    return {key: median(values) for key, values in found.items() if not key.damaged}


def measurements(gpu: str, *, held_out: bool) -> list[Measurement]:
    """Give what was measured on one kind of GPU, held out or not."""
    prefill, decode = splitwise("prompt_time"), splitwise("token_time")
    return [
        Measurement(
            model=MODELS[key.model],
            tensor=key.tensor,
            precision="bf16",
            batch=key.batch,
            prompt=key.prompt,
            context=key.prompt + key.output // 2,
            prefill=prefill[key] / 1e3,
            decode=decode[key] / 1e3,
        )
        for key in prefill
        if key.gpu == gpu and key.held_out == held_out
    ]


def errors_of_the_catalog(gpu: str) -> Errors:
    """Errors of the catalog's constants of 2023 on the configurations held out."""
    return errors(GPUS[gpu], measurements(gpu, held_out=True))


def errors_of_a_fit(gpu: str) -> Errors:
    """Errors on the configurations held out of constants fitted anew, with no starting point but the fit's own."""
    constants = fit(GPUS[gpu], measurements(gpu, held_out=False))
    return errors(replace(GPUS[gpu], efficiency=constants), measurements(gpu, held_out=True))


def together(found: Sequence[Errors]) -> Errors:
    """Put the errors of several GPUs into one list."""
    return Errors(*(tuple(each for one in found for each in getattr(one, what)) for what in ("prefill", "decode")))
