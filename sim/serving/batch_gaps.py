"""Gaps of a whole batch, counted class by class where its service has several classes of requests.

A time between tokens is the same for all in a batch, so how many members each class has is all that must be known.
"""

from typing import Any

from sim.serving.class_members import count_member
from sim.serving.compiler import entry, full_helper, helper, is_full
from sim.serving.counting import first_row
from sim.serving.gap_counts import add_gaps, count_range
from sim.serving.layout import NONE


@helper
def has_classes(plane: Any, replica: Any) -> bool:
    """Whether the service of a replica has several classes of requests."""
    return is_full(plane) and entry(plane.services, replica.service).classes > 1


@helper
def only_class(plane: Any, replica: Any) -> int:
    """The class of all that a replica serves, where there is but one."""
    return entry(plane.services, replica.service).first_class if is_full(plane) else replica.service


@helper
def add_gaps_of_batch(plane: Any, replica_index: int, gap: float) -> None:
    """Count a gap of equal length (seconds) for each of the batch."""
    replica = entry(plane.replicas, replica_index)
    if has_classes(plane, replica):
        add_gaps_by_class(plane, replica_index, gap)
    else:
        add_gaps(plane, replica_index, only_class(plane, replica), gap, replica.batch)


@full_helper()
def add_gaps_by_class(plane: Any, replica_index: int, gap: float) -> None:
    """Count a gap for each member of the batch at its class."""
    service = entry(plane.services, entry(plane.replicas, replica_index).service)
    row = first_row(service, replica_index)
    for number in range(service.classes):
        if entry(plane.members, row + number) > 0:
            add_gaps(plane, row + number, service.first_class + number, gap, entry(plane.members, row + number))


@helper
def count_range_of_batch(plane: Any, replica_index: int, piece: Any, first: int, last: int) -> None:
    """Count the iterations `first` to `last` of a segment as gaps of the whole batch."""
    replica = entry(plane.replicas, replica_index)
    if has_classes(plane, replica):
        count_range_by_class(plane, replica_index, piece, first, last)
    else:
        one_class = only_class(plane, replica)
        count_range(plane, replica, piece, first, last, replica_index, one_class, replica.batch)


@full_helper()
def count_range_by_class(plane: Any, replica_index: int, piece: Any, first: int, last: int) -> None:
    """Count a range of iterations for the members of each class."""
    replica = entry(plane.replicas, replica_index)
    service = entry(plane.services, replica.service)
    row = first_row(service, replica_index)
    for number in range(service.classes):
        members = entry(plane.members, row + number)
        if members > 0:
            count_range(plane, replica, piece, first, last, row + number, service.first_class + number, members)


@full_helper()
def count_fresh_members(plane: Any, replica_index: int, number: int) -> None:
    """Count those who have just joined the batch out of it (-1), or in again (1)."""
    request_index = entry(plane.replicas, replica_index).fresh
    while request_index != NONE:
        count_member(plane, request_index, number)
        request_index = entry(plane.requests, request_index).next
