"""The requests of one service, in blocks: when each arrives, how long it is, how much work it brings."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from sim.scenario.arrivals import TraceArrivals
from sim.scenario.service import Requests
from sim.workload.arrivals import ArrivalSource, arrival_source
from sim.workload.distributions import FloatArray, Sampler, sampler
from sim.workload.lengths import IntArray, length_distributions, whole_tokens
from sim.workload.request_traces import RequestTrace, read_request_trace
from sim.workload.streams import stream

BLOCK_SPAN = 600.0
"""Seconds that a block covers on average."""
SMALLEST_BLOCK, LARGEST_BLOCK = 256, 65536


class RequestBlock(NamedTuple):
    """Consecutive requests, each shape (n,)."""

    arrival: FloatArray
    """s, ascending."""
    prompt_tokens: IntArray
    output_tokens: IntArray
    """At least 1 each; 0 where requests have no lengths (single-pass models)."""
    work: FloatArray
    """Multiples of a pass."""
    class_number: IntArray | None = None
    """Of several classes the one of each request."""


class RequestSource:
    """The requests of one service in order of arrival; any block size gives the same requests, bit for bit."""

    def __init__(
        self,
        arrivals: ArrivalSource,
        lengths: tuple[Sampler, Sampler] | None,
        work: Sampler | None,
        block_size: int | None,
    ) -> None:
        self.mean_rate = arrivals.mean_rate
        self.has_lengths = lengths is not None
        self.block_size = block_size or round(min(max(arrivals.mean_rate * BLOCK_SPAN, SMALLEST_BLOCK), LARGEST_BLOCK))
        self._arrivals = arrivals
        self._lengths = lengths
        self._work = work

    def next_block(self) -> RequestBlock:
        """Return the next requests, at most `block_size`; none once the arrivals have ended."""
        arrival = self._arrivals.next_block(self.block_size)
        n = len(arrival)
        work = self._work.draw(n) if self._work else np.ones(n)
        if self._lengths is None:
            return RequestBlock(arrival, np.zeros(n, np.int64), np.zeros(n, np.int64), work)
        prompt, output = (whole_tokens(length.draw(n)) for length in self._lengths)
        return RequestBlock(arrival, prompt, output, work)


def request_source(
    name: str,
    requests: Requests,
    *,
    seed: int,
    folder: Path,
    start_of_day: float = 0.0,
    until: float,
    block_size: int | None = None,
) -> RequestSource:
    """Start the requests of the service `name` that arrive before `until` (s).

    `start_of_day` is the local time of second 0 in seconds after Monday's midnight, at a fixed offset. Paths of
    traces are relative to `folder`. Without a block size, blocks cover some ten minutes. Raises TraceError.
    """
    path = ("services", name, "requests")
    work = sampler(requests.work, stream(seed, *path, "work")) if requests.work is not None else None
    if isinstance(requests.arrivals, TraceArrivals):
        trace = read_request_trace(requests.arrivals.format, folder / requests.arrivals.path)
        return _recorded(trace, work, until, block_size)
    arrivals = arrival_source(
        requests.arrivals, seed=seed, path=(*path, "arrivals"), start_of_day=start_of_day, until=until
    )
    lengths = None
    if requests.lengths is not None:
        prompt, output = length_distributions(requests.lengths)
        lengths = sampler(prompt, stream(seed, *path, "prompt")), sampler(output, stream(seed, *path, "output"))
    return RequestSource(arrivals, lengths, work, block_size)


def _recorded(trace: RequestTrace, work: Sampler | None, until: float, block_size: int | None) -> RequestSource:
    arrivals = RecordedArrivals(trace.arrival, until)
    lengths = None
    if trace.prompt is not None and trace.output is not None:
        lengths = _column(trace.prompt), _column(trace.output)
    return RequestSource(arrivals, lengths, _column(trace.work) if trace.work is not None else work, block_size)


class RecordedArrivals:
    """The arrival times of a trace, before some end."""

    def __init__(self, times: FloatArray, until: float) -> None:
        self._next = _column(times[: np.searchsorted(times, until)])
        span = float(times[-1] - times[0])
        self.mean_rate = (len(times) - 1) / span if span > 0 else float(len(times))

    def next_block(self, n: int) -> FloatArray:
        """Return the next n times."""
        return self._next.draw(n)


def _column(values: FloatArray) -> Sampler:
    """Give the values of a column in their order."""
    position = 0

    def draw(n: int) -> FloatArray:
        nonlocal position
        position += n
        return values[position - n : position]

    return Sampler(draw)
