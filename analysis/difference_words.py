"""What a comparison says, in words: which systems differ from the baseline, by how much, and how sure that is."""

from collections.abc import Mapping, Sequence
from typing import Any

from analysis.quantities import difference, in_words, relative
from analysis.wording import SPACE, UNKNOWN, exact, figure, listed, number, plural

MOST_SENTENCES = 6


def excludes_zero(row: Any) -> bool:
    """Whether an interval has both ends on one side of zero."""
    if figure(row["difference"]) is None or row["flagged"]:
        return False
    low, high = figure(row["low"]), figure(row["high"])
    return low is not None and high is not None and (low > 0 or high < 0)


def thin(row: Any) -> bool:
    """Whether a difference is known but its interval is not."""
    return figure(row["difference"]) is not None and (bool(row["flagged"]) or figure(row["low"]) is None)


def part_of(row: Mapping[str, Any]) -> str:
    """Return a difference relative to the baseline's value; a dash where that is 0 or unknown."""
    base, by = figure(row["baseline"]), figure(row["difference"])
    return UNKNOWN if not base or by is None else relative(by / abs(base))


def verdict(row: Mapping[str, Any]) -> str:
    """Return what the interval says: lower, higher, or not to be told from chance."""
    if figure(row["difference"]) is None:
        return "unknown"
    if excludes_zero(row):
        return "higher" if row["difference"] > 0 else "lower"
    return "not told apart"


def difference_findings(rows: Sequence[Mapping[str, Any]], baseline: str) -> list[str]:
    """Return a sentence for each metric: which systems lie higher or lower, and by how much."""
    found = []
    metrics = list(dict.fromkeys(row["metric"] for row in rows))
    for metric in metrics[:MOST_SENTENCES]:
        own = [row for row in rows if row["metric"] == metric]
        certain = sorted((row for row in own if excludes_zero(row)), key=lambda row: -abs(row["difference"]))
        told = [f"{_by(metric, row)} with {row['system']}" for row in certain[:3]]
        more = f"; {plural(len(certain) - 3, 'other')} differ too" if len(certain) > 3 else ""
        alike = len(own) - len(certain)
        others = f"; {plural(alike, 'other')} cannot be told from it" if alike else ""
        if all(figure(row["difference"]) is None for row in own):
            found.append(f"{in_words(metric)}: the differences from {baseline} are unknown.")
        elif certain:
            found.append(f"{in_words(metric)} is {listed(told)} than with {baseline}{more}{others}.")
        else:
            found.append(f"{in_words(metric)}: no difference from {baseline} can be told from chance.")
    if len(metrics) > MOST_SENTENCES:
        found.append(f"The table below has all {len(metrics)} metrics.")
    return found


def _by(metric: str, row: Mapping[str, Any]) -> str:
    """Return by how much a figure is higher or lower."""
    return f"{difference(metric, abs(row['difference']))[1:]} {verdict(row)}"


def difference_introduction(data: Mapping[str, Any]) -> str:
    """Return how the differences were judged: pairs or not, the level, and how many hold together."""
    shared = data.get("shared_draws")
    how = (
        "The systems met the same random draws, replication by replication: differences are judged in pairs."
        if shared
        else "The systems met different random draws: differences are judged as between independent samples."
        if shared is False
        else ""
    )
    level, together = figure(data.get("level")), figure(data.get("simultaneous"))
    if level is None:
        return how
    each = f" Intervals hold with {_percent(level)} each."
    if together and together > 1:
        each = (
            f" All {number(together)} intervals hold together with {_percent(level)}: each is made at "
            f"{_percent(1 - (1 - level) / together)} (Bonferroni)."
        )
    return (how + each).strip()


def _percent(level: float) -> str:
    return f"{exact(level * 100, 6)}{SPACE}%"


def best(data: Mapping[str, Any]) -> tuple[str, bool] | None:
    """Return the sentence about the system that was chosen as the best, and whether that is decided; None without."""
    chosen = data.get("best")
    if not chosen:
        return None
    name, metric = str(chosen.get("system")), in_words(str(chosen.get("metric")))
    if chosen.get("decided"):
        sure = _percent(figure(chosen.get("probability")) or 0.0)
        return f"{name} is best in {metric}, right with a probability of at least {sure}.", True
    return f"{name} looks best in {metric}, but the replications do not decide it.", False


def compared(data: Mapping[str, Any]) -> str:
    """Return how many systems were compared, and how."""
    systems = data.get("systems") or []
    counts = sorted({int(each["replications"]) for each in systems if figure(each.get("replications"))})
    looks = "" if not counts else f", {counts[0]}{'' if len(counts) == 1 else f' to {counts[-1]}'} replications each"
    pairs = ", with the same random draws" if data.get("shared_draws") else ""
    many = "was" if len(systems) == 1 else "were"
    return f"{plural(len(systems), 'system')} {many} compared{looks}{pairs}; the baseline is {data.get('baseline')}."
