"""What a run leaves behind: its summary, its tables, and the files of its folder."""

import hashlib
import json
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.assumptions import assumptions
from sim.batches import Batches, BatchLatency, batch_latency, batch_summaries
from sim.fleet.ledger import Ledger
from sim.job_tables import jobs_frame, spells_frame
from sim.preparation import Prepared
from sim.scenario import Scenario, paths
from sim.serving import layout
from sim.serving.request_plane import RequestPlane
from sim.serving.rows import RowWriter, open_rows
from sim.serving.step_store import StepStore
from sim.serving.steps import REPLICAS
from sim.serving.summary import EDGES, counts_by_service
from sim.summary import Summary, summarize
from sim.telemetry import Totals, telemetry_frame
from sim.timeline import Timeline
from sim.training.job_plane import JobPlane
from sim.whole_folder import MARK, written_whole

if TYPE_CHECKING:
    import pandas as pd


@dataclass
class Run:
    """A finished run: the state of everything at its end, and the totals at the edges of its window."""

    prepared: Prepared
    ledger: Ledger
    plane: RequestPlane | None
    jobs: JobPlane
    opening: Totals
    closing: Totals
    samples: list[Totals]
    batches: Batches
    ended: float
    wall: float
    decisions: int
    rows: RowWriter | None
    steps: StepStore | None

    @property
    def request_plane(self) -> RequestPlane:
        """The request plane of a run that has services."""
        if self.plane is None:
            raise LookupError("the run has no services")
        return self.plane

    @property
    def window(self) -> list[Totals]:
        """The totals at the edges of the window and at each interval of telemetry in between."""
        inside = (sample for sample in self.samples if self.opening.time < sample.time < self.closing.time)
        return [self.opening, *inside, self.closing]

    @cached_property
    def inputs_sha256(self) -> str:
        """A hash of the bytes of every file that the scenario names."""
        digest = hashlib.sha256()
        for path in self.prepared.scenario.input_files:
            digest.update(path.read_bytes())
        return digest.hexdigest()


@dataclass
class Result:
    """The outcome of one run: `summary`, and tables as data frames."""

    scenario: Scenario
    summary: Summary
    telemetry: "pd.DataFrame"
    jobs: "pd.DataFrame"
    latency: "pd.DataFrame"
    _run: Run = field(repr=False)

    @classmethod
    def of(cls, run: Run) -> "Result":
        """Summarize a finished run."""
        scenario = run.prepared.scenario
        each = scenario.services.items()
        replicas = {name: None if scenario.replicas_change(name) else own.replicas.initial for name, own in each}
        summary = summarize(run) | {"assumptions": assumptions(scenario)}
        telemetry = telemetry_frame(run.samples, run.ledger, replicas, list(scenario.training))
        return cls(scenario, summary, telemetry, jobs_frame(run), _latency_frame(run), run)

    @cached_property
    def spells(self) -> "pd.DataFrame":
        """What jobs held from when to when: one row for each node of each time in which a job ran."""
        return spells_frame(self._run)

    @cached_property
    def batches(self) -> list[Summary]:
        """What each of the equal parts of the window says, in the form of the summary and scaled to the window."""
        return batch_summaries(self._run)

    @property
    def batch_latency(self) -> BatchLatency:
        """The buckets of every latency that hold something, of each batch."""
        return batch_latency(self._run)

    def metric(self, path: str) -> Any:
        """Return the figure at a dotted path of the summary, such as `services.chat.ttft_s.p99`. Raises KeyError."""
        return paths.value_at(self.summary, paths.resolve(path, self.summary))

    def save(self, folder: str | Path, *, force: bool = False) -> Path:
        """Write the run's files into a folder. Raises FileExistsError where it holds another run, unless forced."""
        folder = Path(folder)
        with written_whole(folder, force=force) as partial:
            self.write(partial, at=folder)
        return folder

    def write(self, folder: Path, *, at: Path) -> None:
        """Write the run's files into an empty folder; `at` is where they will lie in the end."""
        (folder / "scenario.yaml").write_text(self.scenario.to_yaml(at), encoding="utf-8")
        self.telemetry.to_parquet(folder / "telemetry.parquet", index=False)
        self.jobs.to_parquet(folder / "jobs.parquet", index=False)
        self.spells.to_parquet(folder / "spells.parquet", index=False)
        self.latency.to_parquet(folder / "latency.parquet", index=False)
        if self._run.rows is not None and self._run.plane is not None:
            plane = self._run.plane
            self._run.rows.write(folder / "requests.parquet", plane.services, open_rows(plane.plane))
        if self._run.steps is not None:
            timeline = Timeline(self._run.plane, self._run.steps, self.spells, self.telemetry, self._run.ended)
            timeline.write(folder / "timeline.json", self._notes())
        (folder / MARK).write_text(json.dumps(self.summary, indent=1, allow_nan=False), encoding="utf-8")

    def _notes(self) -> dict[str, str]:
        """What the timeline is of, and what it leaves out."""
        begin, end = self.scenario.output.steps_within(self._run.prepared.warmup)
        steps = f"of the first {REPLICAS} replicas of each service, from {begin:g} to {end:g} s"
        return {"scenario": self.scenario.name, "seed": str(self.scenario.seed), "steps": steps}


def _latency_frame(run: Run) -> "pd.DataFrame":
    """The buckets of every latency that hold something: service, metric, low_s, high_s, count."""
    import pandas as pd

    counts = counts_by_service(run.plane.plane) if run.plane is not None else np.zeros((0, 0, 0), np.int64)
    services, metrics, buckets = places = counts.nonzero()
    columns = {
        "service": np.array(list(run.prepared.scenario.services), object)[services],
        "metric": np.array(layout.METRICS, object)[metrics],
        "low_s": EDGES[buckets, 0],
        "high_s": EDGES[buckets, 1],
        "count": counts[places],
    }
    return pd.DataFrame(columns)
