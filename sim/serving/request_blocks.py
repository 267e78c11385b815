"""Blocks of requests in the memory of a plane: drawn for arrivals, and for what clients send after thinking."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sim.serving import layout
from sim.serving.service_plan import Arrivals, ServicePlan

if TYPE_CHECKING:
    from sim.workload.blocks import RequestBlock

ENDLESS = 2**62
"""Turns of a client in a closed loop."""
CLIENTS = ("patience", "retry_delay", "think_time", "turns")
"""What a block says of those who send the requests."""


def lay_down(plane: layout.Plane, service: Any, first: int, block: "RequestBlock") -> int:
    """Write a block of a service's requests from a place on; returns how many."""
    count = len(block.arrival)
    room = plane.arrivals[first : first + count]
    room["time"], room["work"] = block.arrival, block.work
    if service["classes"] > 1:
        room["class_index"] = service["first_class"] + block.class_number
    room["prompt"] = np.maximum(block.prompt_tokens, 1)
    room["output"] = np.maximum(block.output_tokens, 1)
    room["kv"] = _tokens_to_start(service, room)
    for name in CLIENTS if plane.full is not None else ():
        room[name] = getattr(block, name)
    return count


def _tokens_to_start(service: Any, arrivals: NDArray[Any]) -> NDArray[np.int64]:
    """Tokens of KV cache for which a request must find room: its prompt and the next token, or all in whole blocks."""
    if service["preemption"] != layout.NO_PREEMPTION:
        return arrivals["prompt"] + 1
    size = max(int(service["block_size"]), 1)
    tokens = arrivals["prompt"] + (arrivals["output"] if service["stage"] == layout.NONE else 1)
    return (tokens + size - 1) // size * size


def blocks_of_draws(plan: ServicePlan) -> list[int]:
    """For each class of a service, how many draws for further requests lie behind the arrivals of all services."""
    return [each.further.block_size if each and each.further else 0 for each in plan.clients_of_classes]


def draws_by_class(plane: layout.Plane, services: Sequence[ServicePlan], first: int) -> dict[int, tuple[Arrivals, int]]:
    """By class, where what clients' further requests bring comes from, and where it is put: behind all arrivals."""
    found = {}
    for index, plan in enumerate(services):
        sizes, first_class = blocks_of_draws(plan), int(plane.services[index]["first_class"])
        for place, (clients, size) in enumerate(zip(plan.clients_of_classes, sizes, strict=True)):
            if clients and clients.further:
                found[first_class + place] = clients.further, first
            first += size
    return found


def let_think(plane: layout.Plane, services: Sequence[ServicePlan]) -> int:
    """Give each client of a closed loop a slot, to think until its first request is due; returns how many."""
    seats = [
        (due, index, number - len(plan.first_sent), int(plane.services[index]["first_class"]) + place)
        for index, plan in enumerate(services)
        for number, (place, due, last) in enumerate(plan.first_sent)
        if due < last
    ]
    requests, number = plane.requests, len(seats)
    for slot, (due, index, order, class_index) in enumerate(sorted(seats)):
        request = requests[slot]
        request["due"], request["service"], request["index"], request["class_index"] = due, index, order, class_index
        request["status"], request["turns"], request["place"] = layout.THINKING, ENDLESS, slot
    if number:
        plane.returns[:number] = np.arange(number)
    plane.clock["returning"] = number
    return number
