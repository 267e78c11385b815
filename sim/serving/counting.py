"""Latencies into log-spaced buckets and exact moments; who met the limits; the integrals of Little's law."""

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from sim.serving.compiler import entry, full_helper, helper, is_full, rare
from sim.serving.layout import ABANDONED, COMPLETED, E2E, LOST, QUEUEING, ROW, TIMED_OUT, TPOT, TTFT  # noqa: F401

SUBDIVISIONS = 128
"""Buckets an octave: a bucket's middle is within 0.4 % of every value in it."""
LOWEST_OCTAVE = -20
OCTAVES = 52
BUCKETS = 1 + SUBDIVISIONS * OCTAVES
"""Bucket 0 holds what is below 2**-20 s, zero above all."""
LOWEST = 2.0**LOWEST_OCTAVE
BITS_DROPPED = 52 - 7
"""Of the 52 bits of a mantissa the first 7 tell 128 parts."""
BITS_OF_LOWEST = (1023 + LOWEST_OCTAVE) << 7


HOURS = 24
HOUR = 3600.0


def _bits_of(_typing: Any, value: Any) -> Any:
    """The bits of a positive float as an integer: its exponent and, below it, its mantissa."""

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], ir.IntType(64))

    return types.int64(value), generate


bits_of: Any = intrinsic(_bits_of)


@helper
def bucket_of(value: float) -> int:
    """The bucket of a latency in seconds: octaves, each in equal parts, read off the bits of the number."""
    if value < LOWEST:
        return 0
    return min((bits_of(value) >> BITS_DROPPED) - BITS_OF_LOWEST + 1, BUCKETS - 1)


def bucket_edges(bucket: int) -> tuple[float, float]:
    """The seconds between which a bucket's values lie."""
    if bucket == 0:
        return 0.0, 2.0**LOWEST_OCTAVE
    octave, part = divmod(bucket - 1, SUBDIVISIONS)
    unit = 2.0 ** (octave + LOWEST_OCTAVE)
    return unit * (1 + part / SUBDIVISIONS), unit * (1 + (part + 1) / SUBDIVISIONS)


@helper
def class_of(plane: Any, request: Any) -> int:
    """The index of a request's class, which is that of its service where no service has several."""
    return one_of_classes(plane, request) if is_full(plane) else request.service


@full_helper(otherwise=0, inlined=True)
def one_of_classes(plane: Any, request: Any) -> int:  # noqa: ARG001  `plane` tells plain from full
    """The same, in a full plane."""
    return int(request.class_index)


@helper
def count(plane: Any, request: Any, metric: int, value: float) -> None:
    """Count one latency of a request (seconds)."""
    class_index = class_of(plane, request)
    plane.counts[np.uint64(class_index), metric, np.uint64(bucket_of(value))] += 1
    moment = plane.sums[np.uint64(sums_of(plane, request)), metric]
    moment[0] += 1.0
    moment[1] += value
    moment[2] += value * value
    if value > moment[3]:
        moment[3] = value
    for number in range(plane.limits.shape[2]):
        plane.overs[class_index, metric, number] += value > plane.limits[class_index, metric, number]


@helper
def sums_of(plane: Any, request: Any) -> int:
    """Where the latencies of a request are added up: at its replica, by class where there are several."""
    if is_full(plane):
        service = entry(plane.services, entry(plane.replicas, request.replica).service)
        if service.classes > 1:
            return first_row(service, request.replica) + class_of(plane, request) - service.first_class
    return request.replica


@helper
def first_row(service: Any, replica_index: int) -> int:
    """Where the sums of a replica by class begin, if its service has several classes."""
    return service.first_sums + (replica_index - service.first_replica) * service.classes


@helper
def pass_waiting(queue: Any, now: float) -> None:
    """Integrate how many have waited in a queue since that last changed."""
    queue.waiting_area += queue.length * (now - queue.last_change)
    queue.last_change = now


@helper
def pass_running(replica: Any, now: float) -> None:
    """Integrate what a replica has held since that last changed."""
    elapsed = now - replica.last_change
    replica.running_area += replica.members * elapsed
    replica.kv_area += replica.kv_held * elapsed
    replica.last_change = now


