"""Pages of comparisons, studies and plans: complete, closed in themselves, and the same bytes each time."""

import json
import re

import pytest
from unit import made_up
from unit.page_parser import Page

from analysis.report import KINDS, write

HOSTILE = '<script>alert("$\\frac{1}")</script>&[red]'
LONG = "a system with a name that goes on and on " * 4
CASES = {
    "comparison": ("comparison", made_up.comparison()),
    "one system": ("comparison", made_up.comparison(1, name=LONG)),
    "twelve systems": ("comparison", made_up.comparison(12)),
    "nothing known": ("comparison", made_up.comparison(blank=True)),
    "hostile comparison": ("comparison", made_up.comparison(name=HOSTILE)),
    "study": ("study", made_up.study()),
    "categories": ("study", made_up.study({made_up.SHARING: ["static", HOSTILE, "loaning"]})),
    "hostile study": ("study", made_up.study(name=HOSTILE)),
    "one point": ("study", made_up.study({made_up.REPLICAS: ["4", "6"]})),
    "plan": ("plan", made_up.plan()),
    "too close": ("plan", made_up.plan(status="too_close")),
    "infeasible": ("plan", made_up.plan(status="infeasible")),
    "many candidates": ("plan", made_up.plan(tried=tuple(range(2, 64)))),
    "hostile plan": ("plan", made_up.plan(name=HOSTILE)),
}


@pytest.fixture
def written(tmp_path):
    """The function that writes the page of some data and returns its source."""

    def write_page(kind, data, name="out"):
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        (folder / f"{kind}.json").write_text(json.dumps(data), encoding="utf-8")
        return write(folder).read_text(encoding="utf-8")

    return write_page


@pytest.mark.parametrize("name", CASES)
def test_a_page_is_whole_loads_nothing_and_has_no_holes(name, written):
    source = written(*CASES[name])
    page = Page(source)
    assert not page.depth
    assert "<script" not in source
    assert not [tag for tag, _ in page.tags if tag in {"script", "link", "iframe", "object", "img"}]
    assert not re.search(r"\b(nan|None|null|inf)\b", page.text)
    assert len(page.charts) == len(page.downloads)
    assert len(page.charts) > 0 or name == "nothing known"
    assert len({each["download"] for each in page.downloads}) == len(page.downloads)
    if name.startswith("hostile"):
        assert HOSTILE in page.text


@pytest.mark.parametrize("name", ["comparison", "study", "plan"])
def test_bytes_are_the_same(name, written):
    kind, data = CASES[name]
    assert written(kind, data, "a") == written(kind, data, "b")


def test_a_comparison_says_what_differs_and_how_that_was_judged(written):
    text = Page(written(*CASES["comparison"])).text
    assert "chat TTFT p99 is 34.2 ms higher with round-robin" in text
    assert "judged in pairs" in text
    assert "(Bonferroni)" in text
    assert "fleetsim compare out/0 out/1 out/2" in text


def test_a_study_lists_failed_points_and_says_where_the_rest_is(written):
    text = Page(written(*CASES["study"])).text
    assert "11 of 12 points" in text
    assert "no room for 9 replicas" in text
    assert "points.parquet" in text
    assert "† the data are too thin" in text


def test_a_study_with_a_baseline_shows_differences(written):
    data = made_up.study() | {"differences": made_up.comparison()["rows"], "baseline": "static"}
    text = Page(written("study", data)).text
    assert "Differences from static" in text
    assert "holds with 95 %" in text


def test_a_plan_answers_in_its_first_sentence(written):
    text = Page(written(*CASES["plan"])).text
    assert "12 nodes of h100 keep the promise with 95 % confidence; 11 do not." in text
    assert "$1,893,000" in text
    assert "services.chat.ttft_s.p99 <= 2 s binds" in text


def test_an_infeasible_plan_names_the_nearest_miss(written):
    text = Page(written(*CASES["infeasible"])).text
    assert "Nothing in the bounds (pools.h100.nodes from 2 to 64) keeps the promises" in text
    assert "The nearest miss is 11 nodes of h100: chat TTFT p99 is 2.75 s where the limit is 2 s" in text


def test_many_candidates_are_cut_to_those_near_the_answer(written):
    text = Page(written(*CASES["many candidates"])).text
    assert "the 12 of 62 nearest to the answer" in text


@pytest.mark.parametrize("file", KINDS)
def test_the_page_follows_from_the_file_that_is_there(file, tmp_path):
    kind = KINDS[file]
    data = {"comparison": made_up.comparison(), "study": made_up.study(), "plan": made_up.plan()}.get(kind, {})
    (tmp_path / file).write_text(json.dumps(data | {"run": {"name": "bare"}}), encoding="utf-8")
    words = {"run": "simulated fleet", "comparison": "Comparison", "study": "study", "plan": "Capacity plan"}
    assert words[kind] in write(tmp_path).read_text(encoding="utf-8")


def test_a_folder_that_holds_nothing_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError):
        write(tmp_path)
    assert not list(tmp_path.iterdir())
