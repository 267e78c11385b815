"""`python -m tests.measured`: prints predicted against measured; with `--write`, into tests/README.md."""

import argparse
import sys

from tests.measured.data import DATA
from tests.measured.readme import README, with_tables
from tests.measured.tables import tables


def main() -> None:
    """Print the tables, or write them where they stand."""
    parser = argparse.ArgumentParser(prog="python -m tests.measured", description="Predicted against measured.")
    parser.add_argument("--write", action="store_true", help="write the tables into tests/README.md")
    arguments = parser.parse_args()
    if not DATA.is_dir():
        sys.exit(f"the measured data ({DATA}) is absent")
    if arguments.write:
        README.write_text(with_tables(README.read_text(encoding="utf-8"), tables()), encoding="utf-8")
    else:
        sys.stdout.write(tables() + "\n")


if __name__ == "__main__":
    main()
