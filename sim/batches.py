"""The window in equal parts, from which the interval of one long run is made.

A batch's figures have the names of the summary and are scaled to the window: a total is what the whole window would
have come to, had all of it gone like this batch. So their mean is the figure of the run, totals and rates alike.
"""

from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sim.accounts import Accounts
from sim.hardware.tables import GenerativeReplica
from sim.pool_summary import pool_summary
from sim.serving import layout
from sim.serving.request_plane import RequestPlane
from sim.serving.summary import EDGES, counts_by_service, latency_names
from sim.summary import (
    Summary,
    fleet_summary,
    phases_summary,
    service_work,
    site_summary,
    stream_bill,
)
from sim.telemetry import Totals

if TYPE_CHECKING:
    from sim.results import Run

IntArray = NDArray[np.int64]
ShortArray = NDArray[np.int32]
_TOTALS = """accelerator_hours energy_kwh energy_kwh_by_state energy_kwh_by_phase host_energy_kwh facility_energy_kwh
cost_usd cost_usd_by carbon_kg carbon_kg_by requests count switches failures"""
TOTALS = frozenset(_TOTALS.split())
"""Figures, and maps of figures, that grow with the time they are counted over."""


@dataclass
class Batches:
    """The totals at the edges of the batches, and the latencies counted in each."""

    plane: RequestPlane | None
    totals: list[Totals] = field(default_factory=list)
    counted: list[tuple[ShortArray, ShortArray]] = field(default_factory=list)
    """Of each batch the buckets (flat, over service, latency and bucket) that grew, and by how much."""
    _before: IntArray = field(default_factory=lambda: np.zeros(0, np.int64))

    def mark(self, totals: Totals) -> None:
        """Close a batch, or open the first, at the instant of these totals."""
        now = np.zeros(0, np.int64) if self.plane is None else counts_by_service(self.plane.plane).reshape(-1)
        if self.totals:
            grown = np.flatnonzero(now != self._before)
            self.counted.append((grown.astype(np.int32), (now[grown] - self._before[grown]).astype(np.int32)))
            self._before[grown] = now[grown]
        else:
            self._before = now.copy()
        self.totals.append(totals)


class BatchLatency(NamedTuple):
    """Buckets that hold something, of all batches: `batch`, `place` and `number` of requests, each of shape (n,).

    A place is that of a bucket, flat over services, metrics and buckets; `edges` (buckets, 2) are in seconds.
    """

    services: list[str]
    metrics: tuple[str, ...]
    edges: NDArray[np.float64]
    batch: ShortArray
    place: ShortArray
    number: ShortArray


def batch_latency(run: "Run") -> BatchLatency:
    """The latencies that were counted in each batch of a run's window."""
    counted = run.batches.counted
    batch = np.repeat(np.arange(len(counted), dtype=np.int32), [len(places) for places, _ in counted])
    place, number = (np.concatenate([each[part] for each in counted]) for part in range(2))
    return BatchLatency(list(run.prepared.scenario.services), layout.METRICS, EDGES, batch, place, number)


def batch_summaries(run: "Run") -> list[Summary]:
    """What each batch of a run's window says, in the form of a summary; none where it was not cut into batches."""
    edges = run.batches.totals
    window = run.closing.time - run.opening.time
    return [
        _scaled(_summary(replace(run, opening=opening, closing=closing)), window / (closing.time - opening.time))
        for opening, closing in pairwise(edges)
    ]


def _summary(run: "Run") -> Summary:
    scenario = run.prepared.scenario
    accounts = Accounts(scenario, run.ledger, run.opening, run.closing)
    return {
        "services": {
            name: _requests(run, index) | service_work(run, accounts, index)
            for index, name in enumerate(scenario.services)
        },
        "training": {name: stream_bill(accounts, name) for name in scenario.training},
        "pools": {name: pool_summary(run, accounts, name) for name in scenario.pools},
        "sites": {name: site_summary(run, accounts, name) for name in scenario.sites},
        "phases": phases_summary(run, accounts),
        "fleet": fleet_summary(run, accounts),
    }


def _requests(run: "Run", index: int) -> Summary:
    """Requests that left in a batch, of those that arrived in the window."""
    plan = run.request_plane.services[index]
    promised = run.prepared.scenario.services[plan.name].promised
    opening, closing = run.opening.services[index], run.closing.services[index]
    change = {name: float(closing[name] - opening[name]) for name in _COUNTERS}
    decided = sum(change[name] for name in ("completed", "rejected", "timed_out", "abandoned", "lost"))
    seconds = run.closing.time - run.opening.time
    shares = {name: change[f"met_{name}"] / decided if decided else None for name in promised}
    slo = {
        "attainment": change["met"] / decided if decided else None,
        "goodput_per_s": change["met"] / seconds,
        "by_limit": shares,
    }
    counts = {name: change[name] for name in ("arrived", "completed", "rejected", "timed_out", "abandoned", "lost")}
    return {"requests": counts, **_latencies(run, index), **({"slo": slo} if promised else {})}


_COUNTERS = ["arrived", "completed", "rejected", "timed_out", "abandoned", "lost"]
_COUNTERS += ["met", "met_ttft", "met_tpot", "met_itl", "met_e2e"]


def _latencies(run: "Run", index: int) -> Summary:
    generative = isinstance(run.request_plane.services[index].replica, GenerativeReplica)
    change = run.closing.moments[index] - run.opening.moments[index]
    blocks: Summary = {}
    for name in latency_names(generative=generative):
        number, total = change[layout.METRICS.index(name), :2].tolist()
        blocks[name] = {"mean": total / number if number else None, "count": number}
    return blocks


def _scaled(tree: Summary, factor: float, *, total: bool = False) -> Summary:
    """The tree with its totals times a factor."""
    return {
        key: _scaled(value, factor, total=total or key in TOTALS)
        if isinstance(value, dict)
        else value * factor
        if (total or key in TOTALS) and value is not None
        else value
        for key, value in tree.items()
    }
