"""What was tried in a plan: the promise that binds, over the size that was decided."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from analysis.figures.style import INK, TIMES, canvas, shortened
from analysis.plan_words import VERDICTS, decided_words, nearest
from analysis.quantities import in_words, kind_of, scale_of, worded
from analysis.wording import exact, figure, number, plural

LOOKS = {
    "met": ("#0072B2", "o", True),
    "not_met": ("#D55E00", "X", True),
    "undecided": ("#000000", "D", False),
    "failed": ("#5b6773", "s", False),
}
"""How a verdict looks: colour, marker, filled."""
MOST_CANDIDATES = 24
_SPREAD = 30.0
"""Largest over smallest estimate from which the axis is logarithmic."""
_MOST_TICKS = 22


def binding_text(data: Mapping[str, Any]) -> str | None:
    """Return the constraint that binds the answer; of a plan without one, that with the nearest miss."""
    constraints = [each["text"] for each in data.get("constraints") or []]
    for recommended in data.get("recommended") or []:
        text = (recommended.get("binding") or {}).get("constraint")
        if text in constraints:
            return str(text)
    return constraints[0] if constraints else None


def candidate_numbers(data: Mapping[str, Any]) -> pd.DataFrame:
    """Return the points of `plan_candidates`, in ascending order of what was decided."""
    text, paths = binding_text(data), list(data.get("decision_variables") or {})
    rows = []
    for candidate in data.get("evaluated") or []:
        found: Mapping[str, Any] = next(
            (each for each in candidate.get("constraints") or [] if each["text"] == text), {}
        )
        decided = {path: (candidate.get("decided") or {}).get(path) for path in paths}
        ends = {end: figure(found.get(end)) for end in ("estimate", "low", "high", "limit")}
        rows.append({**decided, **ends, "verdict": candidate["verdict"], "replications": candidate.get("replications")})
    columns = [*paths, "estimate", "low", "high", "limit", "verdict", "replications"]
    table = pd.DataFrame(rows, columns=columns)
    return table.sort_values(paths, kind="stable", ignore_index=True) if paths else table


def plan_candidates(data: dict[str, Any]) -> Figure:
    """Draw the estimates of the binding constraint over the decided value, with intervals and the limit.

    `data` holds the contents of plan.json; of many candidates those nearest to the answer are drawn. Values too
    uneven for a scale stand in order. Raises ValueError where no
    candidate has an estimate.
    """
    table = candidate_numbers(data | {"evaluated": nearest(data, MOST_CANDIDATES)})
    text = binding_text(data)
    known = table.dropna(subset=["estimate"]).reset_index(drop=True)
    if known.empty or text is None:
        raise ValueError("no candidate has an estimate to draw")
    metric = next(each["metric"] for each in data["constraints"] if each["text"] == text)
    chart, (ax,) = canvas(_title(data, text), _subtitle(data, text, known), height=3.3, left=0.14, above=0.2)
    limit = figure(known["limit"].dropna().iloc[0]) if known["limit"].notna().any() else None
    size, label = _value_axis(ax, metric, known, limit)
    ax.set_ylabel(label)
    at = _decided_axis(ax, known, list(data.get("decision_variables") or {}))
    _draw(ax, at, known, size)
    if limit is not None:
        ax.axhline(limit / size, color=INK, linewidth=1.2, linestyle=(0, (4, 2)))
        words = f"limit {worded(metric, limit)}"
        ax.text(1.01, limit / size, words, transform=ax.get_yaxis_transform(), va="center", size=8.5, color=INK)
    _legend(ax, known)
    return chart


def _value_axis(ax: Axes, metric: str, known: pd.DataFrame, limit: float | None) -> tuple[float, str]:
    """Give the axes a y axis, logarithmic where the estimates spread; return its unit's size and its label."""
    estimates = known["estimate"].to_numpy(dtype=float)
    values = known[["estimate", "low", "high", "limit"]].to_numpy(dtype=float)
    if estimates.min() > 0 and estimates.max() > _SPREAD * estimates.min():
        low, high = float(np.nanmin(values[values > 0])) / 1.6, float(np.nanmax(values)) * 1.6
        ax.set_yscale("log")
        ax.set_ylim(low, high)
        powers = [10.0**power for power in range(-12, 13)]
        ticks = apart(
            [tick for tick in (TIMES if kind_of(metric) == "time" else powers) if low <= tick <= high], low, high
        )
        ax.yaxis.set_major_locator(FixedLocator(ticks))
        ax.yaxis.set_minor_locator(NullLocator())
        ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: worded(metric, value)))
        return 1.0, f"{in_words(metric)} (logarithmic)"
    size, unit = scale_of(metric, max(float(np.abs(estimates).max()), abs(limit or 0.0)))
    low, high = float(np.nanmin(values)) / size, float(np.nanmax(values)) / size
    room = 0.12 * ((high - low) or abs(high) or 1.0)
    ax.set_ylim(low - room if low - room > 0 or low < 0 else 0.0, high + room)
    ax.yaxis.set_major_locator(MaxNLocator(nbins=6))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: exact(round(value, 9), 5)))
    return size, f"{in_words(metric)}{f' ({unit})' if unit else ''}"


