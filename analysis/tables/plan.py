"""A plan in the terminal."""

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from analysis.plan_words import about, answer, decided_words, margin_words, nearest, verdict_words
from analysis.quantities import in_words, low_to_high, worded
from analysis.tables.layout import plain_table
from analysis.wording import UNKNOWN, duration, money, number, plural

MOST_CANDIDATES = 12
_STYLES = {"good": "bold green", "bad": "bold red", "plain": ""}


def print_plan(data: Mapping[str, Any], console: Console) -> None:
    """Print the answer, the promises at it, and the candidates nearest to it; fits 100 columns."""
    tried = plural(len(data.get("evaluated") or []), "candidate")
    name = escape(str(data.get("plan")))
    console.print(f"[bold]{name}[/]  {tried} tried, seed {data.get('seed')}, in {duration(data.get('wall_s'))}")
    for text, verdict in answer(data):
        console.print(escape(text), style=_STYLES[verdict])
    for table in (_promises(data), _candidates(data)):
        if table.row_count:
            console.print(table)
    for recommended in data.get("recommended") or []:
        cost = money(recommended.get("cost_usd_per_year"))
        if recommended.get("decided"):
            price = "unknown" if cost == UNKNOWN else f"{cost} a year"
            console.print(f"[bold]Cost[/]  {escape(about(recommended))}{price}")


def _promises(data: Mapping[str, Any]) -> Table:
    constraints = {each["text"]: each for each in data.get("constraints") or []}
    table = plain_table("Promises at the answer", "", "estimate", "interval", "limit", "margin", "n", widest=40)
    for recommended in data.get("recommended") or []:
        for found in recommended.get("attainment") or []:
            constraint = constraints.get(found.get("constraint")) or {}
            metric = str(constraint.get("metric"))
            table.add_row(
                escape(about(recommended) + str(found.get("constraint"))),
                worded(metric, found.get("estimate")),
                _interval(metric, found),
                worded(metric, found.get("limit")),
                margin_words(constraint, found),
                number(found.get("replications")),
            )
    return table


def _candidates(data: Mapping[str, Any]) -> Table:
    shown, every = nearest(data, MOST_CANDIDATES), data.get("evaluated") or []
    more = f" (the {len(shown)} of {len(every)} nearest to the answer)" if len(every) > len(shown) else ""
    constraints = data.get("constraints") or []
    names = [in_words(each["metric"]) for each in constraints[:3]]
    table = plain_table(f"Tried{more}", "decided", "verdict", *names, "n", words=2, widest=24)
    for candidate in shown:
        by_text = {each["text"]: each for each in candidate.get("constraints") or []}
        cells = []
        for constraint in constraints[:3]:
            found, metric = by_text.get(constraint["text"]) or {}, constraint["metric"]
            cells.append(f"{worded(metric, found.get('estimate'))}\n[dim]{_interval(metric, found)}[/]")
        table.add_row(
            escape(decided_words(candidate.get("decided") or {})),
            verdict_words(candidate.get("verdict")),
            *cells,
            number(candidate.get("replications")),
        )
    return table


def _interval(metric: str, found: Mapping[str, Any]) -> str:
    ends = {"mean": found.get("estimate"), "low": found.get("low"), "high": found.get("high")}
    return low_to_high(metric, ends) or UNKNOWN
