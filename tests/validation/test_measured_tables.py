"""The tables of predicted against measured in tests/README.md are what the command gives."""

import pytest

from tests.measured.data import DATA
from tests.measured.readme import README, tables_in, with_tables
from tests.measured.tables import splitwise_table, tables

needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="the measured data (../shared/data) is absent")


def test_tables_are_put_between_the_marks_and_read_back() -> None:
    text = README.read_text(encoding="utf-8")
    assert tables_in(with_tables(text, "| a |")) == "| a |"
    assert with_tables(text, tables_in(text)) == text


@needs_data
def test_the_first_table() -> None:
    assert tables_in(README.read_text(encoding="utf-8")).startswith(splitwise_table())


@needs_data
@pytest.mark.slow
def test_all_tables() -> None:
    assert tables_in(README.read_text(encoding="utf-8")) == tables()
