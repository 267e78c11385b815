"""What the request plane has counted of a service, as the blocks of a summary."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.serving import layout
from sim.serving.counting import BUCKETS, bucket_edges

Block = dict[str, float | None]
QUANTILES = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99, "p999": 0.999}
EDGES = np.array([bucket_edges(bucket) for bucket in range(BUCKETS)])
"""Seconds, shape (buckets, 2)."""


def latency_block(counts: NDArray[np.int64], moments: NDArray[np.float64]) -> Block:
    """{mean, sd, p50 ... p999, max, count} of one latency in seconds; all null but the count where nothing was counted.

    Moments are exact; a quantile is interpolated in its bucket and so within 0.8 % of the sample's.
    """
    number, total, squares, largest = (float(value) for value in moments)
    if number == 0:
        return {"mean": None, "sd": None, **dict.fromkeys(QUANTILES), "max": None, "count": 0}
    mean = total / number
    spread = max(squares / number - mean * mean, 0.0)
    block: Block = {"mean": mean, "sd": math.sqrt(spread * number / (number - 1)) if number > 1 else None}
    cumulative = np.cumsum(counts)
    for name, level in QUANTILES.items():
        block[name] = min(_quantile(counts, cumulative, level * number), largest)
    return block | {"max": largest, "count": int(number)}


def _quantile(counts: NDArray[np.int64], cumulative: NDArray[np.int64], rank: float) -> float:
    bucket = int(np.searchsorted(cumulative, rank))
    if bucket == 0:
        return 0.0
    low, high = EDGES[bucket]
    inside = (rank - (cumulative[bucket] - counts[bucket])) / counts[bucket]
    return float(low + (high - low) * inside)


def latency_names(*, generative: bool) -> tuple[str, ...]:
    """The latencies that a service has."""
    return layout.METRICS if generative else ("queueing_s", "e2e_s")


def latency_blocks(plane: layout.Plane, index: int, *, generative: bool) -> dict[str, dict[str, Any]]:
    """The latency blocks of a service by name."""
    rows = {name: layout.METRICS.index(name) for name in latency_names(generative=generative)}
    return {
        name: {**latency_block(plane.counts[index, row], plane.moments[index, row]), **_over(plane, index, row)}
        for name, row in rows.items()
    }


def _over(plane: layout.Plane, index: int, row: int) -> dict[str, Any]:
    """The share of requests beyond each registered limit, counted one by one."""
    limits, number = plane.limits[index, row].tolist(), float(plane.moments[index, row, 0])
    shares = {
        repr(limit): float(over) / number if number else None
        for limit, over in zip(limits, plane.overs[index, row], strict=True)
        if limit < layout.NEVER
    }
    return {"over": shares} if shares else {}


def open_requests(plane: layout.Plane, index: int, now: float) -> tuple[int, int]:
    """Requests of the window that are in flight, and how many of them have not yet missed a limit.

    A limit has been missed for certain when the time to first token, a time between two tokens or the end-to-end time
    is already longer.
    """
    service, requests, clock = plane.services[index], plane.requests, plane.clock[0]
    mine = (requests["status"] != layout.FREE) & (requests["service"] == index)
    mine &= (requests["arrival"] >= clock["window_start"]) & (requests["arrival"] < clock["window_end"])
    open_ones = requests[mine]
    constant = _constant_latency(plane, index, open_ones)
    age = now - open_ones["arrival"] + constant
    missed = age > service["slo_e2e"]
    if service["generative"]:
        since_first = open_ones["first_token"] - open_ones["arrival"] + constant
        ttft = np.where(has_first_token(open_ones), since_first, age)
        missed |= ttft > service["slo_ttft"]
        missed |= _has_late_token(plane, index)[mine]
    return len(open_ones), int(np.count_nonzero(~missed))


def has_first_token(requests: NDArray[Any]) -> NDArray[np.bool_]:
    """Which requests in flight have emitted their first token."""
    return ~np.isnan(requests["first_token"])


def _constant_latency(plane: layout.Plane, index: int, requests: NDArray[Any]) -> NDArray[np.float64]:
    """Seconds that come on top of each request's times, at least, where no replica has it yet."""
    mine = plane.replicas[plane.replicas["service"] == index]
    least = min(plane.laws["constant_latency"][mine["law"]], default=0.0)
    bound = plane.laws["constant_latency"][plane.replicas["law"][requests["replica"]]] if len(mine) else least
    return np.where(requests["replica"] == layout.NONE, least, bound)


def _has_late_token(plane: layout.Plane, index: int) -> NDArray[np.bool_]:
    """Which requests have had a token later after the one before than the objective of this service allows."""
    late = has_first_token(plane.requests) & (plane.requests["late"] == layout.NONE)
    if plane.services[index]["slo_itl"] < layout.NEVER:
        for replica in plane.replicas[plane.replicas["service"] == index]:
            members = plane.batches[replica["members_at"] :][: replica["batch"]]["request"]
            late[members] |= plane.requests["late"][members] != replica["late"]
    return late


def request_counts(plane: layout.Plane, index: int, now: float) -> dict[str, int]:
    """The requests that arrived in the window, by what became of them."""
    service = plane.services[index]
    in_flight, undecided = open_requests(plane, index, now)
    counted = {name: int(service[name]) for name in ("arrived", "completed", "rejected", "timed_out")}
    return counted | {"abandoned": 0, "lost": 0, "in_flight": in_flight, "undecided": undecided}


def slo_block(
    plane: layout.Plane, index: int, limits: Mapping[str, float], now: float, window: float
) -> dict[str, Any]:
    """Attainment over all requests of the window that are decided, goodput, and the share within each limit.

    Requests that were rejected or timed out miss every limit, and so do those in flight that are late already.
    """
    service = plane.services[index]
    counts = request_counts(plane, index, now)
    decided = counts["arrived"] - counts["undecided"]
    share = {name: float(service[f"met_{name}"]) / decided if decided else None for name in limits}
    return {
        "attainment": float(service["met"]) / decided if decided else None,
        "goodput_per_s": float(service["met"]) / window,
        "by_limit": share,
    }


def unfinished_waiting(plane: layout.Plane, index: int, start: float, end: float) -> tuple[float, float]:
    """Request-seconds in [start, end) of requests still in flight, which have no last stamp: waiting, and running."""
    requests = plane.requests[plane.requests["service"] == index]
    spent = np.maximum(0.0, end - np.maximum(requests["since"], start))
    waits = np.isin(requests["status"], (layout.WAITING, layout.PREEMPTED, layout.SWAPPED))
    return float(spent[waits].sum()), float(spent[requests["status"] == layout.RUNNING].sum())
