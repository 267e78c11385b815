"""The report of a replicated run: intervals wherever they are known, and how the figures came about."""

import json
import re

import pytest
from unit import made_up
from unit.page_parser import Page

from analysis.report import RunFolder, write


@pytest.fixture(scope="module")
def folder(tmp_path_factory, run_folder):
    """A replicated run; not to be written to, but for its report."""
    target = tmp_path_factory.mktemp("replicated")
    for file in run_folder.iterdir():
        (target / file.name).write_bytes(file.read_bytes())
    return made_up.replicated(target)


@pytest.fixture(scope="module")
def page(folder):
    return Page(write(folder).read_text(encoding="utf-8"))


def test_intervals_stand_below_the_figures(page):
    assert not page.depth
    assert sum(1 for _, attributes in page.tags if attributes.get("class") == "interval") > 60
    assert "simulated 4 times" in page.text
    assert "Figures are estimates over 4 replications" in page.text
    assert not re.search(r"\b(nan|None|null|inf)\b", page.text)


def test_a_promise_within_the_interval_is_not_called_broken_for_sure(page):
    assert "chat did not keep its promise on average, but the interval reaches across it" in page.text


def test_thin_intervals_are_marked_and_explained(page):
    assert "† the data are too thin for an interval" in page.text


def test_the_method_is_told(page):
    for words in (
        "STRESS-DES",
        "(E2E − TTFT) / (output tokens − 1)",
        "MSER-5 (White 1997)",
        "common random numbers",
        "chat TTFT p99 within ±5 %",
        "no fewer than 5 and at most 50: this was reached",
        "not reliable: not settled by half of the run",
        "95 % for each figure by itself",
        "fleetsim run scenario.yaml --seed 7 --replications 4",
    ):
        assert words in page.text


def test_bands_and_welchs_plot_are_drawn(page):
    labels = [chart["aria-label"] for chart in page.charts]
    assert "h100 busy had not settled by half of the run: the run is too short to tell" in labels
    assert "bands are pointwise 95 % t intervals" in page.text


def test_bytes_are_the_same(folder):
    assert write(folder).read_bytes() == write(folder).read_bytes()


def test_intervals_of_one_run_are_said_to_come_from_batches(tmp_path, write_run):
    folder = write_run(tmp_path / "run")
    summary = RunFolder(folder).summary
    found = made_up.interval(0.45, 0.01, n=20) | {"method": "batch means"}
    summary["intervals"] = {"services.chat.ttft_s.mean": found}
    (folder / "summary.json").write_text(json.dumps(summary), encoding="utf-8")
    text = Page(write(folder).read_text(encoding="utf-8")).text
    assert "95 % intervals, from batches of this one run" in text
    assert "batch means" in text


def test_replications_without_intervals_still_make_a_report(tmp_path, write_run):
    folder = made_up.replicated(write_run(tmp_path / "run"), warm_up=False, blank=True)
    page = Page(write(folder).read_text(encoding="utf-8"))
    assert not page.depth
    assert "None: one run" not in page.text
