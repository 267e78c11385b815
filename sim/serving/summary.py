"""What the request plane has counted of a service, as the blocks of a summary."""

import math
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sim.serving import layout
from sim.serving.counting import BUCKETS, HOUR, HOURS, bucket_edges
from sim.serving.service_plan import ServicePlan

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


def classes_of(plane: layout.Plane, index: int) -> range:
    """The indices of a service's classes; its own where it has but one."""
    first, number = plane.services[index]["first_class"], plane.services[index]["classes"]
    return range(first, first + number)


def classes_of_requests(plane: layout.Plane) -> NDArray[np.int64]:
    """The class of each request slot."""
    return np.asarray(plane.requests["service" if plane.full is None else "class_index"])


def _service_of(plane: layout.Plane, classes: Sequence[int]) -> int:
    """The service that some classes belong to."""
    first = classes[0]
    return first if first < len(plane.services) else int(plane.classes[first]["service"])


def counts_by_service(plane: layout.Plane) -> NDArray[np.int64]:
    """Histograms (service, metric, bucket), over all classes and groups of replicas."""
    services = number_of_services(plane)
    if len(plane.classes) == services:
        return plane.counts
    counts = plane.counts[:services].copy()
    np.add.at(counts, plane.classes["service"][services:], plane.counts[services:])
    return counts


def number_of_services(plane: layout.Plane) -> int:
    """The services of a plane, whose groups of replicas that decode follow behind them."""
    return int(np.count_nonzero(plane.services["parent"] == np.arange(len(plane.services))))


def services_of_replicas(plane: layout.Plane) -> NDArray[np.int64]:
    """The service that each replica works for."""
    return np.asarray(plane.services["parent"][plane.replicas["service"]])


SUMMED = (
    "batches",
    "batched",
    "computed_tokens",
    "kv_capacity",
    "transferring",
    "transfers",
    *("waiting_area", "running_area", "kv_area", "waiting_sum", "running_sum", "transferring_area", "transferring_sum"),
)
"""What is kept by group of replicas, and is of the service as a whole only when added up."""


def whole_services(plane: layout.Plane) -> NDArray[Any]:
    """Records of the services, with what their groups of replicas have done added to them."""
    number = number_of_services(plane)
    records = plane.services[:number].copy()
    for name in SUMMED if number < len(plane.services) else ():
        np.add.at(records[name], plane.services["parent"][number:], plane.services[name][number:])
    return records


def latency_blocks(plane: layout.Plane, index: int, *, generative: bool) -> dict[str, dict[str, Any]]:
    """The latency blocks of a service by name."""
    rows = sorted({index, *classes_of(plane, index), *np.flatnonzero(plane.services["parent"] == index)})
    return _blocks(plane, index, rows, latency_names(generative=generative))


def latency_blocks_of_class(plane: layout.Plane, class_index: int, *, generative: bool) -> dict[str, dict[str, Any]]:
    """The latency blocks of one of several classes."""
    return _blocks(plane, class_index, [class_index], latency_names(generative=generative))


def _blocks(plane: layout.Plane, index: int, rows: list[int], names: Sequence[str]) -> dict[str, dict[str, Any]]:
    """The latencies that are counted at some rows, with the moments and limits that stand at `index`."""
    blocks = {}
    for name in names:
        metric = layout.METRICS.index(name)
        block = latency_block(plane.counts[rows, metric].sum(axis=0), plane.moments[index, metric])
        limits, overs = plane.limits[index, metric].tolist(), plane.overs[rows, metric].sum(axis=0).tolist()
        number = block["count"]
        shares = {
            repr(limit): over / number if number else None
            for limit, over in zip(limits, overs, strict=True)
            if limit < layout.NEVER
        }
        blocks[name] = {**block, **({"over": shares} if shares else {})}
    return blocks


