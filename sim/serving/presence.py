"""Which replicas of a service are there: ready, or draining. A drained one that has nothing left is gone at once."""

from typing import Any

from sim.serving.compiler import entry, full_helper
from sim.serving.decisions import stop_for_decision
from sim.serving.event_heap import keep_in_order
from sim.serving.layout import ABSENT, DRAINING, IDLE, NEVER, NONE
from sim.serving.pending import leave_line
from sim.serving.prefix_cache import forget_prompts


@full_helper()
def pass_presence(plane: Any, service_index: int, now: float) -> None:
    """Integrate how many replicas have been there since that last changed, and note the most within the window."""
    clock = plane.clock[0]
    service = entry(plane.services, service_index)
    elapsed = now - service.last_presence
    if now > max(service.last_presence, clock.window_start) and service.last_presence < clock.window_end:
        service.most_present = max(service.most_present, service.present)
    service.presence_area += service.present * elapsed
    service.capacity_area += service.present_capacity * elapsed
    service.last_presence = now


@full_helper()
def become_present(plane: Any, replica_index: int, now: float) -> None:
    """A replica that was absent is there."""
    replica = entry(plane.replicas, replica_index)
    service = entry(plane.services, replica.service)
    pass_presence(plane, replica.service, now)
    service.present += 1
    service.present_capacity += entry(plane.laws, replica.law).kv_capacity
    service.started += 1


@full_helper()
def become_absent(plane: Any, replica_index: int, now: float) -> None:
    """A replica that holds nothing is gone."""
    replica = entry(plane.replicas, replica_index)
    service = entry(plane.services, replica.service)
    pass_presence(plane, replica.service, now)
    service.present -= 1
    service.present_capacity -= entry(plane.laws, replica.law).kv_capacity
    service.stopped += 1
    replica.life = ABSENT
    replica.work = 0.0
    forget_prompts(plane, replica)


@full_helper(inlined=True)
def leave_drained(plane: Any, replica_index: int, now: float) -> None:
    """If a replica drains and has nothing left it is gone."""
    if entry(plane.replicas, replica_index).life == DRAINING:
        leave_if_empty(plane, replica_index, now)


@full_helper()
def leave_if_empty(plane: Any, replica_index: int, now: float) -> None:
    """A draining replica that has nothing left is gone, and the plane stops so that this is known."""
    if holds_nothing(plane, replica_index):
        rest(plane, replica_index)
        keep_in_order(plane, replica_index)
        become_absent(plane, replica_index, now)
        stop_for_decision(plane, now)


@full_helper(otherwise=False)
def holds_nothing(plane: Any, replica_index: int) -> bool:
    """Whether no request runs or waits at a replica."""
    return entry(plane.replicas, replica_index).members == 0 and entry(plane.queues, replica_index).length == 0


@full_helper()
def rest(plane: Any, replica_index: int) -> None:
    """A replica that holds nothing waits for nothing either."""
    replica = entry(plane.replicas, replica_index)
    service = entry(plane.services, replica.service)
    if replica.marked:
        leave_line(plane, replica_index)
    replica.marked = 0
    replica.state = IDLE
    replica.due = NEVER
    if service.watcher == replica_index:
        service.watcher = NONE
