"""Which replica takes a request on arrival."""

from typing import Any

import numpy as np

from sim.serving.compiler import entry, full_helper, helper, is_full
from sim.serving.layout import (
    LEAST_OUTSTANDING,
    LEAST_WORK,
    NEVER,
    OWN_RULE,
    POWER_OF_TWO,
    RANDOM,
    ROUND_ROBIN,
    WEIGHTED,
)
from sim.serving.load_tree import least_loaded
from sim.serving.own_rule import ask
from sim.serving.ready_set import next_ready, number_ready, ready_at

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_ONE = np.uint64(0xBF58476D1CE4E5B9)
_MIX_TWO = np.uint64(0x94D049BB133111EB)
_SHIFTS = (np.uint64(30), np.uint64(27), np.uint64(31), np.uint64(32))
SENT_BACK = 2**40
"""More requests than a service ever has: one that comes to the router again has other draws."""


@helper
def draw(key: int, counter: int, below: int) -> int:
    """A number in [0, below) that depends on nothing but its key and counter (the SplitMix64 finalizer)."""
    word = np.uint64(key) + np.uint64(counter + 1) * _GOLDEN
    word = (word ^ (word >> _SHIFTS[0])) * _MIX_ONE
    word = (word ^ (word >> _SHIFTS[1])) * _MIX_TWO
    word = word ^ (word >> _SHIFTS[2])
    return np.int64(  # type: ignore[return-value]  # numba would mix a signed with an unsigned word to a float
        ((word >> _SHIFTS[3]) * np.uint64(below)) >> _SHIFTS[3]
    )


@helper
def route(plane: Any, service_index: int, request_index: int, now: float) -> int:
    """The replica that a rule binds a request to, of those that are ready."""
    service = entry(plane.services, service_index)
    replicas = service.replicas
    chosen = next_ready(plane, service, 0)
    if service.routing == ROUND_ROBIN:
        chosen = next_ready(plane, service, service.cursor)
        service.cursor = chosen + 1 if chosen + 1 < replicas else 0
    elif service.routing == RANDOM:
        drawn = draw(service.key, draw_number(plane, request_index), number_ready(plane, service))
        chosen = ready_at(plane, service, drawn)
    elif service.routing == LEAST_OUTSTANDING or (
        is_full(plane) and (service.routing == LEAST_WORK or service.routing == WEIGHTED)
    ):
        free = now if service.routing == LEAST_WORK and not service.generative else -NEVER
        chosen = least_loaded(plane.trees, service, free)
        service.cursor = chosen + 1 if chosen + 1 < replicas else 0
    elif is_full(plane) and service.routing == OWN_RULE:
        chosen = ask(plane, service_index, request_index)
    elif service.routing == POWER_OF_TWO and number_ready(plane, service) > 1:
        places = _two_drawn(service, number_ready(plane, service), draw_number(plane, request_index))
        first, second = ready_at(plane, service, places[0]), ready_at(plane, service, places[1])
        load_of_first = entry(plane.replicas, service.first_replica + first).outstanding
        chosen = first if load_of_first <= entry(plane.replicas, service.first_replica + second).outstanding else second
    return service.first_replica + chosen


@helper
def draw_number(plane: Any, request_index: int) -> int:
    """The counter of the draws for a request, which is another each time it comes to the router."""
    return entry(plane.requests, request_index).index + 1 + SENT_BACK * moves_of(plane, request_index)


@full_helper(otherwise=0, inlined=True)
def moves_of(plane: Any, request_index: int) -> int:
    """How often a request has come to the router before."""
    return int(entry(plane.requests, request_index).moves)


@helper
def _two_drawn(service: Any, replicas: int, request_number: int) -> tuple[int, int]:
    first = draw(service.key, 2 * request_number, replicas)
    second = draw(service.key, 2 * request_number + 1, replicas - 1)
    return first, second + 1 if second >= first else second


@helper
def replicas_looked_at(service: Any) -> tuple[int, int, int]:
    """The replicas at which a rule will look for the next arrival: the first of them, how many, and how far apart."""
    if service.routing == ROUND_ROBIN:
        return service.first_replica + service.cursor, 1, 0
    if service.routing == RANDOM:
        return service.first_replica + draw(service.key, service.index + 1, service.replicas), 1, 0
    if service.routing == POWER_OF_TWO and service.replicas > 1:
        first, second = _two_drawn(service, service.replicas, service.index + 1)
        return service.first_replica + first, 2, second - first
    return service.first_replica, 1, 0
