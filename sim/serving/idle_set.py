"""The idle replicas of a service with a central queue: a heap of their numbers, so that the lowest is found at once."""

from typing import Any

from sim.serving.compiler import entry, helper, is_full
from sim.serving.decisions import ask_where_one_is_idle
from sim.serving.layout import CENTRAL_QUEUE, IDLE, NEVER, NONE, READY
from sim.serving.presence import leave_drained
from sim.serving.work import came_free


@helper
def add_idle(plane: Any, service: Any, replica_index: int) -> None:
    """A replica has become idle."""
    idle, first = plane.idle, service.first_replica
    at = service.idle
    service.idle += 1
    while at > 0:
        parent = (at - 1) >> 1
        if idle[first + parent] < replica_index:
            break
        idle[first + at] = idle[first + parent]
        at = parent
    idle[first + at] = replica_index


@helper
def become_idle(plane: Any, replica_index: int, now: float) -> None:
    """Nothing for this replica to do."""
    replica = entry(plane.replicas, replica_index)
    service = entry(plane.services, replica.service)
    replica.state = IDLE
    replica.due = NEVER
    came_free(plane, replica_index, now)
    if service.watcher == replica_index:
        service.watcher = NONE
    if is_full(plane) and replica.life != READY:
        leave_drained(plane, replica_index, now)
        return
    if service.routing == CENTRAL_QUEUE:
        add_idle(plane, service, replica_index)
    ask_where_one_is_idle(plane, replica.service, now)


@helper
def take_idle(plane: Any, service: Any) -> int:
    """Take the lowest-numbered idle replica; there is one."""
    idle, first = plane.idle, service.first_replica
    lowest = idle[first]
    service.idle -= 1
    last = idle[first + service.idle]
    at = 0
    while True:
        child = 2 * at + 1
        if child >= service.idle:
            break
        if child + 1 < service.idle and idle[first + child + 1] < idle[first + child]:
            child += 1
        if idle[first + child] > last:
            break
        idle[first + at] = idle[first + child]
        at = child
    idle[first + at] = last
    return lowest
