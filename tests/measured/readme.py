"""Where the tables stand: between two marks in tests/README.md."""

from pathlib import Path

README = Path(__file__).parents[1] / "README.md"
BEGIN, END = "<!-- python -m tests.measured --write -->", "<!-- end -->"


def with_tables(text: str, tables: str) -> str:
    """Put the tables between the marks."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{tables}\n\n{END}{after}"


def tables_in(text: str) -> str:
    """Give what stands between the marks."""
    return text.partition(BEGIN)[2].partition(END)[0].strip()
