"""The running batch of a replica: a pairing heap through the requests' own records, keyed by the last iteration.

It needs no memory of its own, so that thousands of replicas cost nothing for the largest batch they might hold.
Fredman, Sedgewick, Sleator, Tarjan (1986): "The pairing heap".
"""

from typing import Any

from sim.serving.compiler import helper
from sim.serving.layout import NONE


@helper
def meld(requests: Any, one: int, other: int) -> int:
    """The root of two heaps joined; either may be empty."""
    if one == NONE:
        return other
    if other == NONE:
        return one
    if requests[other].finish < requests[one].finish:
        one, other = other, one
    requests[other].sibling = requests[one].child
    requests[one].child = other
    return one


@helper
def without_root(requests: Any, root: int) -> int:
    """The root of the heap once its root is taken out."""
    child = requests[root].child
    pairs = NONE
    while child != NONE:
        second = requests[child].sibling
        following = requests[second].sibling if second != NONE else NONE
        requests[child].sibling = NONE
        if second != NONE:
            requests[second].sibling = NONE
        pair = meld(requests, child, second)
        requests[pair].sibling = pairs
        pairs = pair
        child = following
    melded = NONE
    while pairs != NONE:
        following = requests[pairs].sibling
        requests[pairs].sibling = NONE
        melded = meld(requests, melded, pairs)
        pairs = following
    requests[root].child = NONE
    return melded
