"""One row per request, as a run leaves them on request."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sim.serving import layout
from sim.serving.service_plan import ServicePlan
from sim.serving.summary import classes_of_requests

if TYPE_CHECKING:
    import pyarrow as pa

ROWS_AT_ONCE = 65_536


class RowWriter:
    """Collects finished requests in pieces, and turns them into a table."""

    def __init__(self) -> None:
        self.pieces: list[NDArray[Any]] = []

    def __call__(self, rows: NDArray[Any]) -> None:
        """Take the next finished requests, records of `layout.ROW`."""
        self.pieces.append(rows)

    def write(self, path: Path, services: Sequence[ServicePlan], open_rows: NDArray[Any]) -> None:
        """Write all requests, those in flight (`open_rows`) too, to a Parquet file in order of service and arrival."""
        import pyarrow.parquet as pq

        rows = _in_order([*self.pieces, open_rows], len(services))
        with pq.ParquetWriter(path, _table(open_rows, services).schema) as writer:
            for first in range(0, len(rows), ROWS_AT_ONCE):
                writer.write_table(_table(rows[first : first + ROWS_AT_ONCE], services))


def _in_order(pieces: list[NDArray[Any]], services: int) -> NDArray[Any]:
    """All rows by service and number; every request of a service has one, so its place is known without sorting."""
    counts = sum(np.bincount(piece["service"], minlength=services) for piece in pieces)
    first = np.cumsum(counts) - counts
    rows = np.zeros(np.sum(counts), layout.ROW)
    for piece in pieces:
        rows[first[piece["service"]] + piece["index"]] = piece
    return rows


def open_rows(plane: layout.Plane) -> NDArray[Any]:
    """Rows for the requests in flight."""
    in_flight = plane.requests["status"] != layout.FREE
    requests = plane.requests[in_flight]
    rows = np.zeros(len(requests), layout.ROW)
    rows["class_index"] = classes_of_requests(plane)[in_flight]
    for name in ("service", "replica", "index", "prompt", "output", "arrival", "start", "first_token"):
        rows[name] = requests[name]
    rows["status"], rows["end"] = layout.IN_FLIGHT, np.nan
    return rows


def _class_names(services: Sequence[ServicePlan]) -> list[str | None]:
    """The names of the classes as the plane numbers them; None for all requests of a service without classes."""
    first = [plan.classes[0].name if len(plan.classes) == 1 else None for plan in services]
    return [*first, *(each.name for plan in services if len(plan.classes) > 1 for each in plan.classes)]


def _table(rows: NDArray[Any], services: Sequence[ServicePlan]) -> "pa.Table":
    import pyarrow as pa

    times = {"arrival_s": "arrival", "start_s": "start", "first_token_s": "first_token", "end_s": "end"}
    outcome = rows["status"]
    names = pa.array([plan.name for plan in services], pa.string())
    classes = pa.array(_class_names(services), pa.string())
    columns: dict[str, Any] = {
        "service": pa.DictionaryArray.from_arrays(pa.array(rows["service"].astype(np.int32)), names),
        "class": classes.take(pa.array(rows["class_index"])),
        "replica": pa.array(rows["replica"], mask=rows["replica"] == layout.NONE),
        **{name: pa.array(rows[field], mask=np.isnan(rows[field])) for name, field in times.items()},
        "prompt_tokens": pa.array(rows["prompt"]),
        "output_tokens": pa.array(rows["output"]),
        "status": pa.DictionaryArray.from_arrays(pa.array(outcome.astype(np.int32)), pa.array(layout.OUTCOMES)),
        "slo_met": pa.array(rows["met"] == 1, mask=outcome == layout.IN_FLIGHT),
    }
    return pa.table(columns)
