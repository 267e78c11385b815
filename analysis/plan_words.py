"""What a plan says, in words: the answer, what binds it, and how near the nearest miss came."""

from collections.abc import Iterable, Mapping
from typing import Any, Literal

from analysis.quantities import in_words, relative, segments, worded
from analysis.wording import SPACE, UNKNOWN, figure, number

Verdict = Literal["good", "bad", "plain"]
VERDICTS = {"met": "met", "not_met": "not met", "undecided": "undecided", "failed": "failed"}


def answer(data: Mapping[str, Any]) -> list[tuple[str, Verdict]]:
    """Return the answer in a sentence for each thing decided, and what binds it."""
    found = [each for recommended in data.get("recommended") or [] for each in _answer(data, recommended)]
    return found or [("The plan has no answer.", "bad")]


def _answer(data: Mapping[str, Any], recommended: Mapping[str, Any]) -> Iterable[tuple[str, Verdict]]:
    where = about(recommended)
    level = sure_words(data)
    decided = recommended.get("decided")
    binding = binding_words(recommended)
    status = recommended.get("status")
    if status == "infeasible" or not decided:
        bounds, nothing = bounds_words(data), f"{where}nothing" if where else "Nothing"
        yield f"{nothing} in the bounds ({bounds}) keeps the promises{level}.", "bad"
        miss = _nearest_miss(data, recommended)
        if miss:
            yield miss, "plain"
        return
    yield f"{where}{decided_in_words(decided)} {_keep(decided)} the promise{level}{_less(data, recommended)}.", "good"
    if status == "too_close":
        yield "Whether less would do is too close to call: more replications may tell.", "plain"
    if binding:
        yield binding, "plain"


def about(recommended: Mapping[str, Any]) -> str:
    """Return the period and the alternative that something is recommended for; empty where there is but one."""
    words = ", ".join(str(recommended[key]) for key in ("period", "alternative") if recommended.get(key))
    return f"{words}: " if words else ""


def decided_in_words(decided: Mapping[str, Any]) -> str:
    """Return `12 nodes of h100`, or what else was decided, path by path."""
    return " and ".join(f"{decided_words({path: value})} {noun(path)}" for path, value in decided.items())


def decided_words(decided: Mapping[str, Any]) -> str:
    """`12`, or `12, 4` where more than one path is decided."""
    return ", ".join(number(value) if figure(value) is not None else str(value) for value in decided.values())


def noun(path: str) -> str:
    """`pools.h100.nodes -> nodes of h100`."""
    names = segments(path)
    if len(names) == 3 and names[0] in ("pools", "services"):
        return f"{names[2].replace('_', ' ')} of {names[1]}"
    return path


def _keep(decided: Mapping[str, Any]) -> str:
    return "keeps" if list(decided.values()) == [1] else "keep"


def sure_words(data: Mapping[str, Any]) -> str:
    """Return ` with 95 % confidence`."""
    level = figure(data.get("confidence"))
    return "" if level is None else f" with {number(round(level * 100, 4))}{SPACE}% confidence"


def bounds_words(data: Mapping[str, Any]) -> str:
    """Return the bounds of what is decided: `pools.h100.nodes from 2 to 64`."""
    return ", ".join(
        f"{path} from {bounds.get('min')} to {bounds.get('max')}"
        for path, bounds in (data.get("decision_variables") or {}).items()
    )


def _less(data: Mapping[str, Any], recommended: Mapping[str, Any]) -> str:
    less = recommended.get("one_less")
    if not less:
        least = {path: bounds.get("min") for path, bounds in (data.get("decision_variables") or {}).items()}
        return "; it is the least the bounds allow" if least == recommended["decided"] else ""
    words = decided_words(less.get("decided") or {})
    verb = {"not_met": "do not", "met": "do too", "failed": "could not be run"}.get(
        str(less.get("verdict")), "could not be decided"
    )
    return f"; {words} {verb}"


def binding_words(recommended: Mapping[str, Any]) -> str:
    """Return which promise binds and by which margin."""
    binding = recommended.get("binding")
    if not binding:
        return ""
    margin = figure(binding.get("margin"))
    room = "" if margin is None else f", with a margin of {relative(margin).lstrip('+')}"
    return f"{binding.get('constraint')} binds{room}."


def _nearest_miss(data: Mapping[str, Any], recommended: Mapping[str, Any]) -> str:
    """Return how near the nearest candidate came, by the promise that binds."""
    text = (recommended.get("binding") or {}).get("constraint")
    missed = [
        (abs(estimate - limit) / (abs(limit) or 1.0), candidate, constraint)
        for candidate in data.get("evaluated") or []
        for constraint in candidate.get("constraints") or []
        if constraint.get("verdict") != "met" and text in (None, constraint["text"])
        for estimate, limit in [(figure(constraint.get("estimate")), figure(constraint.get("limit")))]
        if estimate is not None and limit is not None
    ]
    if not missed:
        return binding_words(recommended)
    _, candidate, constraint = min(missed, key=lambda each: each[0])
    name, value = in_words(constraint["metric"]), worded(constraint["metric"], constraint["estimate"])
    limit = worded(constraint["metric"], constraint["limit"])
    return (
        f"The nearest miss is {decided_in_words(candidate.get('decided') or {})}: {name} is {value} "
        f"where the limit is {limit} ({constraint['text']})."
    )


def margin_words(constraint: Mapping[str, Any] | None, found: Mapping[str, Any]) -> str:
    """Return the room between estimate and limit relative to the limit; negative where the promise is missed."""
    estimate, limit = figure(found.get("estimate")), figure(found.get("limit"))
    if estimate is None or not limit:
        return UNKNOWN
    above = str((constraint or {}).get("operator") or "").startswith(">")
    return relative((estimate - limit if above else limit - estimate) / abs(limit))


def promise_words(constraint: Mapping[str, Any]) -> str:
    """`services.chat.ttft_s.p99 <= 2 s -> chat TTFT p99 ≤ 2 s`."""
    sign = {"<=": "≤", ">=": "≥"}.get(str(constraint.get("operator")), str(constraint.get("operator")))
    metric = str(constraint["metric"])
    return f"{in_words(metric)} {sign}{SPACE}{worded(metric, constraint.get('limit'))}"


def verdict_words(verdict: Any) -> str:
    """Return a verdict as people say it."""
    return VERDICTS.get(verdict, "unknown")


def nearest(data: Mapping[str, Any], most: int) -> list[Mapping[str, Any]]:
    """Return at most so many candidates, those nearest to the answer, in ascending order of what was decided."""
    paths = list(data.get("decision_variables") or {})
    first = next(iter(data.get("recommended") or []), None) or {}
    middle = first.get("decided") or {}

    def place(candidate: Mapping[str, Any]) -> list[float]:
        return [figure((candidate.get("decided") or {}).get(path)) or 0.0 for path in paths]

    def distance(candidate: Mapping[str, Any]) -> float:
        return sum(
            abs(value - (figure(middle.get(path)) or 0.0)) for path, value in zip(paths, place(candidate), strict=True)
        )

    chosen = sorted(data.get("evaluated") or [], key=distance)[:most]
    return sorted(chosen, key=place)
