"""How fast a replica is at best, reckoned from its laws: full batches, and as many of them as the KV cache holds."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from sim.hardware import GenerativeReplica, SinglePassReplica, iteration_seconds, mixed_seconds
from sim.scenario.service import ContinuousBatching, Service
from sim.workload.distributions import FloatArray
from sim.workload.lengths import IntArray


class Pace(NamedTuple):
    """How fast a replica is at best: seconds it spends, in full batches, on each request that arrives."""

    batch: int
    seconds: float
    least: Mapping[str, float]
    """Seconds of a median request on an idle replica, by limit (`ttft`, `tpot`, `itl`, `e2e`)."""


def single_pass_pace(service: Service, replica: SinglePassReplica, work: FloatArray, model: IntArray) -> Pace:
    """Reckon batches of the size that is best; `model` is the number of that of each request. Nothing is switched."""
    laws = (replica, *replica.others)
    shares = [(law, work[model == number]) for number, law in enumerate(laws)]
    paces = [(_pace_of_model(service, law, own), len(own) / len(work)) for law, own in shares if len(own)]
    return Pace(
        max(pace.batch for pace, _ in paces),
        sum(pace.seconds * part for pace, part in paces),
        min((pace.least for pace, _ in paces), key=lambda least: least["e2e"]),
    )


def _pace_of_model(service: Service, replica: SinglePassReplica, work: FloatArray) -> Pace:
    each = replica.latency[1:] / np.arange(1, len(replica.latency))
    best = int(np.argmin(each))
    least = {"e2e": service.client_latency + float(replica.latency[1] * np.median(work))}
    return Pace(best + 1, float(each[best] * work.mean()), least)


def context(service: Service, prompt: IntArray, output: IntArray) -> float:
    """Tokens of KV cache that a running request takes on average over time: half of its output, or all if reserved.

    A request counts for as long as it runs, so lengths are weighted by the output.
    """
    reserved = service.kv_cache is not None and service.kv_cache.preemption == "none"
    return float((output * (prompt + output * (1.0 if reserved else 0.5))).sum() / output.sum())


def generative_pace(
    service: Service, replica: GenerativeReplica, prompt: IntArray, output: IntArray, fitting: float, group: str = ""
) -> Pace:
    """Reckon full batches of requests with these lengths, a share `fitting` of those that arrive.

    `group`: whether the replica does nothing but `prefill`, or `decode`.
    """
    cached = (service.kv_cache.prefix_hit_rate if service.kv_cache else 0.0) * prompt
    tokens, squares = prompt - cached, prompt.astype(float) ** 2 - cached**2
    held = float((output * (prompt + output / 2)).sum() / output.sum())
    room = int(replica.kv_capacity / context(service, prompt, output))
    batch = max(1, min(service.batching.max_batch_size, room))
    if not group and isinstance(service.batching, ContinuousBatching) and service.batching.prefill == "chunked":
        # Each iteration brings a token to every sequence, and computes the prompts of as many requests as end in it.
        budget = service.batching.max_batched_tokens
        ending = min(batch / output.mean(), budget / (tokens.mean() + output.mean()))
        running = ending * output.mean()
        read = running * held + ending * prompt.mean()
        mixed = 2 * running * held + ending * squares.mean()
        seconds = mixed_seconds(replica.prefill, running + ending * tokens.mean(), read, mixed) / ending
    else:
        decode = iteration_seconds(replica, batch, int(batch * held)) / batch * float(output.mean() - 1)
        prefill = float(
            np.mean([mixed_seconds(replica.prefill, *each) for each in zip(tokens, prompt, squares, strict=True)])
        )
        seconds = decode * (group != "prefill") + prefill * (group != "decode")
    middle = int(np.median(prompt))
    first = mixed_seconds(replica.prefill, float(np.median(tokens)), middle, float(np.median(squares)))
    first += service.client_latency + replica.request_overhead
    next_token = iteration_seconds(replica, 1, middle)
    whole = first + next_token * (int(np.median(output)) - 1)
    return Pace(batch, fitting * float(seconds), {"ttft": first, "tpot": next_token, "itl": next_token, "e2e": whole})


def whole_pace(paces: Sequence[Pace], groups: Sequence[str]) -> Pace:
    """The pace of a service: of its first replica, or where groups prefill and decode what each does of it."""
    if "decode" not in groups:
        return paces[0]
    prefill, decode = paces[0], paces[min(groups.index("decode"), len(paces) - 1)]
    following = {"tpot", "itl"} & decode.least.keys()
    return decode._replace(least={**prefill.least, **{name: decode.least[name] for name in following}})
