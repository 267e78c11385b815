"""Totals of a run at chosen instants: the edges of its window, and each interval of telemetry in between."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sim.fleet.ledger import UNASSIGNED, Ledger, State
from sim.fleet.pool import PoolState
from sim.fleet.slots import Slot
from sim.serving import layout
from sim.serving.request_plane import RequestPlane
from sim.serving.summary import services_of_replicas, whole_services
from sim.training.job_plane import JobPlane

if TYPE_CHECKING:
    import pandas as pd

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Totals:
    """Everything that has been counted up to `time` (seconds), settled exactly."""

    time: float
    services: NDArray[Any]
    """Records of `layout.SERVICE`, their groups of replicas included."""
    groups: NDArray[Any]
    """The same, of services and groups each by itself: those that decode are the last."""
    passed: NDArray[np.int64]
    """Tokens, or requests of single-pass models, that each replica has computed."""
    busy_groups: FloatArray
    """Replica-seconds of services and groups each by itself."""
    classes: NDArray[Any]
    """Records of `layout.CLASS`."""
    moments: FloatArray
    """Number, sum, sum of squares and largest, by service and latency."""
    busy: FloatArray
    """Replica-seconds by service and phase (prefill, decode, batch)."""
    joules: FloatArray
    """Of accelerators, by service and phase."""
    busy_accelerators: FloatArray
    """Accelerator-seconds by service."""
    seconds: FloatArray
    """Of the ledger: accelerator-seconds by pool, owner and state."""
    ledger_joules: FloatArray
    host_joules: FloatArray
    jobs: NDArray[np.int64]
    """Waiting and running jobs, by stream."""
    pools: FloatArray
    """Of each pool: accelerator-seconds free, those of them on free nodes, and failures."""


class Meter:
    """Settles both planes and the ledger at an instant, and reads the totals."""

    def __init__(
        self,
        plane: RequestPlane | None,
        jobs: JobPlane,
        ledger: Ledger,
        slots: Mapping[tuple[str, str], Sequence[Slot]],
        pools: Sequence[PoolState],
    ) -> None:
        self.plane = plane
        self.jobs = jobs
        self.ledger = ledger
        self.pools = pools
        self._replicas = [(slot.pool, name, slot.accelerators) for (name, _), own in slots.items() for slot in own]
        self._booked = np.zeros((len(self._replicas), 2))

    def read(self, now: float) -> Totals:
        """Return the totals at `now` (seconds), the instant at which both planes stand."""
        self.ledger.settle(now)
        services, moments, busy, joules, busy_accelerators = self._read_plane()
        groups = services if self.plane is None else self.plane.plane.services.copy()
        running = [[stream.waiting, stream.running] for stream in self.jobs.streams.values()]
        return Totals(
            time=now,
            services=services,
            groups=groups,
            passed=self._passed(),
            busy_groups=self._busy_groups(len(groups)),
            classes=np.zeros(0, layout.CLASS) if self.plane is None else self.plane.plane.classes.copy(),
            moments=moments,
            busy=busy,
            joules=joules,
            busy_accelerators=busy_accelerators,
            seconds=self.ledger.seconds.copy(),
            ledger_joules=self.ledger.joules.copy(),
            host_joules=self.ledger.host_joules.copy(),
            jobs=np.array(running, np.int64).reshape(-1, 2),
            pools=np.array([_of_pool(pool) for pool in self.pools]),
        )

    def _read_plane(self) -> tuple[NDArray[Any], FloatArray, FloatArray, FloatArray, FloatArray]:
        if self.plane is None:
            nothing = np.zeros((0, len(layout.PHASES)))
            return np.zeros(0, layout.SERVICE), np.zeros((0, len(layout.METRICS), 4)), nothing, nothing, np.zeros(0)
        self.plane.settle()
        records = self.plane.plane.replicas
        busy = np.stack([records[f"busy_{phase}"] for phase in layout.PHASES], axis=1)
        joules = np.stack([records[f"joules_{phase}"] for phase in layout.PHASES], axis=1)
        self._book(busy.sum(axis=1), joules.sum(axis=1))
        plane = self.plane.plane
        accelerators = np.array([accelerators for _, _, accelerators in self._replicas])
        held = self._by_service(busy.sum(axis=1, keepdims=True) * accelerators[:, None])[:, 0]
        totals = [self._by_service(each) for each in (busy, joules)]
        return whole_services(plane), plane.moments.copy(), totals[0], totals[1], held

    def _passed(self) -> NDArray[np.int64]:
        if self.plane is None:
            return np.zeros(0, np.int64)
        replicas = self.plane.plane.replicas
        return np.asarray(replicas["batched"] + replicas["computed_tokens"])

    def _busy_groups(self, number: int) -> FloatArray:
        summed = np.zeros(number)
        if self.plane is not None:
            np.add.at(summed, self.plane.plane.replicas["service"], self._booked[:, 0])
        return summed

    def _by_service(self, totals: FloatArray) -> FloatArray:
        summed = np.zeros((len(self.plane.services) if self.plane else 0, totals.shape[1]))
        np.add.at(summed, services_of_replicas(self.plane.plane) if self.plane else 0, totals)
        return summed

    def _book(self, busy: FloatArray, joules: FloatArray) -> None:
        """Tell the ledger what the replicas have done since it last heard."""
        totals = np.stack((busy, joules), axis=1)
        news = totals - self._booked
        self._booked = totals
        pools: dict[tuple[str, str], list[float]] = {}
        for (pool, owner, accelerators), (seconds, drawn) in zip(self._replicas, news.tolist(), strict=True):
            total = pools.setdefault((pool, owner), [0.0, 0.0])
            total[0] += seconds * accelerators
            total[1] += drawn
        for (pool, owner), (seconds, drawn) in pools.items():
            self.ledger.book_busy(pool, owner, seconds, drawn)


def _of_pool(pool: PoolState) -> tuple[float, float, float]:
    free = pool.settle()
    return free.free, free.whole, float(pool.failures)


def telemetry_frame(
    samples: Sequence[Totals], ledger: Ledger, services: Mapping[str, int | None], streams: Sequence[str]
) -> "pd.DataFrame":
    """Telemetry in long form: time_s, kind, name, metric, value; one time for each interval's end.

    `services` gives the replicas of each, None where they come and go. Counts of jobs are those of the instant; all
    else is a mean over the interval.
    """
    import pandas as pd

    if len(samples) < 2:
        return pd.DataFrame({name: [] for name in ("time_s", "kind", "name", "metric", "value")})
    columns = {
        **_service_columns(samples, services, ledger),
        **_stream_columns(samples, streams),
        **_pool_columns(samples, ledger),
    }
    times = np.array([sample.time for sample in samples[1:]])
    names = [np.repeat([key[part] for key in columns], len(times)) for part in range(3)]
    return pd.DataFrame(
        {
            "time_s": np.tile(times, len(columns)),
            "kind": names[0],
            "name": names[1],
            "metric": names[2],
            "value": np.concatenate(list(columns.values())),
        }
    )


Columns = dict[tuple[str, str, str], FloatArray]


def _elapsed(samples: Sequence[Totals]) -> FloatArray:
    return np.diff([sample.time for sample in samples])


def _service_columns(samples: Sequence[Totals], services: Mapping[str, int | None], ledger: Ledger) -> Columns:
    columns: Columns = {}
    if not services:
        return columns
    elapsed = _elapsed(samples)
    records = np.stack([sample.services for sample in samples])
    busy = np.stack([sample.busy for sample in samples]).sum(axis=2)
    power = _drawn(samples).sum(axis=1)
    for index, (name, number) in enumerate(services.items()):
        own = records[:, index]
        batches = np.diff(own["batches"])
        replicas = np.diff(own["presence_area"]) / elapsed if number is None else number
        capacity = np.diff(own["capacity_area"]) / elapsed if number is None else own["kv_capacity"][0]
        with np.errstate(invalid="ignore", divide="ignore"):
            batch_size = np.where(batches > 0, np.diff(own["batched"]) / batches, np.nan)
            utilization = np.diff(busy[:, index]) / elapsed / replicas
        values = {
            "queue_length": np.diff(own["waiting_area"]) / elapsed,
            "running": np.diff(own["running_area"]) / elapsed,
            "batch_size": batch_size,
            "arrivals_per_s": np.diff(own["index"]) / elapsed,
            "completions_per_s": np.diff(own["finished"]) / elapsed,
            "utilization": utilization,
            "power_w": power[:, ledger.owners[name]],
        }
        if own["generative"][0]:
            with np.errstate(invalid="ignore"):
                values["kv_utilization"] = np.diff(own["kv_area"]) / elapsed / capacity
        columns |= {("service", name, metric): np.asarray(value, float) for metric, value in values.items()}
    return columns


def _stream_columns(samples: Sequence[Totals], streams: Sequence[str]) -> Columns:
    jobs = np.stack([sample.jobs for sample in samples[1:]])
    return {
        ("training", name, metric): jobs[:, index, column].astype(float)
        for index, name in enumerate(streams)
        for column, metric in enumerate(("queued", "running"))
    }


def _pool_columns(samples: Sequence[Totals], ledger: Ledger) -> Columns:
    elapsed = _elapsed(samples)
    seconds = np.diff(np.stack([sample.seconds for sample in samples]), axis=0) / elapsed[:, None, None, None]
    power = pool_power(samples)
    columns: Columns = {}
    for name, index in ledger.pools.items():
        size = ledger.counts[index].sum()
        free = seconds[:, index, ledger.owners[UNASSIGNED]].sum(axis=1)
        columns["pool", name, "allocated"] = 1.0 - free / size
        columns["pool", name, "busy"] = seconds[:, index, :, State.BUSY].sum(axis=1) / size
        columns["pool", name, "availability"] = 1.0 - seconds[:, index, :, State.DOWN].sum(axis=1) / size
        columns["pool", name, "power_w"] = power[:, index]
    columns["fleet", "fleet", "power_w"] = power.sum(axis=1)
    return columns


def pool_power(samples: Sequence[Totals]) -> FloatArray:
    """Mean watts by interval and pool, accelerators and hosts."""
    drawn: FloatArray = _drawn(samples).sum(axis=2)
    return drawn


def _drawn(samples: Sequence[Totals]) -> FloatArray:
    """Mean watts by interval, pool and owner, accelerators and hosts."""
    energy = np.stack([sample.ledger_joules + sample.host_joules for sample in samples]).sum(axis=3)
    drawn: FloatArray = np.diff(energy, axis=0) / _elapsed(samples)[:, None, None]
    return drawn
