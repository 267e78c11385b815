"""Charts of a replicated run: bands around means, and Welch's plot."""

import numpy as np
import pytest
from unit import made_up

from analysis import figures
from analysis.run_folder import RunFolder


@pytest.fixture(scope="module")
def replicated(tmp_path_factory, run_folder):
    """A replicated run; not to be written to."""
    target = tmp_path_factory.mktemp("replicated")
    for file in run_folder.iterdir():
        (target / file.name).write_bytes(file.read_bytes())
    return made_up.replicated(target)


BANDED = {
    "latency": lambda run: figures.latency_ccdf(run, "chat"),
    "queue": figures.queue_over_time,
    "jobs": figures.jobs_over_time,
    "utilization": figures.utilization_over_time,
}


@pytest.mark.parametrize("name", BANDED)
def test_a_band_is_drawn_named_and_the_same_each_time(name, replicated):
    figure = BANDED[name](replicated)
    assert sum(len(ax.collections) for ax in figure.axes) >= 2
    assert "95 % t intervals" in figure.texts[1].get_text().replace("\n", " ")
    assert figures.svg(figure) == figures.svg(BANDED[name](replicated))


def test_the_numbers_have_the_bands(replicated):
    curves = figures.latency_curves(replicated, "chat")
    inside = (curves["low"] <= curves["share_longer"]) & (curves["share_longer"] <= curves["high"])
    assert inside.all()
    assert {"chat waiting ±", "chat running ±"} <= set(figures.queue_numbers(replicated, "service"))
    assert "h100 busy ±" in set(figures.utilization_numbers(replicated))


def test_a_single_run_has_no_bands(run_folder):
    assert "low" not in figures.latency_curves(run_folder, "chat")
    assert not any("±" in column for column in figures.queue_numbers(run_folder, "service"))


def test_welchs_plot_shows_the_longest_transients_and_both_marks(replicated):
    figure = figures.welch(replicated)
    assert len(figure.axes) == 2
    assert figure.axes[0].get_title(loc="left") == "h100 busy (%)"
    markers = [line.get_marker() for line in figure.axes[0].lines]
    assert "v" in markers
    assert figures.svg(figure) == figures.svg(figures.welch(replicated))


def test_welchs_plot_needs_replications(run_folder):
    with pytest.raises(ValueError, match="replications"):
        figures.welch(run_folder)


def test_without_pilot_runs_the_transients_are_those_of_the_ensemble(replicated, tmp_path):
    run = RunFolder(replicated)
    run.summary["run"]["warmup_by_metric"] = None
    table = figures.transients(run)
    assert set(table["found_in"]) == {"these replications"}
    assert (np.diff(table["seconds"]) <= 0).all()
    assert len(figures.welch(run).axes) == 4
