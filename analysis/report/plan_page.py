"""The page of a plan: the smallest fleet that keeps the promises, on one sheet."""

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

from analysis import figures
from analysis.figures.plan import candidate_numbers
from analysis.plan_words import (
    about,
    answer,
    bounds_words,
    decided_words,
    margin_words,
    nearest,
    noun,
    promise_words,
    verdict_words,
)
from analysis.quantities import in_words, low_to_high, worded
from analysis.report.elements import Cell, Chart, Finding, Section, Table, Tile, chart, said
from analysis.report.page import Page, filled
from analysis.wording import SPACE, UNKNOWN, duration, money, number, plural, share

MOST_CANDIDATES = 12
"""Rows of the table of candidates, so that the page fits one sheet; plan.json has them all."""


def plan_page(data: Mapping[str, Any]) -> Page:
    """Return the page of the contents of plan.json."""
    return Page(
        kind="Capacity plan",
        name=said(data.get("plan")),
        lead="",
        findings=[Finding(*each) for each in answer(data)],
        tiles=_tiles(data),
        sections=filled(
            [
                Section("Answer", "", [_promises(data), _neighbours(data), *_candidates_chart(data)]),
                Section("Candidates", "", [_candidates(data)]),
                Section("How it was decided", said(data.get("rule")), [_provenance(data)]),
            ]
        ),
        look="sheet",
    )


def _tiles(data: Mapping[str, Any]) -> list[Tile]:
    """The figures of the first answer."""
    first = next(iter(data.get("recommended") or []), None)
    if not first or not first.get("decided"):
        return []
    shown = [Tile(number(value), noun(path)) for path, value in first["decided"].items()]
    cost = money(first.get("cost_usd_per_year"))
    shown.append(Tile("unknown" if cost == UNKNOWN else cost, "cost a year"))
    objective = first.get("objective")
    if objective:
        metric = said(objective.get("metric"))
        shown.append(
            Tile(worded(metric, objective.get("mean")), in_words(metric), "minimised", low_to_high(metric, objective))
        )
    for key, label in (("runs_out_on", "runs out on"), ("order_by", "order by")):
        if data.get(key):
            shown.append(Tile(said(data[key]), label))
    return shown


def _promises(data: Mapping[str, Any]) -> Table:
    """Return the constraints at the answer, with how far the estimates are from their limits."""
    kinds = {each["text"]: each for each in data.get("constraints") or []}
    rows: list[list[str | Cell]] = []
    for recommended in data.get("recommended") or []:
        binds = (recommended.get("binding") or {}).get("constraint")
        for found in recommended.get("attainment") or []:
            text = said(found.get("constraint"))
            metric = said((kinds.get(text) or {}).get("metric"))
            rows.append(
                [
                    about(recommended) + (f"{text} (binds)" if text == binds else text),
                    Cell(worded(metric, found.get("estimate")), low_to_high(metric, _estimate(found))),
                    worded(metric, found.get("limit")),
                    margin_words(kinds.get(text), found),
                    _share_over(found.get("share_over")),
                    number(found.get("replications")),
                ]
            )
    columns = ("promise", "estimate", "limit", "margin", "share over the limit", "replications")
    return Table("Promises at the answer", columns, rows)


def _estimate(found: Mapping[str, Any]) -> dict[str, Any]:
    return {"mean": found.get("estimate"), "low": found.get("low"), "high": found.get("high")}


def _share_over(found: Mapping[str, Any] | None) -> str | Cell:
    if not found:
        return UNKNOWN
    text = f"{share(found.get('estimate'))} of {share(found.get('allowed'))}"
    return Cell(text, low_to_high("over.x", _estimate(found)))


def _neighbours(data: Mapping[str, Any]) -> Table:
    """Return what one step less and one step more would do."""
    metrics = {each["text"]: each["metric"] for each in data.get("constraints") or []}
    rows: list[list[str | Cell]] = []
    for recommended in data.get("recommended") or []:
        for key, name in (("one_less", "one step less"), ("one_more", "one step more")):
            step = recommended.get(key)
            if step:
                text = said(step.get("constraint"))
                metric = metrics.get(text, "")
                cell = Cell(worded(metric, step.get("estimate")), low_to_high(metric, _estimate(step)))
                rows.append(
                    [name, decided_words(step.get("decided") or {}), text, verdict_words(step.get("verdict")), cell]
                )
    return Table("Around the answer", ("", "decided", "promise", "verdict", "estimate"), rows, 4)


def _candidates_chart(data: Mapping[str, Any]) -> Iterable[Chart]:
    table = candidate_numbers(data)
    if table["estimate"].notna().any():
        yield from chart(partial(figures.plan_candidates, dict(data)), table, "candidates")


def _candidates(data: Mapping[str, Any]) -> Table:
    every, shown = data.get("evaluated") or [], nearest(data, MOST_CANDIDATES)
    texts = [each["text"] for each in data.get("constraints") or []]
    rows = [
        [
            decided_words(candidate.get("decided") or {}),
            verdict_words(candidate.get("verdict")).replace(" ", SPACE),
            number(candidate.get("replications")),
            *(_at(candidate, text) for text in texts),
            _objective(data, candidate),
        ]
        for candidate in shown
    ]
    more = (
        f" (the {len(shown)} of {len(every)} nearest to the answer; plan.json has all)"
        if len(every) > len(shown)
        else ""
    )
    promises = [promise_words(each) for each in data.get("constraints") or []]
    columns = ("decided", "verdict", "replications", *promises, in_words(said(data.get("minimise"))))
    return Table(f"What was tried{more}", columns, rows, 2)


def _at(candidate: Mapping[str, Any], text: str) -> str | Cell:
    found = next((each for each in candidate.get("constraints") or [] if each["text"] == text), None)
    if found is None:
        return UNKNOWN
    mark = {"met": "✓", "not_met": "✗"}.get(str(found.get("verdict")), "?")
    return Cell(
        worded(found["metric"], found.get("estimate")) + SPACE + mark, low_to_high(found["metric"], _estimate(found))
    )


def _objective(data: Mapping[str, Any], candidate: Mapping[str, Any]) -> str | Cell:
    found, metric = candidate.get("objective"), said(data.get("minimise"))
    return UNKNOWN if not found else Cell(worded(metric, found.get("mean")), low_to_high(metric, found))


def _provenance(data: Mapping[str, Any]) -> Table:
    scenario, tried = data.get("scenario") or {}, plural(len(data.get("evaluated") or []), "candidate")
    rows = [
        [
            "scenario",
            f"{said(scenario.get('name'))} ({said(scenario.get('file'))}), SHA-256 {said(scenario.get('sha256'))}",
        ],
        ["decided within", bounds_words(data)],
        [
            "tried",
            f"{tried}, seed {said(data.get('seed'))}, in {duration(data.get('wall_s'))}",
        ],
        ["versions", said(data.get("versions"))],
    ]
    return Table("This plan", ("", ""), rows, 2, prose=True)
