"""What clients do when a request has left: after a loss they try it again, else they think and send another."""

from typing import Any

from sim.serving.compiler import entry, full_helper
from sim.serving.layout import NONE, RETRYING, THINKING
from sim.serving.returning import come_back_at


@full_helper(otherwise=False, inlined=True)
def tries_again(plane: Any, request_index: int, now: float) -> bool:
    """Whether a request that was turned away, or gave up, comes back for another attempt."""
    request = entry(plane.requests, request_index)
    own_class = entry(plane.classes, request.class_index)
    if request.attempts >= own_class.attempts:
        return False
    request.attempts += 1
    request.moves += 1
    request.status = RETRYING
    request.replica = NONE
    come_back_at(plane, request_index, now + request.retry_delay)
    request.retry_delay *= own_class.backoff
    return True


@full_helper(otherwise=False, inlined=True)
def thinks(plane: Any, request_index: int, answered: bool, now: float) -> bool:  # noqa: FBT001
    """Whether the client of a request that has left thinks of another, in the same slot.

    A session ends with its last turn, or with one that is not answered; a closed loop goes on to the end. The client
    has an answer to think about when its latency ends, which counts what the replica does not see.
    """
    request = entry(plane.requests, request_index)
    own_class = entry(plane.classes, request.class_index)
    due = now + request.think_time
    if answered:
        due += entry(plane.laws, entry(plane.replicas, request.replica).law).constant_latency
    if request.turns <= 1 or not (answered or own_class.closed) or due >= own_class.last_send:
        return False
    request.status = THINKING
    come_back_at(plane, request_index, due)
    return True