def open_requests(plane: layout.Plane, classes: Sequence[int], now: float) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Requests of the window that are in flight, and which of them have already missed a limit.

    A limit has been missed for certain when the time to first token, a time between two tokens or the end-to-end time
    is already longer.
    """
    index, requests, clock = _service_of(plane, classes), plane.requests, plane.clock[0]
    service = plane.services[index]
    of_class = classes_of_requests(plane)
    mine = ~np.isin(requests["status"], layout.OUT_OF_FLIGHT) & np.isin(of_class, classes)
    mine &= (requests["arrival"] >= clock["window_start"]) & (requests["arrival"] < clock["window_end"])
    open_ones = requests[mine]
    promised = plane.classes[of_class[mine]]
    constant = _constant_latency(plane, index, open_ones)
    age = now - open_ones["arrival"] + constant
    missed = age > promised["slo_e2e"]
    if service["generative"]:
        since_first = open_ones["first_token"] - open_ones["arrival"] + constant
        ttft = np.where(has_first_token(open_ones), since_first, age)
        missed |= ttft > promised["slo_ttft"]
        missed |= _has_late_token(plane, index)[mine]
    return open_ones, missed


class Presence(NamedTuple):
    """How many replicas of a service were there between two readings of its record, ready or draining."""

    replica_seconds: float
    token_seconds: float
    """Of the KV caches of all of them."""
    block: Block


def presence(plan: ServicePlan, opening: Any, closing: Any, window: float) -> Presence:
    """The presence of a service's replicas between two of its records, `window` seconds apart."""
    if plan.ready is None:
        number = plan.replicas + (plan.decode.replicas if plan.decode else 0)
        block: Block = {"mean": float(number), "max": number, "started": 0, "stopped": 0}
        return Presence(number * window, float(closing["kv_capacity"]) * window, block)
    there, tokens = (float(closing[name] - opening[name]) for name in ("presence_area", "capacity_area"))
    changes = {name: int(closing[name] - opening[name]) for name in ("started", "stopped")}
    return Presence(there, tokens, {"mean": there / window, "max": int(closing["most_present"]), **changes})


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
        for replica in plane.replicas[services_of_replicas(plane) == index]:
            members = plane.batches[replica["members_at"] :][: replica["batch"]]["request"]
            late[members] |= plane.requests["late"][members] != replica["late"]
    return late


def request_counts(plane: layout.Plane, index: int, now: float) -> dict[str, int]:
    """The requests of a service that arrived in the window, by what became of them."""
    return counts_of_classes(plane, classes_of(plane, index), now)


def counts_of_classes(plane: layout.Plane, classes: Sequence[int], now: float) -> dict[str, int]:
    """The requests of some classes of a service that arrived in the window, by what became of them."""
    open_ones, missed = open_requests(plane, classes, now)
    ends = ("arrived", "completed", "rejected", "timed_out", "abandoned", "lost", "retries", "cut_sessions")
    counted = {name: int(plane.classes[name][classes].sum()) for name in ends}
    undecided = int(np.count_nonzero(~missed))
    return counted | {"in_flight": len(open_ones), "undecided": undecided}


def slo_block(
    plane: layout.Plane, classes: Sequence[int], limits: Iterable[str], now: float, window: float
) -> dict[str, Any]:
    """Attainment of some classes of a service over all their requests of the window that are decided, and goodput.

    Requests that were rejected, lost, timed out or abandoned miss every limit, and so do those in flight that are late
    already. Hours are those of the local day in which requests arrive.
    """
    counts, met = counts_of_classes(plane, classes, now), plane.classes["met"][classes].sum()
    decided = counts["arrived"] - counts["undecided"]
    within = {name: plane.classes[f"met_{name}"][classes].sum() for name in limits}
    return {
        "attainment": float(met) / decided if decided else None,
        "goodput_per_s": float(met) / window,
        "by_limit": {name: float(number) / decided if decided else None for name, number in within.items()},
        **attainment_by_hour(_hours(plane, classes, now)),
    }


def attainment_by_hour(by_hour: list[float | None]) -> dict[str, Any]:
    """Attainment by hour of the day, 24 values, and the hour at which it is least."""
    known = [(share, hour) for hour, share in enumerate(by_hour) if share is not None]
    return {"by_hour_of_day": by_hour, "worst_hour": min(known)[1] if known else None}


def _hours(plane: layout.Plane, classes: Sequence[int], now: float) -> list[float | None]:
    """Attainment by the hour of arrival, 24 values; None where no request has been decided."""
    decided, met = plane.hours[classes].sum(axis=0).T
    open_ones, missed = open_requests(plane, classes, now)
    service = plane.services[_service_of(plane, classes)]
    late = ((open_ones[missed]["arrival"] + service["start_of_day"]) / HOUR).astype(np.int64) % HOURS
    decided = decided + np.bincount(late, minlength=HOURS)
    return [float(own) / float(number) if number else None for own, number in zip(met, decided, strict=True)]


def unfinished(plane: layout.Plane, index: int, start: float, end: float) -> tuple[float, float, float]:
    """Request-seconds in [start, end) of requests still in flight, which have no last stamp.

    Of those that wait, of those that a replica holds, and of these the ones whose cache is on its way.
    """
    requests = plane.requests[plane.requests["service"] == index]
    spent = np.maximum(0.0, end - np.maximum(requests["since"], start))
    waits = np.isin(requests["status"], (layout.WAITING, layout.PREEMPTED, layout.SWAPPED, layout.HANDED_OVER))
    comes = requests["status"] == layout.TRANSFERRING
    runs = comes | (requests["status"] == layout.RUNNING)
    return float(spent[waits].sum()), float(spent[runs].sum()), float(spent[comes].sum())
