"""What a run would hold, reckoned without running it: load, memory and least times of services, demand of jobs."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from sim.hardware import GenerativeReplica, MemoryFit, SinglePassReplica, fit, iteration_seconds, prefill_seconds
from sim.preparation import FOREVER, Prepared, seconds_into_week
from sim.scenario.arrivals import TraceArrivals
from sim.scenario.requests import Part, parts
from sim.scenario.service import Service
from sim.scenario.training import TrainingStream
from sim.workload.arrivals import RandomArrivals, expected
from sim.workload.blocks import RequestBlock, in_order
from sim.workload.distributions import FloatArray, mean, sampler
from sim.workload.jobs import JobRequest
from sim.workload.lengths import IntArray, length_distributions, whole_tokens
from sim.workload.streams import stream

SAMPLE = 4096
"""Lengths, or amounts of work, that are drawn to see what requests are like."""
WEEK = 604800.0


class Arriving(NamedTuple):
    """What arrives. Rates in 1/s; `number` to the horizon, None where the run ends with its jobs."""

    rate: float
    peak_rate: float
    number: float | None


class Tokens(NamedTuple):
    """The requests of a generative service against the memory of a replica."""

    memory: MemoryFit
    prompt: float
    output: float
    context: float
    """Tokens that a running request has reserved, on average over time."""
    too_long: float
    """Share of requests that exceed the KV cache and are rejected."""


class Pace(NamedTuple):
    """How fast a replica is at best: seconds it spends, in full batches, on each request that arrives."""

    batch: int
    seconds: float
    least: Mapping[str, float]
    """Seconds of a median request on an idle replica, by limit (`ttft`, `tpot`, `e2e`)."""


@dataclass(frozen=True)
class ServiceExpectation:
    """What a service meets; loads are shares of what all its replicas can do with full batches."""

    arriving: Arriving
    pace: Pace
    load: float
    peak_load: float
    tokens: Tokens | None


@dataclass(frozen=True)
class TrainingExpectation:
    """What a stream of jobs asks for, and the accelerators that services leave it (`room`)."""

    arriving: Arriving
    work: float | None
    """Accelerator-seconds to the horizon; None where there is no end to it."""
    demand: float | None
    """Accelerators on average; None where the run ends with its jobs."""
    room: int
    impossible: list[str] = field(default_factory=list)
    """Jobs of a trace that no pool can ever hold."""


def service_expectation(prepared: Prepared, name: str) -> ServiceExpectation:
    """Reckon one service. Uses up the source of its requests where that is a trace."""
    service, replica = prepared.scenario.services[name], prepared.replicas[name]
    pace, tokens = Pace(1, 0.0, {}), None
    if isinstance(replica, GenerativeReplica):
        arriving, prompt, output = _arriving_tokens(prepared, name)
        fits = prompt + output <= replica.kv_capacity
        if len(prompt):
            tokens = _tokens(prepared, name, prompt, output, float(fits.mean()))
        if fits.any():
            pace = _generative_pace(service, replica, prompt[fits], output[fits], float(fits.mean()))
    else:
        arriving, work = _arriving_work(prepared, name)
        if len(work):
            pace = _single_pass_pace(service, replica, work)
    replicas = service.replicas.initial
    load, peak = (rate * pace.seconds / replicas if replicas else math.inf for rate in arriving[:2])
    return ServiceExpectation(arriving, pace, load, peak, tokens)


def training_expectation(prepared: Prepared, name: str) -> TrainingExpectation:
    """Reckon one stream of jobs. Uses up the source of its jobs where that is a trace."""
    spec = prepared.scenario.training[name]
    room = sum(prepared.pools[pool].free_total for pool in spec.pools)
    if isinstance(spec.arrivals, RandomArrivals) and spec.accelerators is not None and spec.duration is not None:
        arriving = _drawn(prepared, spec.arrivals, spec.pools[0])
        demand = arriving.rate * mean(spec.accelerators) * mean(spec.duration) * _checkpointing(spec)
        work = None if arriving.number is None else demand / arriving.rate * arriving.number
        return TrainingExpectation(arriving, work, demand, room)
    jobs = list(prepared.jobs[name])
    impossible = [job.job_id for job in jobs if not _can_run(prepared, spec, job)]
    work = sum(job.accelerators * job.duration for job in jobs) * _checkpointing(spec)
    until = prepared.until
    rate = len(jobs) / (jobs[-1].submit or 1.0 if until == FOREVER else until) if jobs else 0.0
    return TrainingExpectation(
        Arriving(rate, rate, len(jobs)), work, None if until == FOREVER else work / until, room, impossible
    )


def _drawn(prepared: Prepared, arrivals: RandomArrivals, pool: str) -> Arriving:
    endless = prepared.until == FOREVER
    start = seconds_into_week(prepared.scenario, pool)
    found = expected(arrivals, start_of_day=start, until=WEEK if endless else prepared.until)
    return Arriving(arrivals.rate, found.peak_rate, None if endless else found.arrivals)


def _recorded(prepared: Prepared, name: str) -> tuple[Arriving, RequestBlock]:
    """All requests of a trace."""
    source, blocks = prepared.requests[name], []
    while len((block := source.next_block()).arrival):
        blocks.append(block)
    whole = in_order(blocks) if blocks else block
    return Arriving(source.mean_rate, source.mean_rate, len(whole.arrival)), whole


def _arriving_tokens(prepared: Prepared, name: str) -> tuple[Arriving, IntArray, IntArray]:
    if _has_traces(prepared, name):
        arriving, recorded = _recorded(prepared, name)
        return arriving, recorded.prompt_tokens, recorded.output_tokens
    arriving, sizes = _all_drawn(prepared, name)
    prompt, output = (
        np.concatenate([_lengths(prepared, name, part, which, size) for part, size in sizes]) for which in (0, 1)
    )
    return arriving, prompt, output


def _lengths(prepared: Prepared, name: str, part: Part, which: int, size: int) -> IntArray:
    assert part.stream.lengths is not None  # noqa: S101  a generative model without a trace has them
    lengths = length_distributions(part.stream.lengths)[which]
    draws = stream(prepared.scenario.seed, "expectation", name, *part.path, ("prompt", "output")[which])
    return whole_tokens(sampler(lengths, draws).draw(size))


def _arriving_work(prepared: Prepared, name: str) -> tuple[Arriving, FloatArray]:
    if _has_traces(prepared, name):
        arriving, recorded = _recorded(prepared, name)
        return arriving, recorded.work
    arriving, sizes = _all_drawn(prepared, name)
    return arriving, np.concatenate([_work(prepared, name, part, size) for part, size in sizes])


def _work(prepared: Prepared, name: str, part: Part, size: int) -> FloatArray:
    if part.stream.work is None:
        return np.ones(size)
    draws = stream(prepared.scenario.seed, "expectation", name, *part.path, "work")
    work = sampler(part.stream.work, draws).draw(size)
    return work * (mean(part.stream.work) / (float(work.mean()) or 1.0))


def _has_traces(prepared: Prepared, name: str) -> bool:
    return any(isinstance(part.arrivals, TraceArrivals) for part in parts(prepared.scenario.services[name].requests))


def _all_drawn(prepared: Prepared, name: str) -> tuple[Arriving, list[tuple[Part, int]]]:
    """What arrives by processes, and how much each class makes of a sample."""
    service = prepared.scenario.services[name]
    classes = [
        (part, _drawn(prepared, part.arrivals, service.pools[0]))
        for part in parts(service.requests)
        if not isinstance(part.arrivals, TraceArrivals)
    ]
    rate, peak, number = (
        math.fsum(part.share * (found[which] or 0.0) for part, found in classes) for which in range(3)
    )
    sizes = [(part, max(1, round(SAMPLE * part.share * found.rate / (rate or 1.0)))) for part, found in classes]
    return Arriving(rate, peak, None if classes[0][1].number is None else number), sizes


def _single_pass_pace(service: Service, replica: SinglePassReplica, work: FloatArray) -> Pace:
    each = replica.latency[1:] / np.arange(1, len(replica.latency))
    best = int(np.argmin(each))
    least = {"e2e": service.client_latency + float(replica.latency[1] * np.median(work))}
    return Pace(best + 1, float(each[best] * work.mean()), least)


def _tokens(prepared: Prepared, name: str, prompt: IntArray, output: IntArray, fitting: float) -> Tokens:
    scenario, service, holdings = prepared.scenario, prepared.scenario.services[name], prepared.holdings[name]
    pool = holdings[0].pool if holdings else service.pools[0]
    memory = fit(
        scenario.accelerator(scenario.pools[pool].accelerator),
        scenario.model(service.model),
        tensor=service.parallelism.tensor,
        precision=service.precision,
        batched_tokens=getattr(service.batching, "max_batched_tokens", 0),
    )
    running = float((output * (prompt + output)).sum() / output.sum())
    return Tokens(memory, float(prompt.mean()), float(output.mean()), running, 1.0 - fitting)


def _generative_pace(
    service: Service, replica: GenerativeReplica, prompt: IntArray, output: IntArray, fitting: float
) -> Pace:
    """Reckon full batches: each prompt is prefilled alone, and decodes among as many as the KV cache holds.

    A request counts in a batch for as long as it runs, so lengths are weighted by the output. It has reserved its whole
    context from the start, and holds half of its output on average.
    """
    context = float((output * (prompt + output)).sum() / output.sum())
    held = float((output * (prompt + output / 2)).sum() / output.sum())
    batch = max(1, min(service.batching.max_batch_size, int(replica.kv_capacity / context)))
    decode = iteration_seconds(replica, batch, int(batch * held)) / batch * float(output.mean() - 1)
    prefill = float(np.mean([prefill_seconds(replica, (each,)) for each in prompt[:SAMPLE].tolist()]))
    middle = int(np.median(prompt))
    first = service.client_latency + replica.request_overhead + prefill_seconds(replica, (middle,))
    next_token = iteration_seconds(replica, 1, middle)
    least = {"ttft": first, "tpot": next_token, "e2e": first + next_token * (int(np.median(output)) - 1)}
    return Pace(batch, fitting * (prefill + decode), least)


def _can_run(prepared: Prepared, spec: TrainingStream, job: JobRequest) -> bool:
    return any(prepared.pools[pool].could_hold(job.accelerators) for pool in spec.pools)


def _checkpointing(spec: TrainingStream) -> float:
    """By how much checkpoints lengthen a job, about."""
    return 1.0 if spec.checkpoint is None else 1 + spec.checkpoint.cost / spec.checkpoint.interval
