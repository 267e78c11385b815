"""Indexed binary heaps of the next event of every entity, ordered by (time, entity).

There are two: what ends (steps of eager replicas, waits of requests), and what arrives. At one instant ends come first.
"""

from typing import Any

from sim.serving.compiler import helper
from sim.serving.layout import NEVER


@helper
def before(time: float, entity: int, other: Any) -> bool:
    """Whether (time, entity) comes ahead of another event."""
    return time < other.time or (time == other.time and entity < other.entity)


@helper
def keep_in_order(plane: Any, replica_index: int) -> None:
    """Put an eager replica's end where it belongs among all others; that of a lazy one stands in its record only."""
    replica = plane.replicas[replica_index]
    if not plane.services[replica.service].lazy:
        move(plane.events, plane.places, replica_index, NEVER if replica.marked else replica.due)


@helper
def set_timeout(plane: Any, service_index: int, time: float) -> None:
    """Move the end of a service's oldest wait to `time` (seconds; infinity: none)."""
    move(plane.events, plane.places, plane.clock[0].first_timeout + service_index, time)


@helper
def set_arrival(plane: Any, service_index: int, time: float) -> None:
    """Move the next arrival of a service to `time` (seconds; infinity: none)."""
    move(plane.coming, plane.coming_places, service_index, time)


@helper
def move(events: Any, places: Any, entity: int, time: float) -> None:
    """Move an entity's event in a heap."""
    size = events.shape[0]
    at = places[entity]
    while at > 0:
        parent = (at - 1) >> 1
        if not before(time, entity, events[parent]):
            break
        events[at].time = events[parent].time
        events[at].entity = events[parent].entity
        places[events[at].entity] = at
        at = parent
    while True:
        child = 2 * at + 1
        if child >= size:
            break
        if child + 1 < size and before(events[child + 1].time, events[child + 1].entity, events[child]):
            child += 1
        if before(time, entity, events[child]):
            break
        events[at].time = events[child].time
        events[at].entity = events[child].entity
        places[events[at].entity] = at
        at = child
    events[at].time = time
    events[at].entity = entity
    places[entity] = at
