"""How many requests of each class a batch holds, where a service has several: a time between tokens is theirs alike."""

from typing import Any

from sim.serving.compiler import entry, full_helper
from sim.serving.counting import sums_of


@full_helper(inlined=True)
def count_member(plane: Any, request_index: int, number: int) -> None:
    """A request joins the batch of its replica (1), or leaves it (-1)."""
    request = entry(plane.requests, request_index)
    if entry(plane.services, request.service).classes > 1:
        row = sums_of(plane, request)
        plane.members[row] += number
