"""`fleetsim compare`: runs in folders against the first of them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analysis.comparison import COLUMNS, compare, compare_rows
from analysis.errors import FigureError
from analysis.histograms import Histograms
from analysis.known_means import known_means
from analysis.run_folder import RunFolder
from analysis.sample import Sample, figures_of, stacked, usual_figures
from analysis.statistics.comparisons import simultaneous_level
from sim.scenario import load
from sim.summary import versions

if TYPE_CHECKING:
    import pandas as pd

SCHEMA_VERSION = 1


def compare_folders(folders: Sequence[Path], metrics: Sequence[str] = (), level: float = 0.95) -> dict[str, Any]:
    """The comparison in the form of comparison.json; a few usual figures that all have, where no metric is named.

    Raises FigureError for a metric that a run does not have, and LookupError where runs have no figure in common.
    """
    runs = [RunFolder(folder) for folder in folders]
    for run in runs:
        if not (run.path / "summary.json").is_file():
            raise LookupError(f"{run.path} holds no run (no summary.json)")
    labels = _labels(runs)
    samples = dict(zip(labels, map(sample_of_folder, runs), strict=True))
    baseline, others = labels[0], {label: samples[label] for label in labels[1:]}
    chosen = _chosen(samples, metrics)
    if all(len(sample) > 1 for sample in samples.values()):
        known = known_means(load(runs[0].path / "scenario.yaml"))
        table = compare(samples[baseline], others, chosen, level, known)
    else:
        table = _plain(samples, baseline, chosen, level)
    shared = [len({*samples[baseline].seeds} & {*other.seeds}) for other in others.values()]
    return {
        "schema_version": SCHEMA_VERSION,
        "baseline": baseline,
        "systems": [_system(run, label, samples[label]) for run, label in zip(runs, labels, strict=True)],
        "shared_draws": min(shared) > 0,
        "level": level,
        "simultaneous": len(table),
        "level_each": simultaneous_level(level, len(table)),
        "rows": compare_rows(table),
        "best": None,
        "notes": list(_notes(samples, baseline, dict(zip(others, shared, strict=True)))),
        "versions": dict(versions()),
    }


def sample_of_folder(run: RunFolder) -> Sample:
    """The replications in a run's folder: one, where it was not replicated."""
    import pandas as pd

    file = run.path / "replications.parquet"
    if not file.exists():
        figures = stacked([figures_of(run.summary)])
        return Sample(figures, Histograms.of_each([run.latency]), (run.summary["run"]["seed"],))
    table = pd.read_parquet(file)
    latencies = pd.read_parquet(run.path / "replication_latency.parquet")
    figures = {str(name): table[name].to_numpy(float) for name in table.columns if name not in ("replication", "seed")}
    return Sample(figures, Histograms.of_table(latencies, len(table)), tuple(int(seed) for seed in table["seed"]))


def _plain(samples: Mapping[str, Sample], baseline: str, metrics: Sequence[str], level: float) -> "pd.DataFrame":
    """Differences without intervals, where some run was not replicated."""
    import pandas as pd

    found = []
    for label, sample in samples.items():
        for metric in metrics if label != baseline else ():
            path = sample.resolve(metric)
            base, value = (each.estimate(path).mean for each in (samples[baseline], sample))
            difference = None if base is None or value is None else value - base
            n = min(len(samples[baseline]), len(sample))
            found.append((label, path, base, value, difference, None, None, level, "none", n, True))
    return pd.DataFrame(found, columns=COLUMNS)


def _labels(runs: Sequence[RunFolder]) -> list[str]:
    """What the runs are called: their folders' names, or as much of their paths as tells them apart."""
    parts = [run.path.resolve().parts for run in runs]
    for length in range(1, max(map(len, parts)) + 1):
        labels = ["/".join(part[-length:]) for part in parts]
        if len(set(labels)) == len(labels):
            return labels
    raise LookupError(f"{runs[0].path} is compared with itself")


def _chosen(samples: Mapping[str, Sample], metrics: Sequence[str]) -> list[str]:
    if metrics:
        for label, sample in samples.items():
            for metric in metrics:
                try:
                    sample.resolve(metric)
                except FigureError as error:
                    raise FigureError(f"{label}: {error}") from None
        return list(metrics)
    everywhere = [set(usual_figures(sample)) for sample in samples.values()]
    first = usual_figures(next(iter(samples.values())))
    common = [path for path in first if all(path in each for each in everywhere)]
    if not common:
        raise LookupError("the runs have no figure in common; name some with --metric")
    return common


def _system(run: RunFolder, label: str, sample: Sample) -> dict[str, Any]:
    about = run.summary["run"]
    return {
        "label": label,
        "folder": str(run.path),
        "name": about["name"],
        "seed": about["seed"],
        "replications": len(sample),
        "scenario_sha256": about["scenario_sha256"],
    }


def _notes(samples: Mapping[str, Sample], baseline: str, shared: Mapping[str, int]) -> "list[str]":
    notes = []
    few = [label for label, sample in samples.items() if len(sample) == 1]
    if few:
        notes.append(f"one replication gives no interval ({', '.join(few)}): run with --replications 10 or more")
    for label, pairs in shared.items():
        least = min(len(samples[label]), len(samples[baseline]))
        if pairs == 0:
            notes.append(f"{label} and {baseline} share no draws (their seeds differ): they are compared unpaired")
        elif pairs < least:
            notes.append(f"{label} and {baseline} share {pairs} of {least} draws: only those are paired")
    return notes