def apart(ticks: Sequence[float], low: float, high: float) -> list[float]:
    """Return the ticks of a logarithmic axis that leave a twelfth of it between one another."""
    kept: list[float] = []
    for tick in ticks:
        if not kept or (tick / kept[-1]) ** 12 >= high / low:
            kept.append(tick)
    return kept


def _decided_axis(ax: Axes, known: pd.DataFrame, paths: Sequence[str]) -> list[float]:
    """Give the axes an x axis of what was decided, and return where the candidates stand on it."""
    label = shortened(", ".join(paths), 84)
    numbers = [float(value) for value in known[paths[0]]] if len(paths) == 1 else []
    steps = np.diff(sorted(set(numbers)))
    if numbers and (len(steps) == 0 or steps.min() * _MOST_TICKS >= steps.sum()):
        ax.xaxis.set_major_locator(FixedLocator(sorted(set(numbers))))
        ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: exact(round(value, 9), 6)))
        ax.margins(x=0.06)
        ax.set_xlabel(label)
        return numbers
    names = [decided_words({path: row[path] for path in paths}) for row in known.to_dict("records")]
    places = [float(place) for place in range(len(known))]
    kept = places[:: -(-len(places) // _MOST_TICKS)]
    longest = max(map(len, names))
    ax.set_xticks(kept, [names[int(place)] for place in kept], rotation=30 if longest * len(kept) > 80 else 0)
    ax.margins(x=0.06)
    ax.set_xlabel(f"{label} (in order, not to scale)")
    return places


def _draw(ax: Axes, at: Sequence[float], known: pd.DataFrame, size: float) -> None:
    for place, row in zip(at, known.to_dict("records"), strict=True):
        colour, marker, filled = LOOKS.get(row["verdict"], LOOKS["undecided"])
        low, high = figure(row["low"]), figure(row["high"])
        if low is not None and high is not None:
            ax.plot([place, place], [low / size, high / size], color=colour, linewidth=1.8)
        ax.plot(
            [place],
            [row["estimate"] / size],
            marker=marker,
            color=colour,
            markersize=7,
            linestyle="",
            markerfacecolor=colour if filled else "white",
        )
        if row["replications"]:
            ax.annotate(
                f"{row['replications']:.0f}",
                (place, row["estimate"] / size),
                xytext=(6, 0),
                textcoords="offset points",
                va="center",
                size=7.5,
                color=INK,
            )


def _legend(ax: Axes, known: pd.DataFrame) -> None:
    for verdict in dict.fromkeys(known["verdict"]):
        colour, marker, filled = LOOKS.get(verdict, LOOKS["undecided"])
        face = colour if filled else "white"
        ax.plot(
            [],
            [],
            marker=marker,
            color=colour,
            markerfacecolor=face,
            linestyle="",
            markersize=7,
            label=VERDICTS.get(verdict, verdict),
        )
    ax.legend(
        loc="lower left",
        bbox_to_anchor=(-0.01, 1.0),
        ncols=4,
        fontsize=8.5,
        frameon=False,
        labelcolor=INK,
        borderpad=0.2,
    )


def _title(data: Mapping[str, Any], text: str) -> str:
    for recommended in data.get("recommended") or []:
        if recommended.get("decided") and recommended.get("status") != "infeasible":
            return f"{decided_words(recommended['decided'])} is enough; {shortened(text, 60)} binds"
    return f"Nothing in the bounds keeps {shortened(text, 60)}"


def _subtitle(data: Mapping[str, Any], text: str, known: pd.DataFrame) -> str:
    confidence = figure(data.get("confidence"))
    level = "" if confidence is None else f" at {number(round(confidence * 100, 4))} % confidence"
    among = len(data.get("evaluated") or [])
    counted = plural(len(known), "candidate")
    counted = f"the {counted} nearest to the answer, of {among}," if among > MOST_CANDIDATES else counted
    return (
        f"Estimates of {shortened(text, 60)} for {counted} with intervals{level}, the limit dashed; "
        "small: replications; verdicts are on all constraints together"
    )
