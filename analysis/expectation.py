"""What a service would meet, reckoned without running it: its load, memory and least times."""

import math
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from analysis.arriving import Arriving, drawn
from analysis.pace import Pace, context, generative_pace, single_pass_pace, whole_pace
from sim.hardware import GenerativeReplica, MemoryFit, SinglePassReplica, fit
from sim.placing import kept_tokens
from sim.preparation import FOREVER, Prepared, requests_of
from sim.scenario.arrivals import TraceArrivals
from sim.scenario.clients import ClosedArrivals
from sim.scenario.requests import Part, parts
from sim.service_plans import seconds_per_token
from sim.workload.blocks import RequestBlock, Source, in_order
from sim.workload.distributions import FloatArray, mean, sampler
from sim.workload.lengths import IntArray, length_distributions, whole_tokens
from sim.workload.streams import stream

SAMPLE = 4096
"""Lengths, or amounts of work, that are drawn to see what requests are like."""
WEEK = 604800.0


class Tokens(NamedTuple):
    """The requests of a generative service against the memory of a replica."""

    memory: MemoryFit
    prompt: float
    output: float
    context: float
    """Tokens that a running request has reserved, on average over time."""
    too_long: float
    """Share of requests that exceed the KV cache and are rejected."""
    unsent: float
    """Share of the turns of sessions that are not sent, as with what was said before they exceed the KV cache."""


class Lengths(NamedTuple):
    """What arrives at a generative service, with the tokens of a sample of it, or of all of a trace."""

    arriving: Arriving
    prompt: IntArray
    output: IntArray
    unsent: float
    """Share of the turns that would have been sent if they fitted."""


@dataclass(frozen=True)
class ServiceExpectation:
    """What a service meets; loads are shares of what all its replicas can do with full batches."""

    arriving: Arriving
    pace: Pace
    load: float
    peak_load: float
    tokens: Tokens | None


def service_expectation(prepared: Prepared, name: str) -> ServiceExpectation:
    """Reckon one service. Uses up the source of its requests where that is a trace."""
    service, placed = prepared.scenario.services[name], prepared.replicas[name]
    tokens, paces = None, [Pace(1, 0.0, {})]
    if isinstance(placed[0].replica, GenerativeReplica):
        lengths = arriving_lengths(prepared, name)
        arriving, prompt, output = lengths[:3]
        fits = prompt + output <= longest(prepared, name)
        fitting = float(fits.mean()) if len(fits) else 0.0
        if len(prompt):
            tokens = _tokens(prepared, name, lengths, fitting)
        if fits.any():
            paces = [
                generative_pace(service, each.replica, prompt[fits], output[fits], fitting, each.group)
                for each in placed
                if isinstance(each.replica, GenerativeReplica)
            ]
    else:
        arriving, work, model = _arriving_work(prepared, name)
        if len(work):
            singles = [each.replica for each in placed if isinstance(each.replica, SinglePassReplica)]
            paces = [single_pass_pace(service, replica, work, model) for replica in singles]
    if arriving.at_most:
        arriving, _ = _all_drawn(prepared, name, paces[0].least.get("e2e", 0.0))
    able: dict[str, float] = {}
    for each, pace in zip(placed, paces, strict=False):
        able[each.group] = able.get(each.group, 0.0) + (each.number / pace.seconds if pace.seconds else math.inf)
    if tokens is not None and (groups := prepared.scenario.services[name].groups):
        carried = groups.kv_transfer.latency + tokens.prompt * seconds_per_token(prepared, name)
        pairs = min(groups.prefill.replicas.initial, groups.decode.replicas.initial)
        able["link"] = pairs / carried if carried else math.inf
    least = min(able.values())
    load, peak = (rate / least if least else math.inf for rate in arriving[:2])
    return ServiceExpectation(arriving, whole_pace(paces, [each.group for each in placed]), load, peak, tokens)


def _from_clients(prepared: Prepared, part: Part, pool: str, answer: float) -> Arriving:
    """What the clients of a class send: turns of sessions, or in a closed loop as often as answers (s) allow."""
    if isinstance(part.arrivals, ClosedArrivals):
        rate = part.arrivals.clients / (mean(part.arrivals.think_time) + answer)
        return Arriving(rate, rate, None if prepared.until == FOREVER else rate * prepared.until, at_most=True)
    assert not isinstance(part.arrivals, TraceArrivals)  # noqa: S101  traces are counted
    first = drawn(prepared, part.arrivals, pool)
    if not part.stream.sessions:
        return first
    turns = mean(part.stream.sessions.turns)  # of whole numbers; rounding others moves it a little
    number = None if first.number is None else turns * first.number
    return Arriving(turns * first.rate, turns * first.peak_rate, number)


def _recorded(source: Source) -> tuple[Arriving, RequestBlock]:
    """All requests of a trace."""
    blocks = []
    while len((block := source.next_block()).arrival):
        blocks.append(block)
    whole = in_order(blocks) if blocks else block
    return Arriving(source.mean_rate, source.mean_rate, len(whole.arrival)), whole


def longest(prepared: Prepared, name: str) -> int:
    """Tokens of prompt and output that every replica of a generative service has room for."""
    replicas = [each.replica for each in prepared.replicas[name]]
    return min(replica.kv_capacity for replica in replicas if isinstance(replica, GenerativeReplica))


