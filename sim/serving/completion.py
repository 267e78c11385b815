"""Completion: a request has its last token, and leaves the batch and the cache of its replica."""

from typing import Any

from sim.serving.batch_heap import next_finish, take_next
from sim.serving.compiler import entry, helper
from sim.serving.kv_cache import grows
from sim.serving.requests import complete


@helper
def leave_batch(plane: Any, replica_index: int, request_index: int, now: float) -> None:
    """A request has its last token."""
    replica = entry(plane.replicas, replica_index)
    request = entry(plane.requests, request_index)
    service = entry(plane.services, replica.service)
    replica.kv_held -= request.prompt + request.output if grows(service) else request.kv
    complete(plane, request_index, now)
    replica.members -= 1


@helper
def let_go(plane: Any, replica_index: int, now: float) -> None:
    """Requests that have all their tokens leave the batch."""
    replica = entry(plane.replicas, replica_index)
    while replica.batch > 0 and next_finish(plane, replica) <= replica.iterations + replica.steps:
        leaving = take_next(plane, replica)
        replica.tokens -= entry(plane.requests, leaving).prompt + entry(plane.requests, leaving).output
        replica.changed = 1
        leave_batch(plane, replica_index, leaving, now)
