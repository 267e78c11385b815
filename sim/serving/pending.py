"""The replicas that decide, at the end of an instant, what to do next."""

from typing import Any

from sim.serving.compiler import helper


@helper
def mark(plane: Any, replica_index: int) -> None:
    """Have a replica dispatched when everything else of this instant has happened."""
    replica = plane.replicas[replica_index]
    if replica.marked:
        return
    replica.marked = 1
    clock = plane.clock[0]
    at = clock.pending
    while at > 0 and plane.pending[at - 1] > replica_index:
        plane.pending[at] = plane.pending[at - 1]
        at -= 1
    plane.pending[at] = replica_index
    clock.pending += 1
