"""Blocks of consecutive requests, and sources of them that are merged in order of arrival."""

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


class RequestBlock(NamedTuple):
    """Consecutive requests, each shape (n,)."""

    arrival: FloatArray
    """s, ascending."""
    prompt_tokens: IntArray
    output_tokens: IntArray
    """At least 1 each; 0 where requests have no lengths (single-pass models)."""
    work: FloatArray
    """Multiples of a pass."""
    class_number: IntArray
    """The class of each; 0 where there is but one."""
    patience: FloatArray
    """s; infinite where it does not end."""
    retry_delay: FloatArray
    """s until the second attempt."""
    think_time: FloatArray
    """s from the answer to the client's next request."""
    turns: IntArray
    """Of the session that begins with the request; 1 where there are none."""


def blank(n: int) -> RequestBlock:
    """Return room for n requests."""
    columns: list[Any] = [
        np.zeros(n, np.int64 if kind is IntArray else np.float64) for kind in RequestBlock.__annotations__.values()
    ]
    return RequestBlock._make(columns)


def in_order(blocks: Sequence[RequestBlock]) -> RequestBlock:
    """Join blocks in order of arrival; at one instant the first class comes first."""
    joined = RequestBlock._make(np.concatenate(column) for column in zip(*blocks, strict=True))
    order = np.lexsort((joined.class_number, joined.arrival))
    return RequestBlock._make(column[order] for column in joined)


class Source(Protocol):
    """Requests in order of arrival; any block size gives the same requests, bit for bit."""

    mean_rate: float
    """1/s."""
    has_lengths: bool
    block_size: int

    def next_block(self) -> RequestBlock:
        """Return the next requests, at most `block_size`; none once the arrivals have ended."""
        ...


class MergedSource:
    """The requests of several sources, each of classes of its own, in order of arrival."""

    def __init__(self, sources: Sequence[Source]) -> None:
        self.mean_rate = sum(source.mean_rate for source in sources)
        self.has_lengths = all(source.has_lengths for source in sources)
        self.block_size = sum(source.block_size for source in sources)
        self._sources = sources
        self._seen = np.full(len(sources), -np.inf)
        """The last arrival that is known of each source; infinite when it has ended."""
        self._waiting = blank(0)

    def next_block(self) -> RequestBlock:
        """Return the next requests: those ahead of all that is still to come from any source."""
        while (ready := self._ready()) == 0 and self._seen.min() < np.inf:
            self._look_further(int(np.argmin(self._seen)))
        n = min(ready, self.block_size)
        block = RequestBlock._make(column[:n] for column in self._waiting)
        self._waiting = RequestBlock._make(column[n:] for column in self._waiting)
        return block

    def _ready(self) -> int:
        return int(np.searchsorted(self._waiting.arrival, self._seen.min()))

    def _look_further(self, source: int) -> None:
        block = self._sources[source].next_block()
        self._seen[source] = block.arrival[-1] if len(block.arrival) else np.inf
        self._waiting = in_order((self._waiting, block))
