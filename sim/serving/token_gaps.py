"""The time between two tokens of a request (inter-token latency), counted for every token but the first.

Within a segment it is the iteration's time, the same for the whole batch. Only the first iteration after others were
prefilled ends a longer time, which began when the older sequences had their last token.
"""

from typing import Any

from sim.serving.batch_gaps import (
    add_gaps_of_batch,
    count_fresh_members,
    count_range_of_batch,
    has_classes,
    only_class,
)
from sim.serving.compiler import entry, full_helper, helper, rare
from sim.serving.counting import class_of, sums_of
from sim.serving.gap_counts import add_gaps, iteration_time
from sim.serving.layout import NONE
from sim.serving.segment import end_of, iteration_under_way


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
        count_range_of_batch(plane, replica_index, piece, first, iteration)
    if iteration > replica.counted and iteration_time(replica, piece, iteration) > slo_itl(plane, replica):
        replica.late += 1
    replica.counted = iteration


@helper
def slo_itl(plane: Any, replica: Any) -> float:
    """The longest gap that a request of the replica's service may have (seconds)."""
    return entry(plane.services, replica.service).slo_itl


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
    one_class = only_class(plane, replica)
    if replica.prefills > 1 or late or usual > slo_itl(plane, replica) or has_classes(plane, replica):
        replica.late += late
        count_fresh_gaps(plane, replica_index, end, usual, counted)
    elif counted:
        add_gaps(plane, replica_index, one_class, usual, replica.batch - replica.older)
    if replica.older > 0 and counted:
        if has_classes(plane, replica):
            count_older_gaps_by_class(plane, replica_index, gap)
        else:
            add_gaps(plane, replica_index, one_class, gap, replica.older)


@full_helper()
def count_older_gaps_by_class(plane: Any, replica_index: int, gap: float) -> None:
    """Count a gap for each member of the batch that is not among those who have just joined."""
    count_fresh_members(plane, replica_index, -1)
    add_gaps_of_batch(plane, replica_index, gap)
    count_fresh_members(plane, replica_index, 1)


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
            add_gaps(plane, sums_of(plane, request), class_of(plane, request), gap, 1)
        request_index = request.next


@rare
def count_gap_before_prefill(plane: Any, replica: Any, request: Any, now: float) -> None:
    """Count the gap of a request that had been preempted, and has another token from its second prefill."""
    gap = now - request.last_token
    if plane.clock[0].window_start <= now < plane.clock[0].window_end:
        add_gaps(plane, sums_of(plane, request), class_of(plane, request), gap, 1)
    if request.late != NONE:
        request.late = NONE if gap > slo_itl(plane, replica) else replica.late
