"""The time between two tokens of a request (inter-token latency), counted for every token but the first.

Within a segment it is the iteration's time, the same for the whole batch and affine in the iteration's number, so that
iterations enter the buckets of the histogram by ranges, not one by one. Only the first iteration after others were
prefilled ends a longer time, which began when the older sequences had their last token.
"""

from typing import Any

import numpy as np

from sim.serving.compiler import entry, helper, rare
from sim.serving.counting import bucket_of
from sim.serving.layout import ITL, NONE
from sim.serving.segment import end_of, iteration_under_way


@helper
def iteration_time(replica: Any, piece: Any, iteration: int) -> float:
    """Seconds of an iteration of the segment, the first being number 1."""
    return piece.time_fixed + piece.time_per_token * float(replica.base + replica.batch * (iteration - 1))


@helper
def add_gaps(plane: Any, replica_index: int, service_index: int, gap: float, number: int) -> None:
    """Count so many gaps of equal length (seconds)."""
    plane.counts[np.uint64(service_index), ITL, np.uint64(bucket_of(gap))] += number
    moment = plane.sums[np.uint64(replica_index), ITL]
    moment[0] += number
    moment[1] += number * gap
    moment[2] += number * (gap * gap)
    if gap > moment[3]:
        moment[3] = gap
    if plane.limits.shape[2] > 0:
        add_over(plane.limits, plane.overs, service_index, gap, number)


@rare
def add_over(limits: Any, overs: Any, service_index: int, gap: float, number: int) -> None:
    """Count so many gaps beyond each limit that they are longer than."""
    for limit in range(limits.shape[2]):
        overs[service_index, ITL, limit] += number * (gap > limits[service_index, ITL, limit])


@helper
def count_gaps(plane: Any, replica_index: int, piece: Any, iteration: int) -> None:
    """Count the gaps that end with the iterations of a segment up to this one, as far as they are not counted."""
    replica = entry(plane.replicas, replica_index)
    clock = plane.clock[0]
    if iteration <= replica.counted:
        return
    if replica.counted == 0 and replica.prefills > 0:
        if replica.older > 0 or replica.prefills > 1:
            count_first_gaps(plane, replica_index, end_of(replica, piece, 1), iteration_time(replica, piece, 1))
            replica.counted = 1
        replica.prefills = 0
    first = replica.counted + 1
    if replica.busy_since < clock.window_start:
        first = max(first, iteration_under_way(replica, piece, clock.window_start)[0])
    if first <= iteration and replica.busy_since < clock.window_end:
        count_range(plane, replica_index, piece, first, iteration)
    if iteration > replica.counted and iteration_time(replica, piece, iteration) > slo_itl(plane, replica):
        replica.late += 1
    replica.counted = iteration


@helper
def slo_itl(plane: Any, replica: Any) -> float:
    """The longest gap that a request of the replica's service may have (seconds)."""
    return entry(plane.services, replica.service).slo_itl


@helper
def count_range(plane: Any, replica_index: int, piece: Any, first: int, last: int) -> None:
    """Count the iterations `first` to `last` of a segment as gaps of the whole batch."""
    replica = entry(plane.replicas, replica_index)
    batch = replica.batch
    shortest, longest = iteration_time(replica, piece, first), iteration_time(replica, piece, last)
    number = last - first + 1
    bucket = bucket_of(shortest)
    if bucket == bucket_of(longest):
        plane.counts[np.uint64(replica.service), ITL, np.uint64(bucket)] += batch * number
    else:
        count_in_buckets(plane, replica_index, piece, first, last)
    middle = 0.5 * (shortest + longest)
    step = piece.time_per_token * batch
    moment = plane.sums[np.uint64(replica_index), ITL]
    moment[0] += batch * number
    moment[1] += batch * (number * middle)
    moment[2] += batch * (number * (middle * middle) + step * step * (number * (number * number - 1.0)) / 12.0)
    if longest > moment[3]:
        moment[3] = longest
    for limit in range(plane.limits.shape[2]):
        if longest > plane.limits[replica.service, ITL, limit]:
            count_over(plane, replica_index, piece, first, last, limit)


