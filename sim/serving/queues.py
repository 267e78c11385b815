"""Queues of waiting requests, linked through the requests' own records: by priority, and first in, first out within.

Levels of priority follow one another in one list, and `Plane.tails` knows the last of each.

Besides its queue, a request of a service with a timeout stands in that service's list of waiting requests by age. All
requests of a service wait equally long, so the first to time out is the oldest of the service, and of its level in its
queue but for those that were preempted.
"""

from typing import Any

from sim.serving.compiler import entry, full_helper, helper, is_full, rare
from sim.serving.counting import pass_waiting
from sim.serving.layout import NEVER, NONE, TAKEN, WAITING
from sim.serving.patience import forget_patience
from sim.serving.ready_set import takes_no_more


@full_helper(otherwise=0, inlined=True)
def level_of(plane: Any, request: Any) -> int:
    """The rank of a request's priority, and of its model where several share the replicas: level 0 goes first."""
    return entry(plane.classes, request.class_index).level


@full_helper(otherwise=NONE, inlined=True)
def last_down_to(plane: Any, queue_index: int, level: int) -> int:
    """The last request of a queue among those of a level and of all before it."""
    while level >= 0:
        if plane.tails[queue_index, level] != NONE:
            return plane.tails[queue_index, level]
        level -= 1
    return NONE


@full_helper(otherwise=0, inlined=True)
def level_in_queue(plane: Any, request: Any) -> int:
    """The level at which a request stands: one that an idle replica has taken stands ahead of all."""
    return 0 if request.status == TAKEN else level_of(plane, request)


@full_helper(inlined=True)
def leave_level(plane: Any, queue_index: int, request_index: int, before: int) -> None:
    """A request that leaves its queue, where it stands behind `before`, is no longer the last of its level."""
    plane.lengths[queue_index, level_in_queue(plane, entry(plane.requests, request_index))] -= 1
    above = NONE
    for level in range(plane.tails.shape[1]):
        last = plane.tails[queue_index, level]
        if last == request_index:
            plane.tails[queue_index, level] = NONE if before == above else before
            return
        if last != NONE:
            above = last


@full_helper(otherwise=NONE)
def first_of_level(plane: Any, queue_index: int, level: int) -> int:
    """The first request of a queue at a level; NONE where nobody stands there."""
    if plane.tails[queue_index, level] == NONE:
        return NONE
    before = last_down_to(plane, queue_index, level - 1)
    return entry(plane.queues, queue_index).head if before == NONE else entry(plane.requests, before).next


@helper
def came_later(request: Any, other: Any) -> bool:
    """Whether a request has come after another, this time."""
    return bool(request.asked > other.asked or (request.asked == other.asked and request.index > other.index))


@full_helper(otherwise=NEVER)
def oldest_of_levels(plane: Any, queue_index: int) -> float:
    """The instant at which the first of a queue's requests came, of whatever level; none was preempted."""
    first, oldest = entry(plane.queues, queue_index).head, NEVER
    for level in range(plane.tails.shape[1]):
        last = plane.tails[queue_index, level]
        if last != NONE:
            oldest = min(oldest, entry(plane.requests, first).asked)
            first = entry(plane.requests, last).next
    return oldest


@full_helper(inlined=True)
def join_level(plane: Any, queue_index: int, request_index: int, level: int, last: bool) -> None:  # noqa: FBT001
    """A request stands among those of its level, as the `last` or the first of them."""
    plane.lengths[queue_index, level] += 1
    if last or plane.tails[queue_index, level] == NONE:
        plane.tails[queue_index, level] = request_index


@helper
def append(plane: Any, queue_index: int, request_index: int, level: int, now: float) -> None:
    """Put a request at the end of its level."""
    ahead = last_down_to(plane, queue_index, level) if is_full(plane) else entry(plane.queues, queue_index).tail
    join_level(plane, queue_index, request_index, level, True)
    insert(plane, queue_index, request_index, ahead, now)


@helper
def push_front(plane: Any, queue_index: int, request_index: int, level: int, now: float) -> None:
    """Put a request ahead of all others of its level."""
    ahead = last_down_to(plane, queue_index, level - 1)
    join_level(plane, queue_index, request_index, level, False)
    insert(plane, queue_index, request_index, ahead, now)


