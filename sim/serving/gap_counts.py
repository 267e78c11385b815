"""Counting gaps, the times between two tokens of a request: many equal ones, or a range of iterations of a segment.

Within a segment a gap is the iteration's time, the same for the whole batch and affine in the iteration's number, so
that iterations enter the buckets of the histogram by ranges, not one by one.
"""

from typing import Any

import numpy as np

from sim.serving.compiler import helper, rare
from sim.serving.counting import bucket_of
from sim.serving.layout import ITL


@helper
def iteration_time(replica: Any, piece: Any, iteration: int) -> float:
    """Seconds of an iteration of the segment, the first being number 1."""
    return piece.time_fixed + piece.time_per_token * float(replica.base + replica.batch * (iteration - 1))


@helper
def add_gaps(plane: Any, row: int, class_index: int, gap: float, number: int) -> None:
    """Count so many gaps of equal length (seconds) of a class, added up at a row of `sums`."""
    plane.counts[np.uint64(class_index), ITL, np.uint64(bucket_of(gap))] += number
    moment = plane.sums[np.uint64(row), ITL]
    moment[0] += number
    moment[1] += number * gap
    moment[2] += number * (gap * gap)
    if gap > moment[3]:
        moment[3] = gap
    if plane.limits.shape[2] > 0:
        add_over(plane.limits, plane.overs, class_index, gap, number)


@rare
def add_over(limits: Any, overs: Any, class_index: int, gap: float, number: int) -> None:
    """Count so many gaps beyond each limit that they are longer than."""
    for limit in range(limits.shape[2]):
        overs[class_index, ITL, limit] += number * (gap > limits[class_index, ITL, limit])


@helper
def count_range(
    plane: Any, replica: Any, piece: Any, first: int, last: int, row: int, class_index: int, members: int
) -> None:
    """Count a range of iterations as gaps of so many members of the batch, added up at a row of `sums`."""
    shortest, longest = iteration_time(replica, piece, first), iteration_time(replica, piece, last)
    number = last - first + 1
    bucket = bucket_of(shortest)
    if bucket == bucket_of(longest):
        plane.counts[np.uint64(class_index), ITL, np.uint64(bucket)] += members * number
    else:
        count_in_buckets(plane.counts, replica, piece, first, last, class_index, members)
    middle = 0.5 * (shortest + longest)
    step = piece.time_per_token * replica.batch
    moment = plane.sums[np.uint64(row), ITL]
    moment[0] += members * number
    moment[1] += members * (number * middle)
    moment[2] += members * (number * (middle * middle) + step * step * (number * (number * number - 1.0)) / 12.0)
    if longest > moment[3]:
        moment[3] = longest
    for limit in range(plane.limits.shape[2]):
        if longest > plane.limits[class_index, ITL, limit]:
            beyond = first_beyond(plane.limits[class_index, ITL, limit], replica, piece, first, last)
            plane.overs[class_index, ITL, limit] += members * (last - beyond + 1)


@rare
def count_in_buckets(
    counts: Any, replica: Any, piece: Any, first: int, last: int, class_index: int, members: int
) -> None:
    """Count a range of iterations whose times, which only grow, fall into several buckets."""
    while first <= last:
        bucket = bucket_of(iteration_time(replica, piece, first))
        within, beyond = first, last + 1
        while beyond - within > 1:
            middle = (within + beyond) // 2
            if bucket_of(iteration_time(replica, piece, middle)) == bucket:
                within = middle
            else:
                beyond = middle
        counts[class_index, ITL, bucket] += members * (beyond - first)
        first = beyond


@rare
def first_beyond(limit: float, replica: Any, piece: Any, first: int, last: int) -> int:
    """The first iteration of a range that takes longer than a limit; the last one does."""
    within, beyond = first - 1, last
    while beyond - within > 1:
        middle = (within + beyond) // 2
        if iteration_time(replica, piece, middle) > limit:
            beyond = middle
        else:
            within = middle
    return beyond
