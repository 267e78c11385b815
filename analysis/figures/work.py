"""What jobs did with the accelerators that they held: work that counts, and what went to keeping and losing it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from analysis.figures.bars import legend_room, stacked_bars
from analysis.figures.style import canvas
from analysis.run_folder import Run, opened
from analysis.wording import figure, find, number, share

MOST_BARS = 12
_USES: Mapping[str, tuple[str, str]] = {
    "useful": ("#0072B2", ""),
    "checkpoint": ("#E69F00", ""),
    "restart": ("#56B4E9", "//"),
    "lost": ("#000000", ""),
    "unused": ("#c9ced3", "xx"),
}
"""Colour and hatch, in the order of the parts."""
_SAID = {
    "checkpoint": "to checkpoints",
    "restart": "to loading state again",
    "lost": "to work that failures undid",
    "unused": "to accelerators that a gang held and could not use",
}


def work_numbers(source: Run | Path | str) -> pd.DataFrame:
    """Return the bars of `work_by_use` as numbers: accelerator-hours of each stream, a column for each use."""
    streams: Mapping[str, Any] = opened(source).summary.get("training") or {}
    bars = {
        name: {use: figure(find(stream, "accelerator_hours_by", use)) or 0.0 for use in _USES}
        for name, stream in streams.items()
    }
    table = pd.DataFrame.from_dict(bars, orient="index", columns=list(_USES))
    return table[table.sum(axis=1) > 0].rename_axis("stream").reset_index()


def work_by_use(source: Run | Path | str) -> Figure:
    """Draw the accelerator-hours that each stream of jobs held, by what became of them."""
    table = work_numbers(source).set_index("stream")
    totals = table.sum(axis=1).sort_values(ascending=False, kind="stable")
    shown = table.loc[totals.index[:MOST_BARS]]
    more = f"; the {MOST_BARS} largest of {len(totals)}" if len(totals) > MOST_BARS else ""
    what = f"Accelerator-hours that jobs held within the counted interval, by use; at the right the useful share{more}"
    above = legend_room(len(_USES))
    drawing, (ax,) = canvas(_title(table), what, height=1.25 + 0.34 * len(shown), left=0.5, right=0.6, above=above)
    ends = [f"{share(row['useful'] / row.sum())} useful" for _, row in shown.iterrows()]
    stacked_bars(ax, shown, _USES, ends)
    ax.set_xlabel("accelerator-hours")
    return drawing


def _title(table: pd.DataFrame) -> str:
    """How much of all that was held was useful, and where most of the rest went."""
    whole = float(table.to_numpy().sum())
    rest = table.drop(columns="useful").sum()
    most = str(rest.idxmax())
    useful = f"{share(table['useful'].sum() / whole)} of {number(whole)} accelerator-hours that jobs held were useful"
    return useful if rest[most] <= 0 else f"{useful}; {share(rest[most] / whole)} went {_SAID[most]}"