@rare
def count_in_buckets(plane: Any, replica_index: int, piece: Any, first: int, last: int) -> None:
    """Count a range of iterations whose times, which only grow, fall into several buckets."""
    replica = entry(plane.replicas, replica_index)
    while first <= last:
        bucket = bucket_of(iteration_time(replica, piece, first))
        within, beyond = first, last + 1
        while beyond - within > 1:
            middle = (within + beyond) // 2
            if bucket_of(iteration_time(replica, piece, middle)) == bucket:
                within = middle
            else:
                beyond = middle
        plane.counts[replica.service, ITL, bucket] += replica.batch * (beyond - first)
        first = beyond


@rare
def count_over(plane: Any, replica_index: int, piece: Any, first: int, last: int, limit: int) -> None:
    """Count the iterations of a range that take longer than a limit."""
    replica = entry(plane.replicas, replica_index)
    within, beyond = first - 1, last
    while beyond - within > 1:
        middle = (within + beyond) // 2
        if iteration_time(replica, piece, middle) > plane.limits[replica.service, ITL, limit]:
            beyond = middle
        else:
            within = middle
    plane.overs[replica.service, ITL, limit] += replica.batch * (last - beyond + 1)


@helper
def note_prefill(replica: Any) -> None:
    """A prefill, or another step without tokens for the batch, ends: those that decoded wait for their next token."""
    if replica.prefills == 0 or replica.batch == 0:
        replica.older = replica.batch
        replica.last_token = replica.anchor
        replica.fresh = NONE
        replica.prefills = 0
    replica.prefills += 1


@helper
def note_joining(replica: Any, now: float) -> None:
    """Requests that had their last token elsewhere are about to join the batch: each has a first gap of its own."""
    if replica.prefills == 0 or replica.batch == 0:
        replica.older = replica.batch
        replica.last_token = now
        replica.fresh = NONE
        replica.prefills = 0
    replica.prefills += 2


@helper
def count_first_gaps(plane: Any, replica_index: int, end: float, usual: float) -> None:
    """Count the gaps that end at `end` with the first iteration, of `usual` seconds, after others were prefilled."""
    replica = entry(plane.replicas, replica_index)
    gap = usual if replica.last_token == replica.anchor else end - replica.last_token
    counted = end >= plane.clock[0].window_start and replica.busy_since < plane.clock[0].window_end
    late = replica.older > 0 and gap > slo_itl(plane, replica)
    if replica.prefills > 1 or late or usual > slo_itl(plane, replica):
        replica.late += late
        count_fresh_gaps(plane, replica_index, end, usual, counted)
    elif counted:
        add_gaps(plane, replica_index, replica.service, usual, replica.batch - replica.older)
    if replica.older > 0 and counted:
        add_gaps(plane, replica_index, replica.service, gap, replica.older)


@rare
def count_fresh_gaps(plane: Any, replica_index: int, end: float, usual: float, counted: bool) -> None:  # noqa: FBT001
    """Count the first gap of each request that has joined the batch, by several prefills perhaps."""
    replica = entry(plane.replicas, replica_index)
    request_index = replica.fresh
    while request_index != NONE:
        request = entry(plane.requests, request_index)
        gap = usual if request.last_token == replica.anchor else end - request.last_token
        if request.late != NONE:
            request.late = NONE if gap > slo_itl(plane, replica) else replica.late
        if counted:
            add_gaps(plane, replica_index, replica.service, gap, 1)
        request_index = request.next


@rare
def count_gap_before_prefill(plane: Any, replica: Any, request: Any, now: float) -> None:
    """Count the gap of a request that had been preempted, and has another token from its second prefill."""
    gap = now - request.last_token
    if plane.clock[0].window_start <= now < plane.clock[0].window_end:
        add_gaps(plane, request.replica, request.service, gap, 1)
    if request.late != NONE:
        request.late = NONE if gap > slo_itl(plane, replica) else replica.late
