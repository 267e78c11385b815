"""The requests of one service, in blocks: when each arrives, how long it is, how much work it brings."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from sim.scenario.arrivals import TraceArrivals
from sim.scenario.clients import ClosedArrivals
from sim.scenario.requests import RequestClasses, Requests, parts
from sim.workload.arrivals import ArrivalSource, arrival_source
from sim.workload.blocks import FloatArray, MergedSource, RequestBlock, Source, blank
from sim.workload.demand import Demand, demand_of
from sim.workload.distributions import Sampler, sampler
from sim.workload.request_traces import BlockHashes, RequestTrace, read_request_trace
from sim.workload.streams import stream

BLOCK_SPAN = 600.0
"""Seconds that a block covers on average."""
SMALLEST_BLOCK, LARGEST_BLOCK = 256, 65536


class RequestSource:
    """Requests that arrive together, all of one class; any block size gives the same, bit for bit."""

    def __init__(
        self,
        arrivals: ArrivalSource,
        demand: Demand,
        block_size: int | None = None,
        class_number: int = 0,
        hashes: BlockHashes | None = None,
    ) -> None:
        self.mean_rate = arrivals.mean_rate
        self.has_lengths = demand.lengths is not None
        self.block_size = block_size or _usual_block(arrivals.mean_rate)
        self._arrivals = arrivals
        self._demand = demand
        self._class_number = class_number
        self.hashes = hashes

    def next_block(self) -> RequestBlock:
        """Return the next requests, at most `block_size`; none once the arrivals have ended."""
        arrival = self._arrivals.next_block(self.block_size)
        n = len(arrival)
        return RequestBlock(
            arrival=arrival, class_number=np.full(n, self._class_number), **self._demand.draw(n)._asdict()
        )


class SharedSource:
    """Requests that arrive together, each of a class that is drawn by the classes' shares."""

    def __init__(
        self,
        arrivals: ArrivalSource,
        classes: Sequence[tuple[int, float, Demand]],
        choice: np.random.Generator,
        block_size: int | None = None,
    ) -> None:
        self.mean_rate = arrivals.mean_rate
        self.has_lengths = all(demand.lengths is not None for *_, demand in classes)
        self.block_size = block_size or _usual_block(arrivals.mean_rate)
        self._arrivals = arrivals
        self._classes = classes
        self._choice = choice

    def next_block(self) -> RequestBlock:
        """Return the next requests, at most `block_size`; none once the arrivals have ended."""
        arrival = self._arrivals.next_block(self.block_size)
        n = len(arrival)
        below = np.cumsum([share for _, share, _ in self._classes])[:-1]
        chosen = np.searchsorted(below, self._choice.random(n), side="right")
        block = blank(n)._replace(arrival=arrival)
        for place, (class_number, _, demand) in enumerate(self._classes):
            at = np.flatnonzero(chosen == place)
            block.class_number[at] = class_number
            for name, drawn in demand.draw(len(at))._asdict().items():
                getattr(block, name)[at] = drawn
        return block


def _usual_block(rate: float) -> int:
    return round(min(max(rate * BLOCK_SPAN, SMALLEST_BLOCK), LARGEST_BLOCK))


def request_source(
    name: str,
    requests: Requests | RequestClasses,
    *,
    seed: int,
    folder: Path,
    start_of_day: float = 0.0,
    until: float,
    block_size: int | None = None,
) -> Source:
    """Start the requests of the service `name` that arrive before `until` (s).

    `start_of_day` is the local time of second 0 in seconds after Monday's midnight, at a fixed offset. Paths of
    traces are relative to `folder`. Without a block size, blocks cover some ten minutes. Every class draws from streams
    of its own. Raises TraceError.
    """
    path = ("services", name, "requests")
    clock: dict[str, Any] = {"seed": seed, "start_of_day": start_of_day, "until": until}
    sources: list[Source] = []
    together: list[tuple[int, float, Demand]] = []
    for number, part in enumerate(parts(requests)):
        own = (*path, *part.path)
        if isinstance(part.arrivals, ClosedArrivals):
            continue
        sessions = part.stream.sessions
        demand = demand_of(part.stream, seed, own, sessions.think_time if sessions else None)
        if sessions:
            demand.turns = sampler(sessions.turns, stream(seed, *own, "turns"))
        if isinstance(part.arrivals, TraceArrivals):
            trace = read_request_trace(part.arrivals.format, folder / part.arrivals.path)
            recorded = RecordedArrivals(trace.arrival, until)
            sources.append(RequestSource(recorded, _recorded(trace, demand), block_size, number, trace.hashes))
        elif part.shares:
            together.append((number, part.share, demand))
            common = part.arrivals
        else:
            arrivals = arrival_source(part.arrivals, path=(*own, "arrivals"), **clock)
            sources.append(RequestSource(arrivals, demand, block_size, number))
    if together:
        arrivals = arrival_source(common, path=(*path, "arrivals"), **clock)
        sources.append(SharedSource(arrivals, together, stream(seed, *path, "class"), block_size))
    if not sources:
        return RequestSource(NoArrivals(), Demand())
    return sources[0] if len(sources) == 1 else MergedSource(sources)


def _recorded(trace: RequestTrace, demand: Demand) -> Demand:
    """What the trace says of its requests goes before what the scenario says."""
    if trace.prompt is not None and trace.output is not None:
        demand.lengths = _column(trace.prompt), _column(trace.output)
    if trace.work is not None:
        demand.work = _column(trace.work)
    return demand


class NoArrivals:
    """Nothing ever arrives from outside: all clients are in closed loops."""

    mean_rate = 0.0

    def next_block(self, n: int) -> FloatArray:
        """Return none of n times."""
        return np.zeros(0 * n)


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
