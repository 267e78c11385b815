"""Replicas come and go while requests are in flight: a replica becomes ready, drains, or dies."""

from typing import Any

from sim.serving.by_reference import referred_to
from sim.serving.compiler import apart, entry, full_helper, kernel
from sim.serving.death import empty, leave_to_their_fate
from sim.serving.event_heap import keep_in_order
from sim.serving.idle_set import add_idle, forget_idle
from sim.serving.layout import ABSENT, CENTRAL_QUEUE, DRAINING, IDLE, READY
from sim.serving.load_tree import load_changed
from sim.serving.presence import become_absent, become_present, holds_nothing, rest
from sim.serving.ready_set import add_ready, remove_ready
from sim.serving.sending_back import empty_central_queue
from sim.serving.switching import unload


@kernel
def change_life(plane: Any, replica_index: int, life: int, now: float) -> None:
    """Let a replica become READY, DRAINING or ABSENT where the plane stands; one that is not drained dies."""
    _change_life(referred_to(plane), replica_index, life, now)


@apart
def _change_life(plane: Any, replica_index: int, life: int, now: float) -> None:
    if life == READY:
        make_ready(plane, replica_index, now)
    elif life == DRAINING:
        drain(plane, replica_index, now)
    else:
        die(plane, replica_index, now)
    keep_in_order(plane, replica_index)


@full_helper()
def make_ready(plane: Any, replica_index: int, now: float) -> None:
    """A replica that was absent, or drained, takes requests."""
    replica = entry(plane.replicas, replica_index)
    service = entry(plane.services, replica.service)
    if replica.life == ABSENT:
        unload(plane, replica)
        become_present(plane, replica_index, now)
    replica.life = READY
    add_ready(plane, service, replica_index - service.first_replica)
    see_change(plane, replica_index, now)


@full_helper()
def drain(plane: Any, replica_index: int, now: float) -> None:
    """A replica finishes what is bound to it and takes no more; with nothing bound to it, it is gone."""
    replica = entry(plane.replicas, replica_index)
    service = entry(plane.services, replica.service)
    replica.life = DRAINING
    remove_ready(plane, service, replica_index - service.first_replica)
    if holds_nothing(plane, replica_index):
        rest(plane, replica_index)
        become_absent(plane, replica_index, now)
    see_change(plane, replica_index, now)


@full_helper()
def die(plane: Any, replica_index: int, now: float) -> None:
    """A replica is gone, and its requests are lost or go back to the router, as its service says."""
    replica = entry(plane.replicas, replica_index)
    service = entry(plane.services, replica.service)
    if replica.life == READY:
        remove_ready(plane, service, replica_index - service.first_replica)
    replica.life = ABSENT
    number = empty(plane, replica_index, now)
    rest(plane, replica_index)
    become_absent(plane, replica_index, now)
    gather_idle(plane, replica.service)
    leave_to_their_fate(plane, replica.service, number, now)
    see_change(plane, replica_index, now)


@full_helper()
def see_change(plane: Any, replica_index: int, now: float) -> None:
    """Routing sees which replicas are ready, and those who wait for no one in particular are looked at."""
    load_changed(plane, replica_index)
    gather_idle(plane, entry(plane.replicas, replica_index).service)
    empty_central_queue(plane, entry(plane.replicas, replica_index).service, now)


@full_helper()
def gather_idle(plane: Any, service_index: int) -> None:
    """Find anew who is idle of the replicas of a central queue."""
    service = entry(plane.services, service_index)
    if service.routing != CENTRAL_QUEUE:
        return
    forget_idle(plane, service)
    for replica_index in range(service.first_replica, service.first_replica + service.replicas):
        replica = entry(plane.replicas, replica_index)
        if replica.life == READY and replica.state == IDLE and not replica.marked:
            add_idle(plane, service, replica_index)
