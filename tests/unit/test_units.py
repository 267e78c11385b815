import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim import units

DIMENSIONS = list(units._SI)
SIGNED = [dimension for dimension in DIMENSIONS if dimension == "growth"]


@pytest.mark.parametrize(
    ("text", "dimension", "value"),
    [
        ("90 s", "time", 90.0),
        ("2 h", "time", 7200.0),
        ("25 ms", "time", 0.025),
        ("3 us", "time", 3e-6),
        ("3 µs", "time", 3e-6),
        ("1 d", "time", 86400.0),
        ("1 month", "time", 30.4375 * 86400),
        ("4 y", "time", 48 * 30.4375 * 86400),
        ("50000 h", "time", 1.8e8),
        ("1e3s", "time", 1000.0),
        ("12/s", "rate", 12.0),
        ("3/h", "rate", 3 / 3600),
        ("3 / h", "rate", 3 / 3600),
        ("600 W", "power", 600.0),
        ("4 MW", "power", 4e6),
        ("80 GB", "memory", 80e9),
        ("80 GiB", "memory", 80 * 2**30),
        ("3.35 TB/s", "bandwidth", 3.35e12),
        ("989 TFLOP/s", "compute", 989e12),
        ("0.08 USD/kWh", "electricity", 0.08),
        ("80 USD/MWh", "electricity", 0.08),
        ("350 g/kWh", "carbon_intensity", 0.35),
        ("2.10 USD/h", "price", 2.10),
        ("24 USD/d", "price", 1.0),
        ("150 kg", "mass", 150.0),
        ("0", "time", 0.0),
        (0, "power", 0.0),
    ],
)
def test_quantities_become_si(text, dimension, value):
    assert units.parse(text, dimension) == value


def test_percentages_compound():
    growth = units.parse("8%/month", "growth")
    assert math.exp(growth * 12 * units.MONTH) == pytest.approx(1.08**12, rel=1e-12)
    assert units.parse("100%/y", "growth") * 365.25 * 86400 == pytest.approx(math.log(2), rel=1e-12)
    assert units.parse("-5%/month", "growth") < 0


@pytest.mark.parametrize("dimension", DIMENSIONS)
@given(value=st.floats(min_value=0, allow_infinity=False, allow_nan=False))
def test_exact_text_reads_back_as_the_same_float(dimension, value):
    assert units.parse(units.exact(value, dimension), dimension) == value


@given(value=st.floats(allow_infinity=False, allow_nan=False))
def test_a_decline_reads_back_too(value):
    assert units.parse(units.exact(value, "growth"), "growth") == value


@pytest.mark.parametrize("dimension", [dimension for dimension in DIMENSIONS if dimension != "growth"])
@given(value=st.floats(min_value=1e-3, max_value=1e9))
def test_shown_text_is_near(dimension, value):
    assert units.parse(units.show(value, dimension), dimension) == pytest.approx(value, rel=1e-3)


def test_bare_number_shows_how_to_write_it():
    with pytest.raises(units.UnitError) as caught:
        units.parse(90, "time")
    assert "no unit" in caught.value.message
    assert "`90 s`" in caught.value.hint


@pytest.mark.parametrize(
    "text",
    [
        "-1 s",
        ".nan s",
        "inf s",
        "1e9999 s",
        "s",
        "",
        "1 2 s",
        "twelve s",
        "5 W",
        "1,5 s",
        "1_000 s",
        "9" * 100 + " s",
        True,
        None,
        [],
        math.nan,
        math.inf,
    ],
)
def test_refused(text):
    with pytest.raises(units.UnitError):
        units.parse(text, "time")


def test_unknown_unit_is_near_matched():
    with pytest.raises(units.UnitError, match="did you mean `GB`"):
        units.parse("80 Gb", "memory")
    with pytest.raises(units.UnitError, match="did you mean `month`"):
        units.parse("1 months", "time")


def test_a_decline_leaves_something():
    with pytest.raises(units.UnitError):
        units.parse("-100%/month", "growth")
