"""The replicas of a service that are ready: routing sees no others.

`Plane.ready` holds their numbers within the service, in order, from the service's `first_replica` on. Planes of
services whose replicas are ready all the time do without it.
"""

from typing import Any

from sim.serving.compiler import entry, full_helper, helper, is_full
from sim.serving.layout import READY


@helper
def takes_no_more(plane: Any, replica: Any) -> bool:
    """Whether a replica takes nothing but what is bound to it."""
    return is_full(plane) and replica.life != READY


@helper
def number_ready(plane: Any, service: Any) -> int:
    """How many replicas of a service are ready."""
    return service.ready if is_full(plane) else service.replicas


@helper
def ready_at(plane: Any, service: Any, position: int) -> int:
    """The number of the ready replica at a position among them."""
    return one_of_ready(plane, service, position) if is_full(plane) else position


@full_helper(otherwise=0, inlined=True)
def one_of_ready(plane: Any, service: Any, position: int) -> int:
    """The same, where replicas come and go."""
    return entry(plane.ready, service.first_replica + position)


@helper
def next_ready(plane: Any, service: Any, number: int) -> int:
    """The first ready replica in rotation from a number on; there is one."""
    return number if not is_full(plane) or service.ready == service.replicas else ready_from(plane, service, number)


@full_helper(otherwise=0)
def ready_from(plane: Any, service: Any, number: int) -> int:
    """The same, where some are not ready."""
    position = place_among_ready(plane, service, number)
    return one_of_ready(plane, service, position if position < service.ready else 0)


@full_helper(otherwise=0)
def place_among_ready(plane: Any, service: Any, number: int) -> int:
    """How many ready replicas have a lower number."""
    low, high = 0, service.ready
    while low < high:
        middle = (low + high) // 2
        if entry(plane.ready, service.first_replica + middle) < number:
            low = middle + 1
        else:
            high = middle
    return low


@full_helper()
def add_ready(plane: Any, service: Any, number: int) -> None:
    """A replica takes requests from now on."""
    at = service.first_replica + service.ready
    place = service.first_replica + place_among_ready(plane, service, number)
    while at > place:
        plane.ready[at] = plane.ready[at - 1]
        at -= 1
    plane.ready[place] = number
    service.ready += 1


@full_helper()
def remove_ready(plane: Any, service: Any, number: int) -> None:
    """A replica takes no more requests."""
    service.ready -= 1
    at = service.first_replica + place_among_ready(plane, service, number)
    while at < service.first_replica + service.ready:
        plane.ready[at] = plane.ready[at + 1]
        at += 1