def arriving_lengths(prepared: Prepared, name: str, *, anew: bool = False) -> Lengths:
    """Draw a sample of lengths, or use up the source of requests where that is a trace; `anew`: another one."""
    if _has_traces(prepared, name):
        arriving, recorded = _recorded(requests_of(prepared, name) if anew else prepared.requests[name])
        return Lengths(arriving, recorded.prompt_tokens, recorded.output_tokens, 0.0)
    arriving, sizes = _all_drawn(prepared, name)
    drawn = [[_lengths(prepared, name, part, which, size) for which in (0, 1)] for part, size in sizes]
    for (part, _), each in zip(sizes, drawn, strict=True):
        if part.stream.sessions and part.stream.sessions.history:
            each[:] = _with_history(prepared, name, part, *each)
    prompt, output = (np.concatenate(each) for each in zip(*drawn, strict=True))
    sent = len(prompt) / sum(size for _, size in sizes)
    number = None if arriving.number is None else arriving.number * sent
    arriving = arriving._replace(rate=arriving.rate * sent, peak_rate=arriving.peak_rate * sent, number=number)
    return Lengths(arriving, prompt, output, 1.0 - sent)


def _with_history(
    prepared: Prepared, name: str, part: Part, prompt: IntArray, output: IntArray
) -> tuple[IntArray, IntArray]:
    """Turns whose prompts begin with all tokens of their sessions; `prompt` and `output` are those of turns in a row.

    The first of a session is sent whatever its length; the others as long as each so far has fitted.
    """
    assert part.stream.sessions is not None  # noqa: S101  it is called for classes that have them
    draws = stream(prepared.scenario.seed, "expectation", name, *part.path, "turns")
    firsts = np.cumsum(whole_tokens(sampler(part.stream.sessions.turns, draws).draw(len(prompt))))
    firsts = np.concatenate(([0], firsts[firsts < len(prompt)]))
    before = np.cumsum(prompt + output) - (prompt + output)
    session = np.searchsorted(firsts, np.arange(len(prompt)), side="right") - 1
    whole: IntArray = prompt + before - before[firsts[session]]
    misfits = np.cumsum(whole + output > longest(prepared, name))
    until_first = np.concatenate(([0], misfits))[firsts]
    sent = misfits == until_first[session]
    sent[firsts] = True
    return whole[sent], output[sent]


def _lengths(prepared: Prepared, name: str, part: Part, which: int, size: int) -> IntArray:
    assert part.stream.lengths is not None  # noqa: S101  a generative model without a trace has them
    lengths = length_distributions(part.stream.lengths)[which]
    draws = stream(prepared.scenario.seed, "expectation", name, *part.path, ("prompt", "output")[which])
    return whole_tokens(sampler(lengths, draws).draw(size))


def _arriving_work(prepared: Prepared, name: str) -> tuple[Arriving, FloatArray, IntArray]:
    """What arrives, its work, and the number of its model."""
    service = prepared.scenario.services[name]
    models = np.array([service.models.index(service.model_of(part)) for part in parts(service.requests)])
    if _has_traces(prepared, name):
        arriving, recorded = _recorded(prepared.requests[name])
        return arriving, recorded.work, models[recorded.class_number]
    arriving, sizes = _all_drawn(prepared, name)
    work = np.concatenate([_work(prepared, name, part, size) for part, size in sizes])
    return arriving, work, np.repeat(models, [size for _, size in sizes])


def _work(prepared: Prepared, name: str, part: Part, size: int) -> FloatArray:
    if part.stream.work is None:
        return np.ones(size)
    draws = stream(prepared.scenario.seed, "expectation", name, *part.path, "work")
    work = sampler(part.stream.work, draws).draw(size)
    return work * (mean(part.stream.work) / (float(work.mean()) or 1.0))


def _has_traces(prepared: Prepared, name: str) -> bool:
    return any(isinstance(part.arrivals, TraceArrivals) for part in parts(prepared.scenario.services[name].requests))


def _all_drawn(prepared: Prepared, name: str, answer: float = 0.0) -> tuple[Arriving, list[tuple[Part, int]]]:
    """What arrives by processes, and how much each class makes of a sample, with answers after so long (s)."""
    service = prepared.scenario.services[name]
    classes = [
        (part, _from_clients(prepared, part, service.first_pool, answer))
        for part in parts(service.requests)
        if not isinstance(part.arrivals, TraceArrivals)
    ]
    rate, peak, number = (
        math.fsum(part.share * (found[which] or 0.0) for part, found in classes) for which in range(3)
    )
    sizes = [(part, max(1, round(SAMPLE * part.share * found.rate / (rate or 1.0)))) for part, found in classes]
    at_most = any(found.at_most for _, found in classes)
    return Arriving(rate, peak, None if classes[0][1].number is None else number, at_most), sizes


def _tokens(prepared: Prepared, name: str, lengths: Lengths, fitting: float) -> Tokens:
    _, prompt, output, unsent = lengths
    scenario, service, placed = prepared.scenario, prepared.scenario.services[name], prepared.replicas[name][-1]
    group, pool = service.replica_groups[placed.group], placed.pool
    memory = fit(
        scenario.accelerator(scenario.pools[pool].accelerator),
        scenario.model(service.model),
        tensor=group.tensor_in(pool),
        precision=group.precision_in(pool),
        batched_tokens=getattr(service.batching, "max_batched_tokens", 0),
        memory_utilization=service.kv_cache.memory_utilization if service.kv_cache else 0.0,
        block_size=service.kv_cache.block_size if service.kv_cache else 1,
    )
    if service.kv_cache:
        memory = replace(memory, kv_capacity=memory.kv_capacity - kept_tokens(service.kv_cache))
    held = context(service, prompt, output)
    return Tokens(memory, float(prompt.mean()), float(output.mean()), held, 1.0 - fitting, unsent)
