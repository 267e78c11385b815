"""Charts of replications, comparisons, studies and plans: findings, intervals, and the same bytes each time."""

from xml.etree import ElementTree as ET

import numpy as np
import pandas as pd
import pytest
from unit import made_up

from analysis import figures
from analysis.figures.latency import exceedance_band
from analysis.figures.plan import apart
from analysis.figures.study import numeric, ordered, path_words
from analysis.figures.welch import moving_average

MANY = [str(value) for value in range(4, 11)]


def frame(**options):
    return pd.DataFrame(made_up.comparison(**options)["rows"])


CHARTS = {
    "differences": lambda: figures.paired_differences(frame()),
    "twelve systems": lambda: figures.paired_differences(frame(systems=12), "first in, first out"),
    "thirty systems": lambda: figures.paired_differences(frame(systems=30)),
    "one system": lambda: figures.paired_differences(frame(systems=1, name="$x_1$ & <b>" * 9)),
    "lines": lambda: figures.response(made_up.study(), made_up.LATENCY),
    "categories": lambda: figures.response(made_up.study({made_up.SHARING: list("abc")}), made_up.LATENCY),
    "map": lambda: figures.response(
        made_up.study({made_up.RATE: [f"{rate}/s" for rate in MANY], made_up.REPLICAS: MANY}), made_up.LATENCY
    ),
    "three paths": lambda: figures.response(
        made_up.study({made_up.RATE: ["8/s", "12/s"], made_up.REPLICAS: ["4", "6"], made_up.SHARING: ["a", "b"]}),
        made_up.ENERGY,
    ),
    "sobol": lambda: figures.response(
        made_up.study({made_up.RATE: ["8.1/s", "9.7/s", "12/s"], made_up.REPLICAS: ["4", "9", "6"]}, design="sobol"),
        made_up.ATTAINMENT,
    ),
    "paired": lambda: figures.response(
        made_up.study({made_up.RATE: ["8/s", "12/s", "16/s"], made_up.REPLICAS: ["4", "6", "8"]}, design="paired"),
        made_up.ATTAINMENT,
    ),
    "plan": lambda: figures.plan_candidates(made_up.plan()),
    "many candidates": lambda: figures.plan_candidates(made_up.plan(tried=tuple(range(2, 64)))),
    "infeasible": lambda: figures.plan_candidates(made_up.plan(status="infeasible")),
}


@pytest.mark.parametrize("name", CHARTS)
def test_a_chart_has_a_finding_and_names_its_intervals(name):
    figure = CHARTS[name]()
    assert len(figure.get_suptitle()) > 10
    subtitle = figure.texts[1].get_text()
    assert "interval" in subtitle
    assert any(ax.get_xlabel() for ax in figure.axes)
    points = sum(len(line.get_xdata()) for ax in figure.axes for line in ax.lines)
    assert points <= 5000


@pytest.mark.parametrize("name", CHARTS)
def test_bytes_are_the_same_each_time_and_named_for_screen_readers(name):
    first, second = (figures.svg(CHARTS[name]()) for _ in range(2))
    assert first == second
    root = ET.fromstring(first)  # noqa: S314 - our own text
    assert root.get("role") == "img"
    assert root.get("aria-label") == " ".join(CHARTS[name]().get_suptitle().split())


def test_differences_that_exclude_zero_are_filled_and_the_largest_is_the_title():
    figure = figures.paired_differences(frame(), "least outstanding")
    assert figure.get_suptitle().replace("\u00a0", " ").startswith("round-robin: ")
    dots = [line for line in figure.axes[0].lines if line.get_marker() in ("o", "s")]
    assert all(dot.get_markerfacecolor() != "white" for dot in dots)
    rejected = [line for line in figure.axes[3].lines if line.get_marker() in ("o", "s")]
    assert all(dot.get_markerfacecolor() == "white" for dot in rejected)


def test_without_a_certain_difference_the_title_says_so():
    rows = frame().assign(low=-1e9, high=1e9)
    assert figures.paired_differences(rows, "A").get_suptitle() == "No difference from A can be told from chance"


def test_a_baseline_of_zero_makes_differences_absolute():
    numbers = figures.difference_numbers(frame())
    rejected = numbers[numbers["metric"] == "services.chat.requests.rejected"]
    assert rejected["relative_difference"].isna().all()
    np.testing.assert_allclose(numbers["relative_difference"].dropna()[:2], [0.11, 0.06])


def test_no_differences_and_no_estimates_are_refused():
    with pytest.raises(ValueError, match="no differences"):
        figures.paired_differences(frame().iloc[:0])
    with pytest.raises(ValueError, match=r"no point has an estimate of a\.b"):
        figures.response(made_up.study(), "a.b")
    with pytest.raises(ValueError, match="no candidate"):
        figures.plan_candidates(made_up.plan(tried=()))


def test_a_line_keeps_its_colour_from_panel_to_panel():
    figure = CHARTS["three paths"]()
    colours = [[text.get_color() for text in ax.texts if text.get_text() == "6"] for ax in figure.axes]
    assert colours[0] == colours[1]


def test_a_response_is_a_table_of_points_in_their_order():
    table = figures.response_numbers(made_up.study(), made_up.LATENCY)
    assert len(table) == 11
    assert list(table.columns[:4]) == ["point", "label", made_up.RATE, made_up.SHARING]
    assert table["low"].isna().sum() == 1


def test_labels_are_numbers_where_all_of_them_are_and_share_their_unit():
    assert numeric(["8/s", "12.5/s"]) == ([8.0, 12.5], "/s")
    assert numeric(["1e3", "2_000"]) == ([1000.0, 2000.0], "")
    assert numeric(["90 s", "2 min"]) is None
    assert numeric(["static", "2"]) is None
    assert ordered(["10", "9", "10"]) == ["9", "10"]


def test_paths_are_as_short_as_they_may_be():
    assert path_words(made_up.SHARING, [made_up.SHARING]) == "sharing"
    assert path_words("pools.a.nodes", ["pools.a.nodes", "pools.b.nodes"]) == "a nodes"


def test_ticks_of_a_logarithmic_axis_keep_apart():
    kept = apart([1.0, 1.1, 10.0, 11.0], 1.0, 1e3)
    assert kept == [1.0, 10.0]


def test_a_moving_average_is_welchs():
    values = np.array([1.0, 3.0, 5.0, 7.0, 100.0])
    np.testing.assert_allclose(moving_average(values, 1), [1.0, 3.0, 5.0, 112 / 3, np.nan])


def test_the_band_of_a_share_is_that_of_a_ratio_over_replications():
    looks = pd.DataFrame(
        {"replication": [1, 1, 2, 2], "low_s": [0.0, 1.0] * 2, "high_s": [1.0, 2.0] * 2, "count": [60, 40, 80, 20]}
    )
    low, high = exceedance_band(looks, np.array([1.0, 2.0]), 0.95)
    assert low[0] == 0.0
    assert high[0] == 1.0
    assert (low[1], high[1]) == (0.0, 0.0)
    many = pd.concat([looks.assign(replication=looks["replication"] + 2 * shift) for shift in range(50)])
    low, high = exceedance_band(many, np.array([1.0]), 0.95)
    spread = 0.1 * np.sqrt(100 / 99) / 10
    np.testing.assert_allclose((high[0] - low[0]) / 2, 1.9842 * spread, rtol=1e-4)
