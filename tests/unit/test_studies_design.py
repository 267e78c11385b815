"""Points of a study: every combination, or side by side; spans between numbers and quantities; labels."""

import pytest

from analysis.studies.design import DesignError, levels_of, points, short_name, span


def labels(levels):
    return [level.label for level in levels]


def test_a_grid_has_every_combination_and_the_last_path_varies_fastest():
    found = points({"a.x": levels_of([1, 2], "a.x"), "b.y": levels_of(["p", "q", "r"], "b.y")})
    assert [tuple(point.labels.values()) for point in found] == [
        (1, "p"), (1, "q"), (1, "r"), (2, "p"), (2, "q"), (2, "r")
    ]  # fmt: skip
    assert [point.number for point in found] == [1, 2, 3, 4, 5, 6]
    assert found[4].overrides == {"a.x": 2, "b.y": "q"}


def test_a_paired_design_takes_values_side_by_side():
    found = points({"x": levels_of([1, 2], "x"), "y": levels_of([10, 20], "y")}, "paired")
    assert [dict(point.overrides) for point in found] == [{"x": 1, "y": 10}, {"x": 2, "y": 20}]


def test_a_paired_design_needs_equally_many_values():
    with pytest.raises(DesignError, match="x has 2, y has 1"):
        points({"x": levels_of([1, 2], "x"), "y": levels_of([10], "y")}, "paired")


def test_too_many_points_are_refused_before_they_are_made():
    many = levels_of(list(range(1000)), "x")
    with pytest.raises(DesignError, match="1,000,000 points"):
        points({"x": many, "y": many})


@pytest.mark.parametrize(
    ("first", "last", "steps", "expected"),
    [
        (8, 20, 4, [8, 12, 16, 20]),
        (1, 2, 3, [1.0, 1.5, 2.0]),
        (0.1, 0.7, 3, [0.1, 0.4, 0.7]),
        (20, 8, 3, [20, 14, 8]),
    ],
)
def test_a_span_of_numbers_stays_whole_where_it_can(first, last, steps, expected):
    found = [level.value for level in span(first, last, steps, "x")]
    assert found == expected
    assert [type(value) for value in found] == [type(value) for value in expected]


def test_a_span_of_quantities_is_exact_and_reads_well():
    levels = span("8/s", "20/s", 4, "x")
    assert [level.value for level in levels] == ["8/s", "12/s", "16/s", "20/s"]
    assert labels(span("30 s", "2 min", 4, "x")) == ["30 s", "1 min", "1.5 min", "2 min"]
    assert labels(span("300 W", "0.7 kW", 3, "x")) == ["300 W", "500 W", "700 W"]


def test_a_span_needs_two_quantities_of_one_kind():
    with pytest.raises(DesignError, match="not two quantities of one kind"):
        span("8/s", "20 W", 4, "x")


def test_a_map_may_carry_a_label():
    named, plain = levels_of([{"policy": "fifo", "label": "simple"}, {"policy": "mine:Rule", "depth": 2}], "x")
    assert (named.value, named.label) == ({"policy": "fifo"}, "simple")
    assert plain.label == "policy mine:Rule depth 2"


def test_values_that_read_alike_are_refused():
    with pytest.raises(DesignError, match="`8` stands twice") as caught:
        levels_of([8, 9, 8], "pools.p.nodes")
    assert caught.value.path == "pools.p.nodes"


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("pools.h100.nodes", "nodes"),
        ("services.chat.requests.arrivals.rate", "arrivals rate"),
        ("policies.sharing", "sharing"),
        ("seed", "seed"),
    ],
)
def test_a_path_is_called_by_its_last_telling_words(path, name):
    assert short_name(path) == name
