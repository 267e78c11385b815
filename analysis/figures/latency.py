"""How long requests took: the share that took longer than each time."""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from analysis.figures.style import (
    COLOURS,
    DASHES,
    INK,
    FloatArray,
    canvas,
    label_on_curves,
    log_durations,
    thinned,
)
from analysis.run_folder import Run, latencies, level_of, limits, opened, replications, window
from analysis.statistics.intervals import ratio_error, student
from analysis.wording import duration, exact, find, number, share

METRICS = {
    "queueing_s": "queueing",
    "ttft_s": "first token",
    "tpot_s": "per output token",
    "e2e_s": "end to end",
    "itl_s": "between tokens",
}
FEWEST = 20
"""A tail of fewer observations than this is not drawn."""


def exceedance(buckets: pd.DataFrame) -> FloatArray:
    """Rows (seconds, share that took longer) of a histogram (low_s, high_s, count), cut where `FEWEST` are left."""
    ordered = buckets.sort_values("high_s")
    count = ordered["count"].to_numpy(dtype=float)
    remaining = count.sum() - np.cumsum(count)
    edges = ordered["high_s"].to_numpy(dtype=float)
    start = ordered["low_s"].to_numpy(dtype=float)
    first = int(np.argmax(start > 0)) if (start > 0).any() else len(start)
    before = count[:first].sum()
    x = np.concatenate([start[first : first + 1], edges[first:]])
    y = np.concatenate([[count.sum() - before], remaining[first:]])[: len(x)]
    kept = y >= FEWEST
    return np.column_stack([x[kept], y[kept] / max(count.sum(), 1.0)])


def exceedance_band(looks: pd.DataFrame, seconds: FloatArray, level: float) -> tuple[FloatArray, FloatArray]:
    """Return the ends of the t interval of the share that took longer than each time, a ratio over replications.

    `looks` holds the histograms (replication, high_s, count); `seconds` are edges of their buckets.
    """
    longer, every = [], []
    for _, look in looks.groupby("replication"):
        ends = look.sort_values("high_s")
        counts = np.cumsum(ends["count"].to_numpy(dtype=float))
        within = np.searchsorted(ends["high_s"].to_numpy(dtype=float), seconds, side="right")
        longer.append(counts[-1] - np.append(0.0, counts)[within])
        every.append(np.full(len(seconds), counts[-1]))
    above, total = np.array(longer), np.array(every)
    half = student(level, len(above) - 1) * ratio_error(above, total)
    middle = above.sum(axis=0) / total.sum(axis=0)
    return np.maximum(middle - half, 0.0), np.minimum(middle + half, 1.0)


def latency_curves(source: Run | Path | str, service: str) -> pd.DataFrame:
    """Return the curves of `latency_ccdf` as numbers: metric, seconds, share_longer; of replications also low, high."""
    run = opened(source)
    table, looks = (each[each["service"] == service] for each in (run.latency, latencies(run)))
    level = level_of(run.summary)
    parts = []
    for metric in METRICS:
        points = thinned(exceedance(table[table["metric"] == metric]), 120)
        part = pd.DataFrame({"metric": metric, "seconds": points[:, 0], "share_longer": points[:, 1]})
        own = looks[looks["metric"] == metric]
        if level is not None and own["replication"].nunique() > 1:
            part["low"], part["high"] = exceedance_band(own, points[:, 0], level)
        parts.append(part)
    return pd.concat(parts, ignore_index=True)


def latency_ccdf(source: Run | Path | str, service: str | None = None) -> Figure:
    """Draw the share of a service's requests that took longer than each time, its limits marked.

    `service` may be left out where only one completed requests. Raises ValueError where it has no latencies.
    """
    run = opened(source)
    names = list(run.latency["service"].unique())
    if service is None and len(names) == 1:
        service = str(names[0])
    if service is None or service not in names:
        message = f"no latencies of {service!r}: name one of {', '.join(names) or 'none'}"
        raise ValueError(message)
    curves = latency_curves(run, service)
    marked = limits(run, service)
    figure, (ax,) = canvas(_title(run, service, marked), _subtitle(run, service), left=0.14, above=0.15 * len(marked))
    drawn = []
    for index, (metric, name) in enumerate(METRICS.items()):
        points = curves.loc[curves["metric"] == metric, ["seconds", "share_longer"]].to_numpy(dtype=float)
        if len(points) > 1:
            _band(ax, curves[curves["metric"] == metric], COLOURS[index])
            ax.plot(points[:, 0], points[:, 1], color=COLOURS[index], linestyle=DASHES[index], linewidth=1.8)
            drawn.append((points[:, 0], points[:, 1], name, COLOURS[index]))
    log_durations(ax, *_range(curves, marked))
    _tail_axis(ax, float(curves["share_longer"].min()) if len(curves) else 0.01)
    ax.set_xlabel("time (logarithmic)")
    label_on_curves(ax, drawn)
    _mark(ax, marked)
    return figure


