"""One row per request, as a run leaves them on request."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sim.hardware.tables import SinglePassReplica
from sim.serving import layout
from sim.serving.service_plan import PROMISES, ClassPlan, ServicePlan
from sim.serving.summary import classes_of_requests

if TYPE_CHECKING:
    import pyarrow as pa

ROWS_AT_ONCE = 65_536


class RowWriter:
    """Puts finished requests in order of service and arrival, and turns them into a table.

    A request's number is its place among those of its service. Stretches of them are filled in memory, and lie in a
    temporary file once they are full, so that what is held in memory does not grow with the run.
    """

    def __init__(self) -> None:
        self._stretches: dict[tuple[int, int], _Stretch] = {}
        self._files: dict[int, IO[bytes]] = {}
        self._lengths: dict[int, int] = {}

    def __call__(self, rows: NDArray[Any]) -> None:
        """Take the next finished requests, records of `layout.ROW`."""
        stretches = rows["index"] // ROWS_AT_ONCE
        keys = np.unique(np.stack([rows["service"], stretches]), axis=1).T.tolist()
        for service, number in keys:
            mine = rows if len(keys) == 1 else rows[(rows["service"] == service) & (stretches == number)]
            self._lengths[service] = max(self._lengths.get(service, 0), int(mine["index"].max()) + 1)
            stretch = self._stretches.setdefault((service, number), _Stretch())
            stretch.rows[mine["index"] % ROWS_AT_ONCE] = mine
            stretch.filled += len(mine)
            if stretch.filled == ROWS_AT_ONCE:
                self._put_away(service, number)

    def _put_away(self, service: int, number: int) -> None:
        if service not in self._files:
            self._files[service] = TemporaryFile()  # noqa: SIM115  it is needed as long as the writer
        self._files[service].seek(number * ROWS_AT_ONCE * layout.ROW.itemsize)
        self._files[service].write(self._stretches.pop((service, number)).rows.tobytes())

    def write(self, path: Path, services: Sequence[ServicePlan], open_rows: NDArray[Any]) -> None:
        """Write all requests, those in flight (`open_rows`) too, to a Parquet file in order of service and arrival."""
        import pyarrow.parquet as pq

        if len(open_rows):
            self(open_rows)
        with pq.ParquetWriter(path, _table(np.zeros(0, layout.ROW), services).schema) as writer:
            for service in sorted(self._lengths):
                for first in range(0, self._lengths[service], ROWS_AT_ONCE):
                    rows = self._stretch(service, first // ROWS_AT_ONCE)
                    writer.write_table(_table(rows[: self._lengths[service] - first], services))

    def _stretch(self, service: int, number: int) -> NDArray[Any]:
        if (service, number) in self._stretches:
            return self._stretches[service, number].rows
        file, size = self._files[service], ROWS_AT_ONCE * layout.ROW.itemsize
        file.seek(number * size)
        return np.frombuffer(file.read(size), layout.ROW)


@dataclass
class _Stretch:
    """Consecutive requests of a service, by their number."""

    rows: NDArray[Any] = field(default_factory=lambda: np.zeros(ROWS_AT_ONCE, layout.ROW))
    filled: int = 0


def open_rows(plane: layout.Plane) -> NDArray[Any]:
    """Rows for the requests in flight."""
    in_flight = ~np.isin(plane.requests["status"], layout.OUT_OF_FLIGHT)
    requests = plane.requests[in_flight]
    rows = np.zeros(len(requests), layout.ROW)
    rows["class_index"] = classes_of_requests(plane)[in_flight]
    for name in ("service", "replica", "index", "prompt", "output", "arrival", "start", "first_token"):
        rows[name] = requests[name]
    rows["status"], rows["end"] = layout.IN_FLIGHT, np.nan
    return rows


def _classes(services: Sequence[ServicePlan]) -> list[tuple[str | None, bool]]:
    """The classes as the plane numbers them: their names, and whether anything is promised to them.

    All requests of a service without classes are one without a name; a group that decodes has no class of its own.
    """
    first = [_class(plan, plan.classes[0]) if len(plan.classes) == 1 else _class(plan, plan) for plan in services]
    groups = [(None, False) for plan in services if plan.decode]
    return [
        *first,
        *groups,
        *(_class(plan, each) for plan in services if len(plan.classes) > 1 for each in plan.classes),
    ]


def _class(plan: ServicePlan, own: ServicePlan | ClassPlan) -> tuple[str | None, bool]:
    promised = plan.slo_itl is not None or any(getattr(own, name) is not None for name in PROMISES)
    return None if own is plan else own.name, promised


def _table(rows: NDArray[Any], services: Sequence[ServicePlan]) -> "pa.Table":
    import pyarrow as pa

    times = {"arrival_s": "arrival", "start_s": "start", "first_token_s": "first_token", "end_s": "end"}
    outcome = rows["status"]
    names = pa.array([plan.name for plan in services], pa.string())
    class_names, promised = zip(*_classes(services), strict=True)
    unpromised = ~np.array(promised)[rows["class_index"]]
    tokenless = np.array([isinstance(plan.replica, SinglePassReplica) for plan in services])[rows["service"]]
    classes = pa.array(class_names, pa.string())
    columns: dict[str, Any] = {
        "service": pa.DictionaryArray.from_arrays(pa.array(rows["service"].astype(np.int32)), names),
        "class": classes.take(pa.array(rows["class_index"])),
        "replica": pa.array(rows["replica"], mask=rows["replica"] == layout.NONE),
        **{name: pa.array(rows[field], mask=np.isnan(rows[field])) for name, field in times.items()},
        "prompt_tokens": pa.array(rows["prompt"], mask=tokenless),
        "output_tokens": pa.array(rows["output"], mask=tokenless),
        "status": pa.DictionaryArray.from_arrays(pa.array(outcome.astype(np.int32)), pa.array(layout.OUTCOMES)),
        "slo_met": pa.array(rows["met"] == 1, mask=unpromised | (outcome == layout.IN_FLIGHT)),
    }
    return pa.table(columns)