@helper
def insert(plane: Any, queue_index: int, request_index: int, ahead: int, now: float) -> None:
    """Put a request into a queue behind another, or at its head."""
    queue = entry(plane.queues, queue_index)
    pass_waiting(queue, now)
    request = entry(plane.requests, request_index)
    if ahead == NONE:
        request.next = queue.head
        queue.head = request_index
    else:
        request.next = entry(plane.requests, ahead).next
        entry(plane.requests, ahead).next = request_index
    if request.next == NONE:
        queue.tail = request_index
    queue.length += 1


@helper
def pop_head(plane: Any, queue_index: int, now: float) -> int:
    """Take the head of a queue that is not empty."""
    queue = entry(plane.queues, queue_index)
    pass_waiting(queue, now)
    head = queue.head
    queue.head = entry(plane.requests, head).next
    if queue.head == NONE:
        queue.tail = NONE
    queue.length -= 1
    leave_level(plane, queue_index, head, NONE)
    return head


@rare
def take_out(plane: Any, queue_index: int, request_index: int, now: float) -> None:
    """Take a request out of its queue, which may stand behind others that were preempted, or of higher priority."""
    queue = entry(plane.queues, queue_index)
    if queue.head == request_index:
        pop_head(plane, queue_index, now)
        return
    pass_waiting(queue, now)
    before = last_down_to(plane, queue_index, level_of(plane, entry(plane.requests, request_index)) - 1)
    if before == NONE:
        before = queue.head
    while entry(plane.requests, before).next != request_index:
        before = entry(plane.requests, before).next
    entry(plane.requests, before).next = entry(plane.requests, request_index).next
    if queue.tail == request_index:
        queue.tail = before
    queue.length -= 1
    leave_level(plane, queue_index, request_index, before)


@helper
def watch_age(plane: Any, service: Any, request_index: int) -> bool:
    """Note a waiting request as the youngest of its service; whether it is the only one."""
    request = entry(plane.requests, request_index)
    request.later = NONE
    request.earlier = service.youngest
    if service.youngest == NONE:
        service.oldest = request_index
    else:
        entry(plane.requests, service.youngest).later = request_index
    service.youngest = request_index
    return request.earlier == NONE


@helper
def forget_age(plane: Any, service: Any, request_index: int) -> None:
    """Take a request out of its service's list by age."""
    request = entry(plane.requests, request_index)
    if request.earlier == NONE:
        service.oldest = request.later
    else:
        entry(plane.requests, request.earlier).later = request.later
    if request.later == NONE:
        service.youngest = request.earlier
    else:
        entry(plane.requests, request.later).earlier = request.earlier


@helper
def leave_waiting(plane: Any, service: Any, request_index: int) -> None:
    """A request waits no longer: it starts, or gives up."""
    if entry(plane.requests, request_index).status == WAITING:
        service.waiting -= 1
        if service.timeout < NEVER:
            forget_age(plane, service, request_index)
        forget_patience(plane, request_index)


@helper
def next_queue(plane: Any, replica_index: int) -> int:
    """The queue whose head a replica takes next: its own, unless the central one has somebody of higher priority."""
    if takes_no_more(plane, entry(plane.replicas, replica_index)):
        return replica_index
    central = plane.replicas.shape[0] + entry(plane.replicas, replica_index).service
    own_is_empty = entry(plane.queues, replica_index).length == 0
    return central if own_is_empty or central_goes_first(plane, replica_index, central) else replica_index


@full_helper(otherwise=False, inlined=True)
def central_goes_first(plane: Any, replica_index: int, central: int) -> bool:
    """Whether the head of the central queue has a higher priority than that of a replica's own, which is not empty."""
    if entry(plane.queues, central).length == 0:
        return False
    own = entry(plane.requests, entry(plane.queues, replica_index).head)
    head = entry(plane.requests, entry(plane.queues, central).head)
    return own.status != TAKEN and level_of(plane, head) < level_of(plane, own)
