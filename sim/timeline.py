"""A run as a timeline in Chrome's trace format, which opens in Perfetto (ui.perfetto.dev).

A process for each service, with a track for each replica that shows its steps, and one for each stream of jobs, with as
many tracks as jobs ran at once; a job that was stopped is shown once for each time it ran. Counters show how many wait
and run. Times are in microseconds, rounded to thousandths before lengths are taken: what follows upon another event of
its track does not overlap it.

The format: Trace Event Format, docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from heapq import heappop, heappush
from itertools import chain, count
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from sim.serving import layout
from sim.serving.request_plane import RequestPlane
from sim.serving.step_store import StepStore
from sim.serving.steps import REPLICAS, steps_under_way
from sim.serving.summary import services_of_replicas

if TYPE_CHECKING:
    import pandas as pd

Event = dict[str, Any]
NAMES = {
    layout.PREFILL: "prefill",
    layout.DECODE: "decode",
    layout.PASS: "pass",
    layout.SWAP: "swap",
    layout.SWITCH: "switch",
}
COUNTERS = {
    "service": {"queue_length": "waiting", "running": "running"},
    "training": {"queued": "waiting", "running": "running"},
}
"""What is shown of telemetry, by kind and metric, and how it is called here."""


class Timeline(NamedTuple):
    """What is shown of a run that ended at `ended` (seconds)."""

    plane: RequestPlane | None
    steps: StepStore
    spells: "pd.DataFrame"
    telemetry: "pd.DataFrame"
    ended: float

    def write(self, path: Path, notes: Mapping[str, str]) -> None:
        """Write all events to a file, and notes on what they are of."""
        head = json.dumps({"displayTimeUnit": "ms", "otherData": notes})
        with path.open("w", encoding="utf-8") as file:
            file.write(f'{head[:-1]}, "traceEvents": [')
            for number, event in enumerate(self.events()):
                text = json.dumps(event, separators=(",", ":"), allow_nan=False)
                file.write(f"{',' if number else ''}\n{text}")
            file.write("\n]}\n")

    def events(self) -> Iterator[Event]:
        """All events, process by process. Numbers of processes and tracks are unique in a file."""
        owners = self.telemetry[["kind", "name"]].drop_duplicates().itertuples(index=False)
        processes = [(kind, name) for kind, name in owners if kind in COUNTERS]
        tracks = count(len(processes) + 1)
        for process, (kind, name) in enumerate(processes, 1):
            yield _metadata("process_name", process, process, name=name)
            yield _metadata("process_sort_index", process, process, sort_index=process)
            yield from self._counts(process, kind, name)
            if kind == "training":
                yield from self._jobs(process, tracks, name)
            elif self.plane is not None:
                yield from self._replicas(process, tracks, self.plane, name)

    def _counts(self, process: int, kind: str, name: str) -> Iterator[Event]:
        """Of requests the mean over each interval, shown from its beginning; of jobs the number at its end."""
        mine = self.telemetry[(self.telemetry["kind"] == kind) & (self.telemetry["name"] == name)]
        table = mine.pivot(index="time_s", columns="metric", values="value")[list(COUNTERS[kind])]
        ends = table.index.tolist()
        times = ends if kind == "training" else [0.0, *ends[:-1]]
        for time, values in zip(times, table.to_numpy().tolist(), strict=True):
            counts = dict(zip(COUNTERS[kind].values(), values, strict=True))
            at = {"pid": process, "tid": process, "ts": _nanoseconds(time) / 1000}
            yield {"name": "jobs" if kind == "training" else "requests", "ph": "C", **at, "args": counts}

    def _replicas(self, process: int, tracks: Iterator[int], plane: RequestPlane, name: str) -> Iterator[Event]:
        """The steps of a service's replicas. Numbers of replicas are those of the table of requests."""
        index = [plan.name for plan in plane.services].index(name)
        under_way = steps_under_way(plane.plane)
        for replica in np.flatnonzero(services_of_replicas(plane.plane) == index).tolist():
            record = plane.plane.services[plane.plane.replicas[replica]["service"]]
            if replica - record["first_replica"] >= REPLICAS:
                continue
            track = next(tracks)
            yield _metadata("thread_name", process, track, name=f"replica {replica}")
            yield _metadata("thread_sort_index", process, track, sort_index=track)
            open_steps = under_way[under_way["replica"] == replica]
            for step in chain(*self.steps.of(replica)):
                arguments = _of_step(step, chunked=bool(record["chunked"]))
                yield _complete(NAMES[int(step["state"])], process, track, step["start"], step["end"], arguments)
            for step in open_steps:
                arguments = {"batch": int(step["batch"]), "cut_off": True}
                yield _complete(NAMES[int(step["state"])], process, track, step["start"], step["end"], arguments)

    def _jobs(self, process: int, tracks: Iterator[int], name: str) -> Iterator[Event]:
        """The spells of a stream's jobs, each on the first track that is free."""
        mine = self.spells[self.spells["stream"] == name].fillna({"end_s": self.ended})
        kept = ["start_s", "job_id", "pool", "end_s", "outcome"]
        held = mine.groupby(kept, sort=False)["accelerators"].sum().reset_index()
        spells = held.sort_values("start_s", kind="stable")
        places = free_places(spells["start_s"].tolist(), spells["end_s"].tolist())
        numbers = [next(tracks) for _ in range(max(places, default=-1) + 1)]
        for place, track in enumerate(numbers, 1):
            yield _metadata("thread_name", process, track, name=f"jobs {place}")
            yield _metadata("thread_sort_index", process, track, sort_index=track)
        for place, spell in zip(places, spells.to_dict("records"), strict=True):
            arguments = {each: spell[each] for each in ("accelerators", "pool", "outcome")}
            yield _complete(str(spell["job_id"]), process, numbers[place], spell["start_s"], spell["end_s"], arguments)


def free_places(starts: Sequence[float], ends: Sequence[float]) -> list[int]:
    """For each interval, in order of their starts, the lowest place that is free when it begins."""
    found: list[int] = []
    free: list[int] = []
    taken: list[tuple[float, int]] = []
    for start, end in zip(starts, ends, strict=True):
        while taken and taken[0][0] <= start:
            heappush(free, heappop(taken)[1])
        place = heappop(free) if free else len(taken)
        heappush(taken, (end, place))
        found.append(place)
    return found


def _of_step(step: Any, *, chunked: bool) -> dict[str, int]:
    """What is told of a step that has ended."""
    if step["state"] == layout.DECODE:
        return {name: int(step[name]) for name in ("batch", "iterations", "tokens")}
    if step["state"] == layout.PREFILL:
        decoding = {"decoding": int(step["batch"])} if chunked else {}
        return {"requests": int(step["started"]), "tokens": int(step["tokens"]), **decoding}
    return {"batch": int(step["batch"])}


def _complete(name: str, process: int, track: int, start: float, end: float, arguments: dict[str, Any]) -> Event:
    begin = _nanoseconds(start)
    length = _nanoseconds(end) - begin
    at = {"pid": process, "tid": track, "ts": begin / 1000, "dur": length / 1000}
    return {"name": name, "ph": "X", **at, "args": arguments}


def _metadata(what: str, process: int, track: int, **arguments: Any) -> Event:
    return {"name": what, "ph": "M", "pid": process, "tid": track, "args": arguments}


def _nanoseconds(seconds: float) -> int:
    return round(float(seconds) * 1e9)
