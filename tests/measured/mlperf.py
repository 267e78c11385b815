"""MLPerf pairs: Offline and Server runs of one system on one benchmark."""

from collections import defaultdict
from dataclasses import dataclass
from typing import Literal

from tests.measured.data import Row, rows

ROOM_FOR_ONE = 80.0
"""GB: an accelerator of up to so much memory shares Llama-2-70B at 8 bits with another (69 GB of weights)."""


@dataclass(frozen=True)
class Pair:
    """What was measured in both runs; seconds and 1/s, of the whole system.

    A benchmark that limits whole answers (`pass`) is served in passes over a batch; one that limits the time to the
    first token and between tokens (`tokens`) in iterations, by `replicas` of one or several accelerators.
    """

    benchmark: str
    version: str
    platform: str
    kind: Literal["pass", "tokens"]
    replicas: int
    offline: float
    """Samples/s, or tokens/s."""
    rate: float
    """Samples/s offered in the Server run: what the submitter found to be the largest within the limits."""
    p99: float
    """Of whole answers in the Server run."""
    quantiles: tuple[float, float, float, float]
    """Mean, p50, p90, p99 of whole answers, over the mean time of an output token (`tokens`); else zeros."""
    limit: float
    """Of p99: of a whole answer, or of the time of an output token."""
    first_token_limit: float
    """Of p99; 0 where there is none."""
    tokens: float
    """Mean tokens of an answer in the Offline run; 1 where answers come in one pass."""

    @property
    def capacity(self) -> float:
        """Samples/s of the Offline run."""
        return self.offline / self.tokens


def pairs() -> list[Pair]:
    """Read every pair in the file, in its order."""
    runs: dict[tuple[str, ...], dict[str, Row]] = defaultdict(dict)
    for row in rows("mlperf/mlperf_server_offline.csv"):
        runs[row["version"], row["platform"], row["benchmark"]][row["scenario"]] = row
    return [_pair(run["offline"], run["server"]) for run in runs.values() if run.keys() >= {"offline", "server"}]


def _pair(offline: Row, server: Row) -> Pair:
    tokens = bool(server["tpot_target_ms"])
    shared = tokens and f"-{ROOM_FOR_ONE:g}GB" in offline["accelerator_model_name"]
    samples = float(offline["result_samples_per_s"])
    output = float(offline["result_tokens_per_s"]) if tokens else samples
    times = tuple(float(server[f"{name}_ms"]) for name in ("mean_latency", "p50", "p90", "p99")) if tokens else ()
    return Pair(
        benchmark=offline["benchmark"],
        version=offline["version"],
        platform=offline["platform"],
        kind="tokens" if tokens else "pass",
        replicas=round(float(offline["accel_total"])) // (2 if shared else 1),
        offline=output,
        rate=float(server["offered_qps"]),
        p99=float(server["p99_ms"]) / 1e3,
        quantiles=tuple(time / float(server["tpot_mean_ms"]) for time in times) if tokens else (0.0,) * 4,  # type: ignore[arg-type]
        limit=float(server["tpot_target_ms" if tokens else "target_latency_ms"]) / 1e3,
        first_token_limit=float(server["ttft_target_ms"]) / 1e3 if tokens else 0.0,
        tokens=output / samples,
    )
