"""The records of the blocks of prompts that replicas keep, at the start of a plane: nothing is kept yet."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.serving import layout
from sim.serving.service_plan import ServicePlan

Arrays = dict[str, NDArray[Any]]


def prefix_records(services: Sequence[ServicePlan], records: NDArray[Any], replicas: NDArray[Any]) -> Arrays:
    """The arrays of a plane that hold prompts, by name; services and replicas are told where theirs are."""
    keeping = [(index, plan.prefix_blocks) for index, plan in enumerate(services) if plan.prefix_blocks]
    replicas["prefix"] = layout.NONE
    caches: list[NDArray[Any]] = [np.zeros(0, layout.PREFIX)]
    rows, hashes = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for index, prefixes in keeping:
        mine = np.flatnonzero(replicas["service"] == index)
        replicas["prefix"][mine] = sum(map(len, caches)) + np.arange(len(mine))
        records[index]["prefix_size"] = prefixes.size
        records[index]["first_hash_row"] = sum(map(len, rows))
        bits = (2 * prefixes.kept - 1).bit_length()
        cache = np.zeros(len(mine), layout.PREFIX)
        cache["entries"], cache["slots"], cache["shift"] = prefixes.kept, 1 << bits, 64 - bits
        cache["newest"] = cache["oldest"] = layout.NONE
        caches.append(cache)
        rows.append(prefixes.rows + sum(map(len, hashes)))
        hashes.append(prefixes.hashes)
    joined = np.concatenate(caches)
    joined["first"] = np.cumsum(joined["slots"]) - joined["slots"]
    blocks = np.zeros(int(joined["slots"].sum()), layout.BLOCK)
    blocks["held"] = layout.NONE
    return {
        "prefixes": joined,
        "blocks": blocks,
        "hashes": np.concatenate(hashes),
        "hash_rows": np.concatenate(rows),
    }