def _band(ax: Axes, curve: pd.DataFrame, colour: str) -> None:
    if "low" in curve:
        # A share of zero has no place on the axis: it is put below its end.
        low = np.maximum(curve["low"].to_numpy(dtype=float), 1e-12)
        ax.fill_between(curve["seconds"], low, curve["high"], color=colour, alpha=0.22, linewidth=0)


def _range(curves: pd.DataFrame, marked: dict[str, float]) -> tuple[float, float]:
    """From just before the first curve falls to just after the last one ends."""
    falls = [
        float(points.loc[points["share_longer"] <= 0.97 * points["share_longer"].iloc[0], "seconds"].min())
        for _, points in curves.groupby("metric")
    ]
    falls = [*(fall for fall in falls if fall > 0), *marked.values()] or [0.1]
    high = max([float(curves["seconds"].max()) if len(curves) else 10.0, *marked.values()]) * 1.5
    return max(min(falls) / 2, high * 1e-5), high


def _tail_axis(ax: Axes, lowest: float) -> None:
    ax.set_yscale("log")
    ax.set_ylim(lowest / 1.4, 1.25)
    ax.yaxis.set_major_locator(FixedLocator([10.0**-power for power in range(9) if 10.0**-power >= lowest / 1.4]))
    ax.yaxis.set_minor_locator(NullLocator())
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value * 100:.6g} %"))
    ax.set_ylabel("share that took longer")


def _mark(ax: Axes, marked: dict[str, float]) -> None:
    to_axes = (ax.transData + ax.transAxes.inverted()).transform
    for index, (metric, limit) in enumerate(sorted(marked.items(), key=lambda item: -item[1])):
        colour = COLOURS[list(METRICS).index(metric)]
        ax.axvline(limit, color=colour, linewidth=1.2, linestyle=(0, (2, 2)))
        to_the_left = to_axes((limit, 1.0))[0] > 0.72
        ax.annotate(
            f"limit {METRICS[metric]} {duration(limit)}",
            (limit, 1.0),
            xycoords=("data", "axes fraction"),
            xytext=(-4 if to_the_left else 4, 5 + 11 * index),
            textcoords="offset points",
            ha="right" if to_the_left else "left",
            size=8.5,
            color=INK,
        )


def _title(run: Run, service: str, marked: dict[str, float]) -> str:
    attained = find(run.summary, "services", service, "slo", "attainment")
    if marked and attained is not None:
        return f"{service}: {share(attained)} of requests were within their limits"
    metric, name = (
        ("ttft_s", "a first token") if find(run.summary, "services", service, "ttft_s") else ("e2e_s", "an answer")
    )
    late = find(run.summary, "services", service, metric, "p99")
    return (
        f"{service}: 99 % had {name} within {duration(late)}" if late is not None else f"{service}: latency of requests"
    )


def _subtitle(run: Run, service: str) -> str:
    warmup, horizon = window(run)
    table = run.latency
    rows = table[(table["service"] == service) & (table["metric"] == "e2e_s")]
    many = replications(run)
    among = f" in {many} replications" if many > 1 else ""
    level = level_of(run.summary)
    band = (
        f"; bands are pointwise {exact(level * 100, 6)} % t intervals over replications" if many > 1 and level else ""
    )
    counted = f"{number(int(rows['count'].sum()))} completed requests{among}"
    return (
        f"Share of requests that took longer; {counted} that arrived from {duration(warmup)} to {duration(horizon)}; "
        f"a curve ends where fewer than {FEWEST} requests remain{band}"
    )
