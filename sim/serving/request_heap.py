"""Requests by the instant at which each is due for something: an indexed binary heap of their slots.

Equal instants are ordered by service and number, never by slot. A request is in one heap at most, at its `place`.
"""

from typing import Any

from sim.serving.compiler import entry, helper, rare


@helper
def comes_before(requests: Any, one: int, other: int) -> bool:
    """Whether one request is due ahead of another."""
    mine, others = entry(requests, one), entry(requests, other)
    if mine.due != others.due:
        return bool(mine.due < others.due)
    if mine.service != others.service:
        return bool(mine.service < others.service)
    return bool(mine.index < others.index)


@rare
def put(requests: Any, heap: Any, size: int, request_index: int, due: float) -> None:
    """Put a request that is due at an instant (seconds) into a heap of so many others."""
    entry(requests, request_index).due = due
    _rise(requests, heap, size, request_index)


@rare
def remove(requests: Any, heap: Any, size: int, request_index: int) -> None:
    """Take a request out of a heap of so many, itself included."""
    at, last = entry(requests, request_index).place, entry(heap, size - 1)
    if last == request_index:
        return
    if comes_before(requests, last, request_index):
        _rise(requests, heap, at, last)
    else:
        _sink(requests, heap, size - 1, at, last)


@helper
def _rise(requests: Any, heap: Any, at: int, request_index: int) -> None:
    """Put a request into the free place `at`, or nearer to the root."""
    while at > 0 and comes_before(requests, request_index, entry(heap, (at - 1) >> 1)):
        _set(requests, heap, at, entry(heap, (at - 1) >> 1))
        at = (at - 1) >> 1
    _set(requests, heap, at, request_index)


@helper
def _sink(requests: Any, heap: Any, size: int, at: int, request_index: int) -> None:
    """Put a request into the free place `at`, or further from the root."""
    while 2 * at + 1 < size:
        child = 2 * at + 1
        if child + 1 < size and comes_before(requests, entry(heap, child + 1), entry(heap, child)):
            child += 1
        if comes_before(requests, request_index, entry(heap, child)):
            break
        _set(requests, heap, at, entry(heap, child))
        at = child
    _set(requests, heap, at, request_index)


@helper
def _set(requests: Any, heap: Any, at: int, request_index: int) -> None:
    heap[at] = request_index
    entry(requests, request_index).place = at
