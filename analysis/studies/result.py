"""What a study found: every point's replications, as tables, estimates and differences."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from analysis.comparison import compare, compare_rows
from analysis.errors import FigureError
from analysis.sample import Sample
from analysis.statistics.intervals import Interval
from analysis.studies.design import Label, Point, levels_of, words
from sim.whole_folder import written_whole

if TYPE_CHECKING:
    import pandas as pd

SCHEMA_VERSION = 1
OWN_COLUMNS = ("point", "replication", "seed", "status", "error")


@dataclass(frozen=True)
class StudyResult:
    """The outcome of a study. `samples` and `failures` by number of point; one of the two has each point."""

    name: str
    scenario: Mapping[str, Any]
    """Name, file and sha256 of the scenario that was varied."""
    points: tuple[Point, ...]
    samples: Mapping[int, Sample]
    failures: Mapping[int, str]
    description: str = ""
    design: str = "grid"
    seed: int = 0
    stopping: Mapping[str, Any] | None = None
    baseline: Mapping[str, Any] | None = None
    known: Mapping[int, Mapping[str, float]] = field(default_factory=dict)
    """By point, the figures whose means are known exactly: control variates of differences."""
    best: Mapping[str, Any] | None = None
    """The point that was chosen as the best, where that was asked for."""
    metrics: tuple[str, ...] = ()
    compared_metrics: tuple[str, ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)
    wall: float = 0.0

    @cached_property
    def frame(self) -> "pd.DataFrame":
        """One row a point and replication, sorted: the varied paths, then every figure of the summary by its path.

        A failed point has one row, with its error.
        """
        import pandas as pd

        return pd.concat([self._rows(point) for point in self.points], ignore_index=True)

    def sample(self, values: Mapping[str, Any] | int) -> Sample:
        """The replications of a point, by number or by its values. Raises LookupError."""
        number = values if isinstance(values, int) else self.point(values).number
        if number in self.failures:
            raise LookupError(f"point {number} failed: {self.failures[number]}")
        return self.samples[number]

    def point(self, values: Mapping[str, Any]) -> Point:
        """The one point of these values; paths that are not named may have any. Raises LookupError."""
        asked = {path: _as_label(value) for path, value in values.items()}
        unknown = [path for path in asked if path not in self.points[0].labels]
        if unknown:
            raise LookupError(f"`{unknown[0]}` is not varied; varied are {', '.join(self.points[0].labels)}")
        found = [point for point in self.points if all(point.labels[path] == label for path, label in asked.items())]
        if len(found) != 1:
            raise LookupError(f"{len(found) or 'no'} points have {asked}")
        return found[0]

    def interval(self, values: Mapping[str, Any] | int, metric: str, level: float = 0.95) -> Interval:
        """A figure at a point, with its interval. Raises LookupError and FigureError."""
        return self.sample(values).estimate(metric, level)

    def estimates(self, metrics: Iterable[str], level: float = 0.95) -> "pd.DataFrame":
        """Figures at all points: point, the varied paths, metric, mean, low, high, level, method, n, flagged.

        Points that failed are left out. Raises FigureError for a metric that no point has.
        """
        import pandas as pd

        return pd.DataFrame(
            [
                {
                    "point": point.number,
                    **point.labels,
                    "metric": path,
                    **self._estimate(point.number, path, level).as_dict(),
                }
                for path in map(self.resolve, metrics)
                for point in self.points
                if point.number in self.samples
            ]
        )

    def resolve(self, metric: str) -> str:
        """The path of a figure that some point has, as the summary writes it. Raises FigureError."""
        errors = []
        for sample in self.samples.values():
            try:
                return sample.resolve(metric)
            except FigureError as error:
                errors.append(error)
        raise errors[0]

    def compare(self, baseline: Mapping[str, Any], metrics: Sequence[str], level: float = 0.95) -> "pd.DataFrame":
        """Differences of all other points to the one of these values, paired, with simultaneous intervals.

        Where the baseline names only some of the varied paths, points are compared that agree in the others. The
        columns are those of `analysis.comparison.compare`. Raises LookupError and FigureError.
        """
        import pandas as pd

        groups = self._groups(baseline)
        pairs = sum(len(others) for _, others in groups)
        if not pairs:
            raise LookupError(f"there is nothing to compare with {dict(baseline)}")
        tables = [
            compare(
                self.sample(base.number),
                {other.label: self.samples[other.number] for other in others},
                metrics,
                level,
                self.known.get(base.number, {}),
                among=pairs * len(metrics),
            )
            for base, others in groups
        ]
        return pd.concat(tables, ignore_index=True)

    def save(self, folder: str | Path, *, force: bool = False) -> Path:
        """Write the study's files into a folder. Raises FileExistsError where it holds results, unless forced."""
        folder = Path(folder)
        with written_whole(folder, force=force) as partial:
            self.write(partial)
        return folder

    def write(self, folder: Path) -> None:
        """Write the study's files into an empty folder."""
        import pandas as pd

        self.frame.to_parquet(folder / "points.parquet", index=False)
        looks = [sample.latencies.table().assign(point=number) for number, sample in sorted(self.samples.items())]
        if looks:
            pd.concat(looks, ignore_index=True).to_parquet(folder / "point_latency.parquet", index=False)
        (folder / "study.json").write_text(json.dumps(self.as_dict(), indent=1, allow_nan=False), encoding="utf-8")

    def as_dict(self) -> dict[str, Any]:
        """The study in the form of study.json: the design, estimates at every point, and differences."""
        vary = {path: list(dict.fromkeys(p.labels[path] for p in self.points)) for path in self.points[0].labels}
        return {
            "schema_version": SCHEMA_VERSION,
            "study": self.name,
            "description": self.description,
            "scenario": dict(self.scenario),
            "seed": self.seed,
            "design": self.design,
            "vary": [{"path": path, "values": values} for path, values in vary.items()],
            "replications": max((len(sample) for sample in self.samples.values()), default=0),
            "stopping": self.stopping,
            "metrics": list(self.metrics),
            "points": [self._point(point) for point in self.points],
            "estimates": [
                {"point": point.number, "metric": metric, **self._estimate(point.number, metric, 0.95).as_dict()}
                for metric in self.metrics
                for point in self.points
                if point.number in self.samples
            ],
            "baseline": None if self.baseline is None else words(self.baseline),
            "compare": None if self.baseline is None else self._compare_block(),
            "differences": self._differences(),
            "best": None if self.best is None else dict(self.best),
            "versions": dict(self.versions),
            "wall_s": self.wall,
        }

    def _compare_block(self) -> dict[str, Any]:
        return {"baseline": dict(self.baseline or {}), "metrics": list(self.compared_metrics)}

    def _differences(self) -> list[dict[str, Any]]:
        if self.baseline is None or not self.compared_metrics or not self._groups(self.baseline):
            return []
        return compare_rows(self.compare(self.baseline, self.compared_metrics))

    def _groups(self, baseline: Mapping[str, Any]) -> list[tuple[Point, list[Point]]]:
        """Each point of the baseline with those it is compared with: alike in the paths that it leaves open."""
        asked = {path: _as_label(value) for path, value in baseline.items()}
        unknown = [path for path in asked if path not in self.points[0].labels]
        if unknown:
            raise LookupError(f"`{unknown[0]}` is not varied; varied are {', '.join(self.points[0].labels)}")
        alive = [point for point in self.points if point.number in self.samples]
        bases = [p for p in alive if all(p.labels[path] == label for path, label in asked.items())]
        if not bases:
            raise LookupError(f"no point has {words(asked)}, or it failed")
        open_paths = [path for path in self.points[0].labels if path not in asked]
        groups = []
        for base in bases:
            same = [p for p in alive if p is not base and all(p.labels[o] == base.labels[o] for o in open_paths)]
            groups.append((base, same))
        return [(base, others) for base, others in groups if others]

    def _estimate(self, number: int, metric: str, level: float) -> Interval:
        """A figure at a point that did not fail; unknown where its summary has none of this name."""
        try:
            return self.samples[number].estimate(metric, level)
        except FigureError:
            return Interval(None, None, None, level, "none", len(self.samples[number]), flagged=True)

    def _point(self, point: Point) -> dict[str, Any]:
        error = self.failures.get(point.number)
        return {
            "point": point.number,
            "values": dict(point.labels),
            "label": point.label,
            "replications": 0 if error else len(self.samples[point.number]),
            "status": "failed" if error else "done",
            "error": error,
            "known_means": dict(self.known.get(point.number, {})),
        }

    def _columns(self, point: Point, n: int) -> dict[str, list[Label]]:
        """The varied paths as columns of one type each."""
        numeric = {path: all(isinstance(p.labels[path], int | float) for p in self.points) for path in point.labels}
        return {path: [label if numeric[path] else str(label)] * n for path, label in point.labels.items()}

    def _rows(self, point: Point) -> "pd.DataFrame":
        import pandas as pd

        error = self.failures.get(point.number)
        if error:
            own = {"replication": [0], "seed": [self.seed], "status": ["failed"], "error": [error]}
            return pd.DataFrame({"point": [point.number], **own, **self._columns(point, 1)})
        sample = self.samples[point.number]
        n = len(sample)
        return pd.DataFrame(
            {
                "point": np.full(n, point.number),
                "replication": np.arange(1, n + 1),
                "seed": sample.seeds,
                "status": ["done"] * n,
                "error": [None] * n,
                **self._columns(point, n),
                **sample.figures,
            }
        )


def _as_label(value: Any) -> Label:
    return levels_of([value], "")[0].label
