"""The estimates of a study as a table, and what its varied paths mean for an axis."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from analysis.quantities import segments
from analysis.wording import figure

_NUMBER = re.compile(r"\s*([-+]?(?:\d[\d_,]*\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*(.*?)\s*")
ENDS = ("mean", "low", "high")


def response_numbers(data: Mapping[str, Any], metric: str) -> pd.DataFrame:
    """Return the estimates of a metric: a row for each point that has one, with the labels of what was varied.

    Columns: point, label, a column for each varied path, mean, low, high, n, flagged.
    """
    estimates = {row["point"]: row for row in data.get("estimates") or [] if row["metric"] == metric}
    paths = [vary["path"] for vary in data.get("vary") or []]
    rows = []
    for point in data.get("points") or []:
        found = estimates.get(point["point"])
        if found is not None:
            labels = {path: str((point.get("values") or {}).get(path, "")) for path in paths}
            ends = {end: figure(found.get(end)) for end in ENDS}
            about = {"point": point["point"], "label": str(point.get("label") or point["point"])}
            rows.append({**about, **labels, **ends, "n": found.get("n"), "flagged": bool(found.get("flagged"))})
    columns = ["point", "label", *paths, *ENDS, "n", "flagged"]
    return pd.DataFrame(rows, columns=columns).astype(dict.fromkeys(ENDS, float))


def numeric(labels: Sequence[str]) -> tuple[list[float], str] | None:
    """Return the numbers that labels such as `8/s` begin with and the unit that all of them share; else None."""
    found = [_NUMBER.fullmatch(label) for label in labels]
    units = {match.group(2) for match in found if match is not None}
    if not found or None in found or len(units) != 1:
        return None
    return [
        float(match.group(1).replace(",", "").replace("_", "")) for match in found if match is not None
    ], units.pop()


def ordered(labels: Iterable[str]) -> list[str]:
    """Return the different labels: numbers in ascending order, others as they come."""
    names = list(dict.fromkeys(labels))
    found = numeric(names)
    return names if found is None else [name for _, name in sorted(zip(found[0], names, strict=True))]


def varied(data: Mapping[str, Any], table: pd.DataFrame) -> list[str]:
    """Return the paths that take more than one value among the points of a table; the first one where none does."""
    paths = [vary["path"] for vary in data.get("vary") or []]
    return [path for path in paths if table[path].nunique() > 1] or paths[:1]


def path_words(path: str, among: Sequence[str]) -> str:
    """Return a path in words, as short as the other paths that are varied allow: `chat replicas`, `sharing`."""
    names = segments(path)
    for length in range(1, len(names) + 1):
        words = names[-length:]
        if not any(other != path and segments(other)[-length:] == words for other in among):
            if len(names) > length and names[0] in ("services", "training", "pools") and names[1] not in words:
                words = [names[1], *words]
            return " ".join(words).replace("_", " ")
    return path
