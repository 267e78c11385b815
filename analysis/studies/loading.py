"""`analysis.load_study`: a study's folder, read back as it was."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

from analysis.histograms import Histograms
from analysis.sample import Sample
from analysis.studies.design import Point
from analysis.studies.result import OWN_COLUMNS, StudyResult

if TYPE_CHECKING:
    import pandas as pd


def load_study(folder: str | Path) -> StudyResult:
    """The result of the study in a folder. Raises FileNotFoundError where it holds none."""
    import pandas as pd

    folder = Path(folder)
    said = json.loads((folder / "study.json").read_text(encoding="utf-8"))
    points = tuple(Point(each["point"], each["values"], each["values"]) for each in said["points"])
    failures = {each["point"]: each["error"] for each in said["points"] if each["status"] == "failed"}
    rows = pd.read_parquet(folder / "points.parquet")
    latency = pd.read_parquet(folder / "point_latency.parquet") if len(failures) < len(points) else pd.DataFrame()
    own = (*OWN_COLUMNS, *(each["path"] for each in said["vary"]))
    samples = {
        point.number: _sample(rows[rows["point"] == point.number], latency, own)
        for point in points
        if point.number not in failures
    }
    compare = said["compare"] or {"baseline": None, "metrics": ()}
    return StudyResult(
        name=said["study"],
        scenario=said["scenario"],
        points=points,
        samples=samples,
        failures=failures,
        description=said["description"],
        design=said["design"],
        seed=said["seed"],
        stopping=said["stopping"],
        baseline=compare["baseline"],
        known={each["point"]: each["known_means"] for each in said["points"]},
        best=said["best"],
        metrics=tuple(said["metrics"]),
        compared_metrics=tuple(compare["metrics"]),
        versions=said["versions"],
        wall=said["wall_s"],
    )


def _sample(rows: "pd.DataFrame", latency: "pd.DataFrame", own: tuple[str, ...]) -> Sample:
    """The replications of one point; figures that only other points have are unknown."""
    figures = {str(name): rows[name].to_numpy(dtype=float) for name in rows.columns if name not in own}
    mine = latency[latency["point"] == int(rows["point"].iloc[0])]
    return Sample(figures, Histograms.of_table(mine, len(rows)), tuple(int(seed) for seed in rows["seed"]))