@helper
def clipped(clock: Any, start: float, end: float) -> float:
    """Seconds of an interval that lie in the window."""
    return max(0.0, min(end, clock.window_end) - max(start, clock.window_start))


@rare
def count_hour(hours: Any, class_index: int, seconds: float, met: int) -> None:
    """Count a request that is decided by the hour of the local day in which it arrived, at `seconds` (s)."""
    hour = np.uint64(np.int64(seconds / HOUR) % HOURS)
    hours[np.uint64(class_index), hour, 0] += 1
    hours[np.uint64(class_index), hour, 1] += met


@helper
def write_row(plane: Any, request: Any, outcome: int, end: float, met: int) -> None:
    """Write down one request, where rows are asked for."""
    clock = plane.clock[0]
    if plane.rows.shape[0] == 0:
        return
    row = entry(plane.rows, clock.rows)
    clock.rows += 1
    row.service = request.service
    row.class_index = class_of(plane, request)
    row.replica = request.replica
    row.index = request.index
    row.prompt = request.prompt
    row.output = request.output
    row.status = outcome
    row.met = met
    row.arrival = request.arrival
    row.start = request.start
    row.first_token = request.first_token
    row.end = end


@helper
def count_waited(plane: Any, queue_index: int, request: Any, now: float) -> None:
    """Count the wait of a request that leaves its queue at `now`."""
    entry(plane.queues, queue_index).waiting_sum += clipped(plane.clock[0], request.since, now)


@helper
def count_completion(plane: Any, request: Any, now: float) -> None:
    """Count a request that completes at `now`."""
    clock = plane.clock[0]
    own_class = entry(plane.classes, class_of(plane, request))
    entry(plane.replicas, request.replica).running_sum += clipped(clock, request.since, now)
    if now < clock.window_end:
        own_class.finished += 1
        own_class.prompt_tokens += request.prompt
        own_class.output_tokens += request.output
    met = 0
    if clock.window_start <= request.arrival < clock.window_end:
        met = _count_latencies(plane, own_class, request, now)
    write_row(plane, request, COMPLETED, now, met)


@helper
def _count_latencies(plane: Any, own_class: Any, request: Any, now: float) -> int:
    service = entry(plane.services, request.service)
    constant = entry(plane.laws, entry(plane.replicas, request.replica).law).constant_latency
    own_class.completed += 1
    e2e = now - request.arrival + constant
    count(plane, request, QUEUEING, request.start - request.arrival)
    count(plane, request, E2E, e2e)
    in_e2e = e2e <= own_class.slo_e2e
    in_ttft = True
    in_tpot = True
    in_itl = True
    if service.generative:
        ttft = request.first_token - request.arrival + constant
        count(plane, request, TTFT, ttft)
        in_ttft = ttft <= own_class.slo_ttft
        if request.output > 1:
            tpot = (now - request.first_token) / (request.output - 1)
            count(plane, request, TPOT, tpot)
            in_tpot = tpot <= own_class.slo_tpot
            in_itl = request.late == entry(plane.replicas, request.replica).late
    own_class.met_ttft += in_ttft
    own_class.met_tpot += in_tpot
    own_class.met_itl += in_itl
    own_class.met_e2e += in_e2e
    met = in_ttft and in_tpot and in_itl and in_e2e
    own_class.met += met
    if service.promises:
        count_hour(plane.hours, class_of(plane, request), request.arrival + service.start_of_day, int(met))
    return int(met)


@helper
def count_loss(plane: Any, request: Any, outcome: int, now: float) -> None:
    """Count a request that leaves unserved: rejected on arrival, timed out, abandoned, or lost with its replica."""
    clock = plane.clock[0]
    own_class = entry(plane.classes, class_of(plane, request))
    if clock.window_start <= request.arrival < clock.window_end:
        if outcome == TIMED_OUT:
            own_class.timed_out += 1
        elif is_full(plane) and outcome == LOST:
            own_class.lost += 1
        elif is_full(plane) and outcome == ABANDONED:
            own_class.abandoned += 1
        else:
            own_class.rejected += 1
        service = entry(plane.services, request.service)
        if service.promises:
            count_hour(plane.hours, class_of(plane, request), request.arrival + service.start_of_day, 0)
    write_row(plane, request, outcome, now, 0)
