"""An indexed binary heap of the next event of every entity, ordered by (time, entity)."""

from typing import Any

from sim.serving.compiler import helper


@helper
def before(time: float, entity: int, other: Any) -> bool:
    """Whether (time, entity) comes ahead of another event."""
    return time < other.time or (time == other.time and entity < other.entity)


@helper
def set_event(plane: Any, entity: int, time: float) -> None:
    """Move the next event of `entity` to `time` (seconds; infinity: none)."""
    events, places = plane.events, plane.places
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
