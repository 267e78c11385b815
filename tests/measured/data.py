"""Where measurements are: beside the clone, not in it."""

import csv
from collections.abc import Mapping
from pathlib import Path

DATA = Path(__file__).parents[3] / "shared" / "data"
Row = Mapping[str, str]


def rows(path: str) -> list[Row]:
    """Read a CSV file of the measured data."""
    with (DATA / path).open(newline="") as file:
        return list(csv.DictReader(file))
