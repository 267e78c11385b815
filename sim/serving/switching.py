"""Several single-pass models share the replicas of a service: a replica holds one, and loads another to serve that.

A batch is of one model, which has it if it is full or if its oldest request has waited for the queue delay. A replica
takes its batch when it begins to load the model, and what has come in the meantime joins when it is loaded. Of a
central queue, a replica that has the model loaded and is idle goes before one that would have to load it.
"""

from typing import Any

from sim.serving.compiler import entry, full_helper, helper
from sim.serving.idle_set import become_idle, take_idle_with_model
from sim.serving.layout import HOLDING, NONE, SWITCH
from sim.serving.pending import mark
from sim.serving.queues import came_later, first_of_level, oldest_of_levels, take_out
from sim.serving.ready_set import takes_no_more
from sim.serving.requests import start
from sim.serving.single_pass import run_batch, wake_for_central_queue


@full_helper()
def dispatch_shared(plane: Any, replica_index: int, now: float) -> None:
    """Decide what a free replica does from this instant on; its requests wait if it has just loaded their model."""
    replica = entry(plane.replicas, replica_index)
    service = entry(plane.services, replica.service)
    if replica.members > 0:
        begin_pass_of_model(plane, replica_index, now)
        return
    own = entry(plane.queues, replica_index).length > 0 or takes_no_more(plane, replica)
    queue_index = replica_index if own else plane.replicas.shape[0] + replica.service
    level = level_to_serve(plane, replica, queue_index, now)
    if level == NONE:
        wait_for_batch(plane, replica_index, queue_index, now)
        return
    if service.watcher == replica_index:
        service.watcher = NONE
    model = level % service.models
    if model == replica.loaded:
        begin_pass_of_model(plane, replica_index, now)
    elif entry(plane.models, service.first_model + model).idle > 0 and queue_index != replica_index:
        mark(plane, take_idle_with_model(plane, service, model), now)
        become_idle(plane, replica_index, now)
        return
    else:
        begin_switch(plane, replica_index, model, now)
    wake_for_central_queue(plane, replica.service, now)


@full_helper()
def wait_for_batch(plane: Any, replica_index: int, queue_index: int, now: float) -> None:
    """No model has a batch yet: wait for the queue delay, unless nobody waits or another replica sees to it."""
    replica = entry(plane.replicas, replica_index)
    service = entry(plane.services, replica.service)
    central = queue_index != replica_index
    watched = central and service.watcher != NONE and service.watcher != replica_index
    if watched or entry(plane.queues, queue_index).length == 0:
        become_idle(plane, replica_index, now)
        return
    replica.state = HOLDING
    replica.due = oldest_of_levels(plane, queue_index) + service.max_queue_delay
    if central:
        service.watcher = replica_index


@full_helper(otherwise=NONE)
def level_to_serve(plane: Any, replica: Any, queue_index: int, now: float) -> int:
    """The level of the request that is served next, of the highest priority that has a batch; NONE if none has."""
    service = entry(plane.services, replica.service)
    oldest, loaded, overdue = NONE, NONE, False
    for level in range(plane.tails.shape[1]):
        if oldest != NONE and level // service.models > oldest // service.models:
            break
        first = first_of_level(plane, queue_index, level)
        if first == NONE or not has_batch(plane, service, queue_index, level % service.models, now):
            continue
        request = entry(plane.requests, first)
        if level % service.models == replica.loaded:
            loaded = level
        elif now - request.asked > service.max_wait:
            overdue = True
        if oldest == NONE or came_later(entry(plane.requests, first_of_level(plane, queue_index, oldest)), request):
            oldest = level
    return oldest if loaded == NONE or overdue else loaded


@full_helper(otherwise=False)
def has_batch(plane: Any, service: Any, queue_index: int, model: int, now: float) -> bool:
    """Whether so many requests of a model wait that they fill a batch, or one for as long as the queue delay."""
    waiting = 0
    for level in range(model, plane.tails.shape[1], service.models):
        first = first_of_level(plane, queue_index, level)
        if first != NONE and entry(plane.requests, first).asked + service.max_queue_delay <= now:
            return True
        waiting += plane.lengths[queue_index, level]
    return waiting >= service.max_batch


@full_helper()
def begin_switch(plane: Any, replica_index: int, model: int, now: float) -> None:
    """Load another model for the batch that the replica takes, at the power of a replica that computes nothing."""
    replica = entry(plane.replicas, replica_index)
    load(replica, model)
    fill_with_model(plane, replica_index, now)
    law = entry(plane.laws, replica.law)
    replica.state = SWITCH
    replica.anchor = now
    replica.due = now + law.switch_time
    replica.energy = law.switch_energy
    replica.accounted = 0.0
    replica.busy_since = now
    entry(plane.services, replica.service).switches += 1


@helper
def load(replica: Any, model: int) -> None:
    """A replica has another model."""
    replica.law += model - replica.loaded
    replica.loaded = model


@full_helper()
def unload(plane: Any, replica: Any) -> None:  # noqa: ARG001  helpers of full planes take the plane
    """A replica that is there anew has the first model, as at the start."""
    load(replica, 0)


@full_helper()
def end_switch(plane: Any, replica_index: int, now: float) -> None:
    """The model is loaded."""
    replica = entry(plane.replicas, replica_index)
    replica.joules_switch += replica.energy - replica.accounted
    replica.busy_switch += now - replica.busy_since


@full_helper()
def begin_pass_of_model(plane: Any, replica_index: int, now: float) -> None:
    """Run what the batch holds, and what else waits of its model up to a full batch."""
    fill_with_model(plane, replica_index, now)
    request_index, work = entry(plane.replicas, replica_index).admitted, 0.0
    while request_index != NONE:
        work += entry(plane.requests, request_index).work
        request_index = entry(plane.requests, request_index).next
    run_batch(plane, replica_index, work, now)


@full_helper()
def fill_with_model(plane: Any, replica_index: int, now: float) -> None:
    """Start requests of the model that is loaded until the batch is full: by priority, then by age."""
    replica = entry(plane.replicas, replica_index)
    service = entry(plane.services, replica.service)
    central = plane.replicas.shape[0] + replica.service
    for queue_index in (replica_index, replica_index if takes_no_more(plane, replica) else central):
        for level in range(replica.loaded, plane.tails.shape[1], service.models):
            first = first_of_level(plane, queue_index, level)
            while first != NONE and replica.members < service.max_batch:
                take_out(plane, queue_index, first, now)
                start(plane, replica_index, queue_index, first, now)
                entry(plane.requests, first).next = replica.admitted
                replica.admitted = first
                replica.members += 1
                first = first_of_level(plane, queue_index, level)
