"""The report: one file that loads nothing, says unknown where it does not know, and trusts no name."""

import io
import json
import re

import pytest
from rich.console import Console
from unit.page_parser import Page

from analysis.report import RunFolder, write
from analysis.tables import print_summary
from analysis.wording import duration, money, number, share

HOSTILE = '<script>alert("$\\frac{1}")</script>&[red]'


@pytest.fixture
def page(run_folder, tmp_path, write_run):
    return Page(write(write_run(tmp_path / "run")).read_text(encoding="utf-8"))


def test_nothing_is_loaded_and_nothing_runs(page):
    assert not page.depth
    assert not [tag for tag, _ in page.tags if tag in {"script", "link", "iframe", "object", "img"}]
    for tag, attributes in page.tags:
        for key, value in attributes.items():
            assert not key.startswith("on")
            if key in {"href", "src", "xlink:href"}:
                assert value.startswith(("#", "data:")), (tag, value)
    assert "url(http" not in page.text


def test_every_chart_has_its_numbers_and_a_csv(page):
    charts = sum(1 for tag, attributes in page.tags if tag == "svg" and attributes.get("role") == "img")
    links = [attributes for tag, attributes in page.tags if tag == "a" and "download" in attributes]
    assert charts == len(links) == sum(1 for tag, _ in page.tags if tag == "details")
    assert charts >= 8
    assert all(link["href"].startswith("data:text/csv") for link in links)


def test_identifiers_do_not_repeat_and_links_within_the_page_arrive(page):
    sections = [attributes["id"] for tag, attributes in page.tags if tag == "section" and "id" in attributes]
    links = [a["href"][1:] for tag, a in page.tags if tag == "a" and a["href"].startswith("#")]
    assert len(set(sections)) == len(sections)
    assert sorted(links) == sorted(sections)


def test_the_answer_comes_first_and_is_right(page):
    answer = page.text[: page.text.index("Provenance")]
    assert "chat did not keep its promise: 98.73 % of requests" in answer
    assert "99 % were asked for" in answer
    assert "photos kept its promise" in answer
    assert "221 of 249 jobs" in answer
    assert "CO2e" in answer


def test_tenants_deadlines_and_interruptions_have_their_tables(page):
    for words in ("Tenants", "worse off for sharing (Themis)", "Deadlines", "Interruptions and what they cost"):
        assert words in page.text
    answer = page.text[: page.text.index("Provenance")].replace("\u00a0", " ")
    assert "Jobs of lab took 1.34 times as long as on its own share." in answer
    assert "; 4 of 35 deadlines were missed." in answer


def test_assumptions_and_provenance_are_told(page):
    for word in ("https://example.org/h100-datasheet", "vendor", "9c1f" * 16, "fleetsim run scenario.yaml --seed 7"):
        assert word in page.text


def test_bytes_are_the_same_and_the_page_is_small(tmp_path, write_run):
    first = write(write_run(tmp_path / "a")).read_bytes()
    assert first == write(write_run(tmp_path / "b")).read_bytes()
    assert len(first) < 400_000


def test_a_hostile_name_stays_text(tmp_path, write_run):
    source = write(write_run(tmp_path / "run", chat=HOSTILE)).read_text(encoding="utf-8")
    assert "<script" not in source
    parsed = Page(source)
    assert not parsed.depth
    assert HOSTILE in parsed.text


@pytest.mark.parametrize(
    "parts", [{"services": False}, {"training": False}, {"nulls": True}, {"services": False, "training": False}]
)
def test_what_is_missing_is_left_out_or_unknown(tmp_path, write_run, parts):
    parsed = Page(write(write_run(tmp_path / "run", **parts)).read_text(encoding="utf-8"))
    assert not parsed.depth
    assert not re.search(r"\b(nan|None|null|inf)\b", parsed.text)
    if parts.get("nulls"):
        assert "–" in parsed.text


def test_a_folder_with_a_summary_alone_is_enough(tmp_path):
    (tmp_path / "summary.json").write_text(json.dumps({"schema_version": 1, "run": {"name": "bare"}}), encoding="utf-8")
    assert "bare" in write(tmp_path).read_text(encoding="utf-8")


def test_a_folder_without_a_run_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError):
        write(tmp_path)


def test_a_broken_law_is_shouted(tmp_path, write_run):
    folder = write_run(tmp_path / "run")
    summary = RunFolder(folder).summary
    summary["audit"][1]["holds"] = False
    (folder / "summary.json").write_text(json.dumps(summary), encoding="utf-8")
    text = Page(write(folder).read_text(encoding="utf-8")).text
    assert "do not rely on these figures" in text
    assert "BROKEN" in text


@pytest.mark.parametrize("parts", [{}, {"services": False}, {"training": False}, {"nulls": True}, {"chat": HOSTILE}])
def test_the_terminal_table_fits_a_hundred_columns(tmp_path, write_run, parts):
    summary = RunFolder(write_run(tmp_path / "run", **parts)).summary
    file = io.StringIO()
    print_summary(summary, Console(file=file, width=100, color_system=None))
    text = file.getvalue()
    assert max(len(line.rstrip()) for line in text.splitlines()) <= 100
    assert ("all 3 laws hold" in text) != bool(parts.get("nulls"))
    if not parts:
        assert "98.73" in text
        assert "…" not in text


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (share(0.98995), "98.99 %"),
        (share(0.999996), "99.999 %"),
        (share(1.0), "100 %"),
        (share(0.5), "50.0 %"),
        (duration(0.0456), "45.6 ms"),
        (duration(86400.0), "24 h"),
        (duration(0), "0 s"),
        (duration(59.999), "1 min"),
        (number(1234567), "1,234,567"),
        (number(0.00999), "0.00999"),
        (number(float("nan")), "–"),
        (money(None), "–"),
        (money(2.1), "$2.10"),
    ],
)
def test_figures_are_worded(shown, expected):
    assert shown.replace("\u00a0", " ") == expected
