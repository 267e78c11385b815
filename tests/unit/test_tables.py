"""What the terminal shows of replications, comparisons, studies and plans: within 100 columns, without colour."""

import io
import re

import pytest
from rich.console import Console
from unit import made_up

from analysis.report import RunFolder
from analysis.tables import print_comparison, print_plan, print_study, print_summary

HOSTILE = "[red]a[/] very long name with [brackets] that goes on and on"
PRINTED = {
    "comparison": (print_comparison, made_up.comparison()),
    "one system": (print_comparison, made_up.comparison(1, name=HOSTILE)),
    "twelve systems": (print_comparison, made_up.comparison(12)),
    "nothing known": (print_comparison, made_up.comparison(blank=True)),
    "study": (print_study, made_up.study()),
    "long study": (print_study, made_up.study({made_up.SHARING: [f"{HOSTILE} {index}" for index in range(45)]})),
    "plan": (print_plan, made_up.plan()),
    "too close": (print_plan, made_up.plan(status="too_close")),
    "infeasible": (print_plan, made_up.plan(status="infeasible", name=HOSTILE)),
    "many candidates": (print_plan, made_up.plan(tried=tuple(range(2, 64)))),
}


def shown(show, data, **options):
    file = io.StringIO()
    show(data, Console(file=file, width=100, **options))
    return file.getvalue()


@pytest.mark.parametrize("name", PRINTED)
def test_a_table_fits_a_hundred_columns_and_has_no_holes(name, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    text = shown(*PRINTED[name])
    assert max(len(line.rstrip()) for line in text.splitlines()) <= 100
    assert "\x1b" not in text
    assert not re.search(r"\b(nan|None|null|inf)\b", text)
    assert text == shown(*PRINTED[name])


def test_a_comparison_shows_half_widths_and_explains_its_marks():
    text = shown(*PRINTED["comparison"]).replace("\u00a0", " ")
    assert "+34.2 ms ±12.4" in text
    assert "† the data are too thin for an interval" in text
    assert "± is half the width" in text.replace("\n", " ")


def test_a_long_study_is_cut_and_says_where_the_rest_is():
    text = shown(*PRINTED["long study"])
    assert "… 14 more in points.parquet" in text
    assert "no room for 9 replicas" in " ".join(text.split())


def test_a_plan_answers_first():
    lines = shown(*PRINTED["plan"]).replace("\u00a0", " ").splitlines()
    assert lines[1] == "12 nodes of h100 keep the promise with 95 % confidence; 11 do not."
    assert "$1,893,000 a year" in lines[-1]


def test_a_replicated_run_shows_half_widths_below_its_figures(tmp_path, write_run):
    summary = RunFolder(made_up.replicated(write_run(tmp_path / "run"))).summary
    text = shown(print_summary, summary, color_system=None).replace("\u00a0", " ")
    assert max(len(line.rstrip()) for line in text.splitlines()) <= 100
    assert "± half the width of the 95 % interval over 4 replications" in text
    assert "simulated 4 times" in text
    assert "±5,001" in text


def test_a_run_shows_tenants_and_what_interrupted_jobs(run_folder):
    summary = RunFolder(run_folder).summary
    text = shown(print_summary, summary, color_system=None).replace("\u00a0", " ")
    assert max(len(line.rstrip()) for line in text.splitlines()) <= 100
    lines = text.splitlines()
    assert lines[lines.index(next(line for line in lines if line.startswith("Interruptions"))) + 2].split() == (
        ["finetune", "24", "0", "0", "96.60", "%", "31", "4", "2"]
    )
    assert [line.split()[0] for line in lines if line.startswith(("lab", "shop"))] == ["lab", "shop"]


def test_streams_that_nothing_stopped_are_not_listed_as_stopped(run_folder):
    summary = RunFolder(run_folder).summary
    calm = summary["training"]["finetune"] | {"preemptions": 0}
    del calm["deadlines"]
    text = shown(print_summary, summary | {"training": {"finetune": calm}, "tenants": {}}, color_system=None)
    assert "Interruptions" not in text
    assert "Tenants" not in text
    many = {f"t{number:02}": summary["tenants"]["lab"] for number in range(50)}
    assert "10 more in summary.json" in shown(print_summary, summary | {"tenants": many}, color_system=None)
