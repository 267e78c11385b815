"""What the groups of replicas did that prefill and decode for a service."""

from typing import TYPE_CHECKING, Any

import numpy as np

from sim.telemetry import Totals

if TYPE_CHECKING:
    from sim.results import Run

Summary = dict[str, Any]


def groups_summary(run: "Run", index: int) -> Summary:
    """The `groups` of a service and its `kv_transfers`; nothing where all of its replicas do the same."""
    opening, closing = run.opening, run.closing
    stage = int(closing.groups[index]["stage"])
    if stage < 0:
        return {}
    return {
        "groups": {
            "prefill": _group(opening, closing, index, _replicas(run, index)),
            "decode": _group(opening, closing, stage, _replicas(run, stage)),
        },
        "kv_transfers": _transfers(opening.groups[stage], closing.groups[stage], closing.time - opening.time),
    }


def _replicas(run: "Run", index: int) -> int:
    return int(np.count_nonzero(run.request_plane.plane.replicas["service"] == index))


def _group(opening: Totals, closing: Totals, index: int, replicas: int) -> Summary:
    window = closing.time - opening.time
    before, after = opening.groups[index], closing.groups[index]
    batches = int(after["batches"] - before["batches"])
    held = float(after["kv_area"] - before["kv_area"])
    return {
        "replicas": replicas,
        "utilization": float(closing.busy_groups[index] - opening.busy_groups[index]) / (replicas * window),
        "batch_size_mean": float(after["batched"] - before["batched"]) / batches if batches else None,
        "kv_utilization_mean": held / (float(after["kv_capacity"]) * window),
        "waiting_mean": float(after["waiting_area"] - before["waiting_area"]) / window,
    }


def _transfers(before: Any, after: Any, window: float) -> Summary:
    """Caches that were sent: how many, how long from their taking to their coming, and how many at a time."""
    count = int(after["transfers"] - before["transfers"])
    area = float(after["transferring_area"] - before["transferring_area"])
    return {"count": count, "mean_s": area / count if count else None, "in_transit_mean": area / window}
