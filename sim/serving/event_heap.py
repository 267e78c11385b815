"""Indexed binary heaps of the next event of every entity, ordered by (time, entity).

There are two: what ends (steps of eager replicas, waits of requests), and what arrives. At one instant ends come first.
"""

from typing import Any

from sim.serving.compiler import entry, helper
from sim.serving.layout import NEVER


@helper
def before(time: float, entity: int, other: Any) -> bool:
    """Whether (time, entity) comes ahead of another event."""
    return time < other.time or (time == other.time and entity < other.entity)


@helper
def keep_in_order(plane: Any, replica_index: int) -> None:
    """Put an eager replica's end where it belongs among all others; that of a lazy one stands in its record only."""
    replica = entry(plane.replicas, replica_index)
    if not entry(plane.services, replica.service).lazy:
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
    at = entry(places, entity)
    while at > 0:
        parent = (at - 1) >> 1
        if not before(time, entity, entry(events, parent)):
            break
        entry(events, at).time = entry(events, parent).time
        entry(events, at).entity = entry(events, parent).entity
        places[entry(events, at).entity] = at
        at = parent
    while True:
        child = 2 * at + 1
        if child >= size:
            break
        if child + 1 < size:
            right = entry(events, child + 1)
            child += before(right.time, right.entity, entry(events, child))
        if before(time, entity, entry(events, child)):
            break
        entry(events, at).time = entry(events, child).time
        entry(events, at).entity = entry(events, child).entity
        places[entry(events, at).entity] = at
        at = child
    entry(events, at).time = time
    entry(events, at).entity = entity
    places[entity] = at
