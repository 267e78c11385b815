"""The latencies of several looks at one system: how many requests of each fell into which bucket."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise, product
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from analysis.statistics.intervals import FloatArray, IntArray
from sim.scenario import paths

if TYPE_CHECKING:
    import pandas as pd

    from sim.results import Result

Whole = NDArray[np.integer[Any]]


@dataclass(frozen=True)
class Histograms:
    """Buckets that hold something, of all looks: `look`, `code` and `count`, each of shape (n,), ascending by code.

    A code is that of a latency times the number of buckets, plus that of a bucket; `edges` (buckets, 2) ascend, in
    seconds. `blocks` says which rows are of a latency, by its path such as `services.chat.ttft_s`.
    """

    looks: int
    edges: FloatArray
    blocks: Mapping[str, slice]
    look: Whole
    code: Whole
    count: Whole

    @classmethod
    def of_each(cls, frames: Sequence["pd.DataFrame"]) -> "Histograms":
        """From a table for each look: service, metric, low_s, high_s, count."""
        import pandas as pd

        every = pd.concat(frames, ignore_index=True)
        look = np.repeat(np.arange(len(frames)), [len(frame) for frame in frames])
        low, high, count = (every[name].to_numpy() for name in ("low_s", "high_s", "count"))
        lows, first, bucket = np.unique(low, return_index=True, return_inverse=True)
        service, services = pd.factorize(every["service"])
        metric, metrics = pd.factorize(every["metric"])
        code = (service * len(metrics) + metric) * len(lows) + bucket
        edges = np.column_stack([lows, high[first]])
        return cls._sorted(len(frames), edges, _names(services, metrics), look, code, count)

    @classmethod
    def of_batches(cls, result: "Result") -> "Histograms":
        """From the batches of one run."""
        found = result.batch_latency
        names = _names(found.services, found.metrics)
        return cls._sorted(len(result.batches), found.edges, names, found.batch, found.place, found.number)

    @classmethod
    def _sorted(
        cls, looks: int, edges: FloatArray, names: Sequence[str], look: Whole, code: Whole, count: Whole
    ) -> "Histograms":
        order = np.argsort(code)  # looks of one bucket may come in any order
        code = code[order]
        starts = np.searchsorted(code, np.arange(len(names) + 1) * len(edges)).tolist()
        blocks = {name: slice(*ends) for name, ends in zip(names, pairwise(starts), strict=True) if ends[0] < ends[1]}
        return cls(looks, edges, blocks, look[order], code, count[order])

    def at(self, places: Sequence[int]) -> "Histograms":
        """Some of the looks, each once, in this order."""
        renamed = np.full(self.looks, -1)
        renamed[list(places)] = np.arange(len(places))
        look = renamed[self.look]
        kept = look >= 0
        before = np.concatenate([[0], np.cumsum(kept)]).tolist()
        blocks = {path: slice(before[rows.start], before[rows.stop]) for path, rows in self.blocks.items()}
        blocks = {path: rows for path, rows in blocks.items() if rows.start < rows.stop}
        return Histograms(len(places), self.edges, blocks, look[kept], self.code[kept], self.count[kept])

    def table(self) -> "pd.DataFrame":
        """As a table that `of_table` reads back: replication (from 1), service, metric, low_s, high_s, count."""
        import pandas as pd

        parts = []
        for path, rows in self.blocks.items():
            _, service, metric = paths.resolve(path, {})
            low, high = self.edges[self.code[rows] % len(self.edges)].T
            columns = {"service": service, "metric": metric, "low_s": low, "high_s": high, "count": self.count[rows]}
            parts.append(pd.DataFrame({"replication": self.look[rows] + 1, **columns}))
        return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame({name: [] for name in _COLUMNS})

    @classmethod
    def of_table(cls, table: "pd.DataFrame", looks: int) -> "Histograms":
        """From one table of so many replications."""
        by_number = dict(iter(table.groupby("replication")))
        return cls.of_each([by_number.get(number, table.iloc[:0]) for number in range(1, looks + 1)])

    def of(self, block: str) -> tuple[IntArray, FloatArray]:
        """Counts by look and bucket (m, k), of the k buckets that hold something, and their edges (k, 2). KeyError."""
        rows = self.blocks[block]
        code = self.code[rows]
        fresh = np.concatenate([[True], np.diff(code) > 0])
        counts = np.zeros((self.looks, np.count_nonzero(fresh)), np.int64)
        counts[self.look[rows], np.cumsum(fresh) - 1] = self.count[rows]
        return counts, self.edges[code[fresh] % len(self.edges)]


_COLUMNS = ("replication", "service", "metric", "low_s", "high_s", "count")


def _names(services: Iterable[str], metrics: Iterable[str]) -> list[str]:
    return [paths.join(("services", str(service), str(metric))) for service, metric in product(services, metrics)]
