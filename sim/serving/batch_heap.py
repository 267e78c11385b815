"""The running batch of a replica: a binary heap of its requests by the iteration at which each ends.

Batches lie in one pool of memory. One that outgrows its place moves to another, twice as large, so thousands of
replicas cost nothing for the largest batch they might hold.
"""

from typing import Any

from sim.serving.class_members import count_member
from sim.serving.compiler import entry, helper, rare

FIRST_ROOM = 8
MARGIN = 4
"""A step lets at most a full batch join, and making room for one twice over takes less than four times its size."""


@helper
def next_finish(plane: Any, replica: Any) -> int:
    """The iteration at which the next member ends; there is one."""
    return entry(plane.batches, replica.members_at).finish


@helper
def join(plane: Any, replica: Any, request_index: int, finish: int) -> None:
    """Put a request that ends at iteration `finish` into the batch."""
    if replica.batch == replica.room:
        make_room(plane, replica)
    lift(plane.batches, replica.members_at, replica.batch, finish, request_index)
    replica.batch += 1
    count_member(plane, request_index, 1)


@helper
def lift(batches: Any, first: int, at: int, finish: int, request_index: int) -> None:
    """Put a member into the free place `at` of the heap that begins at `first`, or nearer to its root."""
    while at > 0:
        parent = (at - 1) >> 1
        if entry(batches, first + parent).finish <= finish:
            break
        move_member(batches, first + parent, first + at)
        at = parent
    entry(batches, first + at).finish = finish
    entry(batches, first + at).request = request_index


@helper
def take_next(plane: Any, replica: Any) -> int:
    """Take the request that ends next out of the batch."""
    leaving = entry(plane.batches, replica.members_at).request
    fill(plane, replica, 0)
    count_member(plane, leaving, -1)
    return leaving


@helper
def fill(plane: Any, replica: Any, at: int) -> None:
    """Close the gap at `at` with the last member, which belongs there or further from the root."""
    batches, first = plane.batches, replica.members_at
    last = replica.batch - 1
    replica.batch = last
    finish = entry(batches, first + last).finish
    child = 2 * at + 1
    while child < last:
        child += child + 1 < last and entry(batches, first + child + 1).finish < entry(batches, first + child).finish
        if entry(batches, first + child).finish >= finish:
            break
        move_member(batches, first + child, first + at)
        at = child
        child = 2 * at + 1
    move_member(batches, first + last, first + at)


@rare
def remove_member(plane: Any, replica: Any, at: int) -> tuple[int, int]:
    """Take the member at a place out of the batch; the iteration at which it would have ended, and its request."""
    member = entry(plane.batches, replica.members_at + at)
    finish, request_index = member.finish, member.request
    last = entry(plane.batches, replica.members_at + replica.batch - 1)
    if last.finish < finish:
        replica.batch -= 1
        lift(plane.batches, replica.members_at, at, last.finish, last.request)
    else:
        fill(plane, replica, at)
    count_member(plane, request_index, -1)
    return finish, request_index


@helper
def make_room(plane: Any, replica: Any) -> None:
    """Move a batch to a place of twice the size."""
    clock = plane.clock[0]
    first = clock.batches_end
    for position in range(replica.batch):
        move_member(plane.batches, replica.members_at + position, first + position)
    replica.members_at = first
    replica.room = max(2 * replica.room, FIRST_ROOM)
    clock.batches_end += replica.room


@helper
def move_member(batches: Any, origin: int, target: int) -> None:
    """Copy a member to another place."""
    entry(batches, target).finish = entry(batches, origin).finish
    entry(batches, target).request = entry(batches, origin).request
