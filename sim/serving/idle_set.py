"""The idle replicas of a service with a central queue: a heap of their numbers, so that the lowest is found at once.

Where several models share the replicas there is a heap for each of them, of those that have it loaded.
"""

from typing import Any

from sim.serving.compiler import entry, full_helper, helper, is_full
from sim.serving.decisions import ask_where_one_is_idle
from sim.serving.layout import CENTRAL_QUEUE, IDLE, NEVER, NONE, READY
from sim.serving.presence import leave_drained
from sim.serving.work import came_free


@helper
def add_idle(plane: Any, service: Any, replica_index: int) -> None:
    """A replica has become idle."""
    if is_full(plane) and service.models > 1:
        add_idle_with_model(plane, service, replica_index)
    else:
        add_number(plane.idle, service.first_replica, service.idle, replica_index)
    service.idle += 1


@helper
def forget_idle(plane: Any, service: Any) -> None:
    """Begin anew to gather who is idle."""
    service.idle = 0
    for number in range(service.models if service.models > 1 else 0):
        entry(plane.models, service.first_model + number).idle = 0


@helper
def add_number(idle: Any, first: int, size: int, number: int) -> None:
    """Add a number to a heap of so many."""
    at = size
    while at > 0:
        parent = (at - 1) >> 1
        if idle[first + parent] < number:
            break
        idle[first + at] = idle[first + parent]
        at = parent
    idle[first + at] = number


@full_helper()
def add_idle_with_model(plane: Any, service: Any, replica_index: int) -> None:
    """A replica has become idle, with one of several models loaded."""
    model = entry(plane.models, service.first_model + entry(plane.replicas, replica_index).loaded)
    add_number(plane.idle, model.first_idle, model.idle, replica_index)
    model.idle += 1


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
    if is_full(plane) and service.models > 1:
        return take_idle_with_model(plane, service, model_of_lowest(plane, service))
    service.idle -= 1
    return take_number(plane.idle, service.first_replica, service.idle)


@full_helper(otherwise=NONE)
def take_idle_with_model(plane: Any, service: Any, number: int) -> int:
    """Take the lowest-numbered idle replica that has a model loaded; there is one."""
    model = entry(plane.models, service.first_model + number)
    service.idle -= 1
    model.idle -= 1
    return take_number(plane.idle, model.first_idle, model.idle)


@full_helper(otherwise=NONE)
def model_of_lowest(plane: Any, service: Any) -> int:
    """The model that the lowest-numbered idle replica has loaded; there is one."""
    chosen, lowest = NONE, NONE
    for number in range(service.models):
        model = entry(plane.models, service.first_model + number)
        if model.idle > 0 and (chosen == NONE or plane.idle[model.first_idle] < lowest):
            chosen, lowest = number, plane.idle[model.first_idle]
    return chosen


@helper
def take_number(idle: Any, first: int, left: int) -> int:
    """Take the lowest number from a heap in which so many are then left."""
    lowest = idle[first]
    last = idle[first + left]
    at = 0
    while True:
        child = 2 * at + 1
        if child >= left:
            break
        if child + 1 < left and idle[first + child + 1] < idle[first + child]:
            child += 1
        if idle[first + child] > last:
            break
        idle[first + at] = idle[first + child]
        at = child
    idle[first + at] = last
    return lowest
