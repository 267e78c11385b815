"""What YAML means here, dotted paths, and that written text reads back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.scenario import paths
from sim.scenario.yaml_reader import read_text, read_value, write


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e9", 1e9),
        ("1E-3", 1e-3),
        (".5", 0.5),
        ("-3", -3),
        ("12:30", "12:30"),
        ("no", "no"),
        ("on", "on"),
        ("0x10", "0x10"),
        ("1_000", "1_000"),
        ("2027-01-04T00:00", "2027-01-04T00:00"),
        ("2027-01-04", "2027-01-04"),
        ("true", True),
        ("False", False),
        ("null", None),
        ("~", None),
        ("'1e9'", "1e9"),
        ('"true"', "true"),
        ("[1, a]", [1, "a"]),
        ("{from: 8/s, steps: 7}", {"from": "8/s", "steps": 7}),
        ("{1: a}", {"1": "a"}),
    ],
)
def test_scalars_mean_what_people_mean(text, value):
    read = read_value(text)
    assert read == value
    assert type(read) is type(value)


def test_aliases_are_expanded():
    assert read_value("{a: &x {b: 1}, c: *x}") == {"a": {"b": 1}, "c": {"b": 1}}


TEXT = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cs", "Cc", "Zl", "Zp", "Cn", "Co")), max_size=20
) | st.sampled_from(
    [
        "1e9",
        "no",
        "null",
        "~",
        "",
        "12:30",
        "0x1",
        "true",
        "- a",
        "a: b",
        "# c",
        "1.0",
        " x ",
        "'",
        '"',
        "*a",
        "&a",
        "!t",
    ]
)
NUMBERS = st.integers(-(10**15), 10**15) | st.floats(allow_nan=False, allow_infinity=False)
DATA = st.recursive(
    TEXT | NUMBERS | st.booleans() | st.none(),
    lambda part: st.lists(part, max_size=4) | st.dictionaries(TEXT, part, max_size=4),
    max_leaves=12,
)


@given(data=st.dictionaries(TEXT, DATA, min_size=1, max_size=4))
def test_written_text_reads_back(data):
    assert read_text(write(data)).data == data


def test_positions_of_keys_and_values():
    document = read_text("a:\n  b: [10, {c: 1}]\n", "f.yaml")
    assert str(document.keys[("a", "b")]) == "f.yaml:2:3"
    assert str(document.values[("a", "b", 0)]) == "f.yaml:2:7"
    assert str(document.values[("a", "b", 1, "c")]) == "f.yaml:2:15"


TREE = {"models": {"Llama-3.1-70B": {"precision": "fp8"}, "a": {"b": 1}, "a.b": {"c": 2}}, "list": [{"x": 1}]}


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("models.'Llama-3.1-70B'.precision", ("models", "Llama-3.1-70B", "precision")),
        ('models."Llama-3.1-70B".precision', ("models", "Llama-3.1-70B", "precision")),
        ("models.Llama-3.1-70B.precision", ("models", "Llama-3.1-70B", "precision")),
        ("models.Llama-3.1-70B.layers", ("models", "Llama-3.1-70B", "layers")),
        ("models.'a.b'.c", ("models", "a.b", "c")),
        ("models.a.b.c", ("models", "a.b", "c")),
        ("list[0].x", ("list", 0, "x")),
        ("new.key", ("new", "key")),
    ],
)
def test_paths_find_names_with_dots(text, path):
    assert paths.resolve(text, TREE) == path


def test_two_readings_are_an_error():
    with pytest.raises(paths.PathError, match="more than one reading"):
        paths.resolve("models.a.b", TREE)
    assert paths.resolve("models.a['b']".replace("['b']", ".'b'"), TREE) == ("models", "a", "b")


@pytest.mark.parametrize("text", ["", ".", "a.", ".a", "a..b", "a[x]", "a]", "a b'", "x" * 2000])
def test_what_is_no_path(text):
    with pytest.raises(paths.PathError):
        paths.resolve(text, {})


@given(
    path=st.lists(
        st.text(st.characters(codec="ascii", categories=("L", "N"), include_characters="._-"), min_size=1),
        min_size=1,
        max_size=4,
    )
)
def test_joined_paths_read_back(path):
    tree = 1
    for name in reversed(path):
        tree = {name: tree}
    assert paths.resolve(paths.join(tuple(path)), tree) == tuple(path)
