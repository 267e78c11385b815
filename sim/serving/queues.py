"""First-in first-out queues of waiting requests, linked through the requests' own records.

Besides its queue, a request of a service with a timeout stands in that service's list of waiting requests by age. All
requests of a service wait equally long, so the first to time out is the oldest of the service, and nobody stands
before it in its queue but those who were preempted.
"""

from typing import Any

from sim.serving.compiler import entry, helper, rare
from sim.serving.counting import pass_waiting
from sim.serving.layout import NEVER, NONE, WAITING


@helper
def append(plane: Any, queue_index: int, request_index: int, now: float) -> None:
    """Put a request at the end of a queue."""
    queue = entry(plane.queues, queue_index)
    pass_waiting(queue, now)
    request = entry(plane.requests, request_index)
    request.next = NONE
    if queue.tail == NONE:
        queue.head = request_index
    else:
        entry(plane.requests, queue.tail).next = request_index
    queue.tail = request_index
    queue.length += 1


@helper
def push_front(plane: Any, queue_index: int, request_index: int, now: float) -> None:
    """Put a request ahead of all others of a queue."""
    queue = entry(plane.queues, queue_index)
    pass_waiting(queue, now)
    entry(plane.requests, request_index).next = queue.head
    queue.head = request_index
    if queue.tail == NONE:
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
    return head


@rare
def take_out(plane: Any, queue_index: int, request_index: int, now: float) -> None:
    """Take a request out of its queue, which may stand behind others that were preempted."""
    queue = entry(plane.queues, queue_index)
    if queue.head == request_index:
        pop_head(plane, queue_index, now)
        return
    pass_waiting(queue, now)
    before = queue.head
    while entry(plane.requests, before).next != request_index:
        before = entry(plane.requests, before).next
    entry(plane.requests, before).next = entry(plane.requests, request_index).next
    if queue.tail == request_index:
        queue.tail = before
    queue.length -= 1


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
    """A request waits no longer: it starts, or it has timed out."""
    if entry(plane.requests, request_index).status == WAITING:
        service.waiting -= 1
        if service.timeout < NEVER:
            forget_age(plane, service, request_index)
