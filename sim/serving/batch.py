"""The running batch of a replica, in order of the iteration at which each request ends: the next to end stands last.

Who joins is put in by moving those who end sooner. A batch has tens or hundreds of members, and moving them costs less
than the branches of a heap. Batches lie in one pool of memory: one that outgrows its place moves to another, twice as
large, so thousands of replicas cost nothing for the largest batch they might hold.
"""

from typing import Any

from sim.serving.compiler import helper

FIRST_ROOM = 8
MARGIN = 4
"""A step lets at most a full batch join, and making room for one twice over takes less than four times its size."""


@helper
def next_finish(plane: Any, replica: Any) -> int:
    """The iteration at which the next member ends; there is one."""
    return plane.batches[replica.members_at + replica.batch - 1].finish


@helper
def join(plane: Any, replica: Any, request_index: int, finish: int) -> None:
    """Put a request that ends at iteration `finish` into the batch."""
    if replica.batch == replica.room:
        make_room(plane, replica)
    first = replica.members_at
    at = first + replica.batch
    while at > first and plane.batches[at - 1].finish <= finish:
        move_member(plane.batches, at - 1, at)
        at -= 1
    plane.batches[at].finish = finish
    plane.batches[at].request = request_index
    replica.batch += 1


@helper
def take_next(plane: Any, replica: Any) -> int:
    """Take the request that ends next out of the batch."""
    replica.batch -= 1
    return plane.batches[replica.members_at + replica.batch].request


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
    batches[target].finish = batches[origin].finish
    batches[target].request = batches[origin].request
