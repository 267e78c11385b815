"""The groups of replicas of services that prefill and decode apart, as a table."""

from collections.abc import Mapping
from typing import Any

from analysis.report.elements import Cell, Table
from analysis.report.estimates import estimate, thin_note
from analysis.wording import UNKNOWN, find

_COLUMNS = {
    "replicas": "replicas",
    "utilization": "busy",
    "batch_size_mean": "batch size",
    "kv_utilization_mean": "KV cache in use",
    "waiting_mean": "requests waiting",
}


def group_table(summary: Mapping[str, Any], services: Mapping[str, Any]) -> Table:
    """What each group did; how long it took, on average, to send the KV cache of a request to where it is decoded."""
    rows: list[list[str | Cell]] = []
    for name, service in services.items():
        for group in find(service, "groups") or {}:
            place = ("services", name, "groups", group)
            sent = ("services", name, "kv_transfers", "mean_s")
            row = [name, group, *(estimate(summary, *place, key) for key in _COLUMNS)]
            rows.append([*row, estimate(summary, *sent) if group == "decode" else UNKNOWN])
    columns = ("service", "group", *_COLUMNS.values(), "KV cache sent in")
    return Table("Groups of replicas", columns, rows, 2, note=thin_note(rows))
