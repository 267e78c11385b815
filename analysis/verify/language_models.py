"""A language model whose batches begin and end together: its iterations summed up by hand, then a queue of batches.

The law of an iteration is written here a second time, from the hardware's and the model's own figures.
"""

from collections.abc import Iterator
from typing import Any

from analysis import queueing
from analysis.verify.model import Figure, Model
from analysis.verify.textbook import BUSY, IDLE, SERVICE, WARMUP, busy, response, wait, wait_over, watts

BANDWIDTH, PEAK, STEP, FIRST = 1e12, 1e14, 0.005, 0.02
"""Bytes/s, FLOP/s, seconds an iteration, seconds a request before its first token."""
PARAMETERS, LAYERS, HIDDEN = 5e9, 100, 1000
KV_BYTES = 2 * LAYERS * HIDDEN * 2
"""A token: a key and a value of every layer, two bytes each; as many heads for keys as for queries."""
WEIGHTS = 2 * PARAMETERS
"""Bytes."""
REQUESTS = 50_000
"""Arrivals in the window of one replication."""


def prefill_seconds(prompts: int, tokens: int) -> float:
    """Reading weights and cache or computing, whichever is longer: attention is half of 4 L h within each prompt."""
    reading = (WEIGHTS + KV_BYTES * prompts * tokens) / BANDWIDTH
    computing = prompts * (2 * PARAMETERS * tokens + 2 * LAYERS * HIDDEN * tokens**2) / PEAK
    return max(reading, computing) + STEP


def decode_seconds(sequences: int, prompt: int, output: int) -> float:
    """All iterations after the first token; each reads the weights and what is held by then (reading is longer)."""
    held = (sequences * (prompt + emitted) for emitted in range(1, output))
    return sum((WEIGHTS + KV_BYTES * tokens) / BANDWIDTH + STEP for tokens in held)


def models() -> Iterator[Model]:
    """All of them."""
    yield _one_at_a_time()
    yield _answers_of_two_lengths()
    yield _prompts_alone()
    yield _batches_of_eight()


def _one_at_a_time() -> Model:
    prompt, output = 1000, 100
    first, rest = prefill_seconds(1, prompt), decode_seconds(1, prompt, output)
    rate = 0.7 / (first + rest)
    waiting = queueing.mdc_wait(rate, first + rest, 1)
    return _service(
        "LLM one at a time: M/D/1, load 0.7",
        rate,
        wait(waiting),
        wait_over(2.0, queueing.mdc_wait_over(2.0, rate, first + rest, 1)),
        Figure("mean TTFT, s", waiting + first + FIRST, f"{SERVICE}.ttft_s.mean"),
        Figure("mean TPOT, s", rest / (output - 1), f"{SERVICE}.tpot_s.mean"),
        watts(queueing.mean_power(1, 0.7, IDLE, BUSY)),
        prompt=prompt,
        output=output,
        largest=1,
    )


def _answers_of_two_lengths() -> Model:
    prompt, outputs, weights = 500, (20, 300), (0.8, 0.2)
    services = tuple(prefill_seconds(1, prompt) + decode_seconds(1, prompt, output) for output in outputs)
    mean, scv = queueing.moments(services, weights)
    rate = 0.6 / mean
    waiting = queueing.pollaczek_khinchine(rate, mean, scv)
    return _service(
        "LLM of two lengths: M/G/1, load 0.6",
        rate,
        wait(waiting),
        response(waiting + mean + FIRST),
        prompt=prompt,
        output={"choice": dict(zip(outputs, weights, strict=True))},
        largest=1,
    )


def _prompts_alone() -> Model:
    """Answers of one token: a prefill takes whoever waits, up to four."""
    prompt, largest, rate = 50, 4, 120.0
    theory = queueing.dynamic_batches(rate, [prefill_seconds(size, prompt) for size in range(1, largest + 1)])
    return _service(
        "LLM prefills of up to 4, 120/s",
        rate,
        response(theory.response + FIRST),
        busy(theory.busy),
        prompt=prompt,
        output=1,
        largest=largest,
    )


def _batches_of_eight() -> Model:
    """Eight arrive, start, and end together, so that a batch is a customer of M/D/1."""
    prompt, output, size = 500, 200, 8
    whole = prefill_seconds(size, prompt) + decode_seconds(size, prompt, output)
    rate = 0.7 / whole
    waiting = queueing.mdc_wait(rate, whole, 1)
    return _service(
        "LLM batches of 8: M/D/1, load 0.7",
        size * rate,
        wait(waiting),
        response(waiting + whole + FIRST),
        busy(0.7),
        arrivals={"process": "batch", "size": size},
        prompt=prompt,
        output=output,
        largest=size,
        requests=size * REQUESTS,
    )


def _service(
    name: str,
    rate: float,
    *figures: Figure,
    prompt: int,
    output: Any,
    largest: int,
    arrivals: dict[str, Any] | None = None,
    requests: int = REQUESTS,
) -> Model:
    """One replica of `largest` sequences at most."""
    efficiency = {"memory": 1, "decode_compute": 1, "prefill_compute": 1}
    accelerator = {
        "kind": "gpu",
        "memory": "80 GB",
        "memory_bandwidth": f"{BANDWIDTH / 1e9!r} GB/s",
        "peak_flops": {"bf16": f"{PEAK / 1e12!r} TFLOP/s"},
        "idle_power": f"{IDLE} W",
        "busy_power": f"{BUSY} W",
        "efficiency": efficiency | {"step_overhead": f"{STEP} s", "request_overhead": f"{FIRST} s"},
    }
    model = {"kind": "generative", "parameters": PARAMETERS, "layers": LAYERS, "hidden": HIDDEN, "heads": 10}
    service = {
        "model": "llm",
        "precision": "bf16",
        "pools": ["p"],
        "replicas": 1,
        "routing": "central_queue",
        "batching": {"policy": "continuous", "max_batch_size": largest},
        "requests": {
            "arrivals": {"process": "poisson", **(arrivals or {}), "rate": f"{rate!r}/s"},
            "lengths": {"prompt": prompt, "output": output},
        },
    }
    parts = {
        "accelerators": {"card": accelerator},
        "models": {"llm": model},
        "pools": {"p": {"accelerator": "card", "nodes": 1}},
        "services": {"s": service},
    }
    return Model(name, figures, parts, requests / rate, WARMUP / rate)
