"""The work that a replica is bound to do, which the rule `least_work` compares.

Of a token model it is the tokens of prompts and outputs that are bound and not completed, without credit for progress.
Of a single-pass model it is the instant at which the replica would come free, if it served one request after another.
"""

from typing import Any

from sim.serving.compiler import entry, full_helper
from sim.serving.layout import LEAST_WORK, NEVER
from sim.serving.load_tree import load_changed


@full_helper(inlined=True)
def work_bound(plane: Any, replica_index: int, request_index: int, now: float) -> None:
    """A request is bound to a replica."""
    replica = entry(plane.replicas, replica_index)
    service = entry(plane.services, replica.service)
    request = entry(plane.requests, request_index)
    if service.routing == LEAST_WORK and service.generative:
        replica.work += float(request.prompt + request.output)
    elif service.routing == LEAST_WORK:
        replica.work = max(replica.work, now) + seconds_alone(plane, replica, request)


@full_helper(inlined=True)
def work_left(plane: Any, request_index: int, completed: bool) -> None:  # noqa: FBT001
    """A request leaves the replica that it is bound to."""
    request = entry(plane.requests, request_index)
    replica = entry(plane.replicas, request.replica)
    service = entry(plane.services, replica.service)
    if service.routing == LEAST_WORK and service.generative:
        replica.work -= float(request.prompt + request.output)
    elif service.routing == LEAST_WORK and not completed:
        replica.work -= seconds_alone(plane, replica, request)


@full_helper(inlined=True)
def came_free(plane: Any, replica_index: int, now: float) -> None:
    """A replica has nothing to do, perhaps earlier than if it had served one request after another."""
    replica = entry(plane.replicas, replica_index)
    if replica.work > now:
        service = entry(plane.services, replica.service)
        if service.routing == LEAST_WORK and not service.generative:
            replica.work = now
            load_changed(plane, replica_index)


@full_helper(otherwise=NEVER)
def seconds_alone(plane: Any, replica: Any, request: Any) -> float:
    """Seconds that a single-pass request takes by itself, on a replica that has its model loaded."""
    model = entry(plane.classes, request.class_index).level % entry(plane.services, replica.service).models
    law = entry(plane.laws, replica.law - replica.loaded + model)
    return entry(plane.pieces, law.table + 1).time_fixed * request.work
