"""What the run says, in sentences and in a few large figures."""

from collections.abc import Callable, Mapping
from typing import Any

from analysis.figures.fairness import fairness_numbers, fairness_words
from analysis.quantities import THIN
from analysis.report.elements import Finding, Tile
from analysis.report.estimates import interval_words
from analysis.run_folder import Run, interval, limits, place_name, promise, replications, resolved, window, with_classes
from analysis.wording import SPACE, UNKNOWN, duration, energy, figure, find, listed, mass, money, number, plural, share

Place = tuple[str, ...]
"""The keys of a service below `services`, or of a class of one."""
MOST_SENTENCES = 6
"""Services and streams that get a sentence of their own, the worst first."""
_LIMIT_NAMES = {
    "ttft_s": "first token within",
    "tpot_s": "tokens on average within",
    "itl_s": "each further token within",
    "e2e_s": "an answer within",
}


def findings(run: Run) -> list[Finding]:
    """Return what was run, whether promises were kept, waits, utilization, energy, cost, carbon, and the audit."""
    return [
        _simulated(run),
        *_services(run),
        *_training(run),
        *_fairness(run),
        *_utilization(run.summary),
        _bill(run),
        _audit(run.summary),
    ]


def _simulated(run: Run) -> Finding:
    warmup, horizon = window(run)
    summary = run.summary
    kinds = (("services", "inference service"), ("training", "training stream"))
    parts = [plural(len(summary[kind]), noun) for kind, noun in kinds if summary.get(kind)]
    size, pools = number(find(summary, "fleet", "accelerators")), plural(len(find(summary, "pools") or {}), "pool")
    fleet = f"{size} accelerators in {pools}"
    counted = f"; the first {duration(warmup)} are warm-up and not counted" if warmup else ""
    work = f" with {listed(parts)}" if parts else ""
    many = replications(run)
    times = f" {many} times, with other random numbers each time" if many > 1 else ""
    return Finding(f"{duration(horizon)} of a fleet of {fleet}{work} were simulated{times}{counted}.")


def _target(run: Run, place: Place) -> float | None:
    return figure(promise(run, *place).get("attainment"))


def asked(target: float | None) -> str:
    """Return a promised share, as it was written."""
    return share(target) if target is None else f"{number(round(target * 100, 9), 6)}{SPACE}%"


def worst_first(run: Run) -> list[str]:
    """Return the services by how far their attainment is above what was asked for; unknown ones last."""
    return list(dict.fromkeys(place[0] for place in _promises(run)))


def _promises(run: Run) -> list[Place]:
    """Return the services, or the classes of those that have classes, by how far above what was asked for they are."""
    margin: dict[Place, float] = {}
    for name in run.summary.get("services") or {}:
        service, *classes = with_classes(run.summary, name)
        for place in classes or [service]:
            attained = figure(find(run.summary, "services", *place, "slo", "attainment"))
            margin[place] = 2.0 if attained is None else attained - (_target(run, place) or 0.0)
    return sorted(margin, key=lambda place: margin[place])


def _services(run: Run) -> list[Finding]:
    order = _promises(run)
    told = [_service(run, place) for place in order[:MOST_SENTENCES]]
    rest = len(order) - len(told)
    return [*told, Finding(f"The other {plural(rest, 'service')} did no worse: see Services.")] if rest else told


def _service(run: Run, place: Place) -> Finding:
    service, name = find(run.summary, "services", *place), place_name(place)
    attained, target = figure(find(service, "slo", "attainment")), _target(run, place)
    promised = listed([f"{_LIMIT_NAMES[metric]} {duration(limit)}" for metric, limit in limits(run, *place).items()])
    speed = _speed(service)
    if attained is None or target is None or not promised:
        return Finding(f"{name}: {plural(find(service, 'requests', 'completed'), 'request')} completed; {speed}.")
    kept = attained >= target
    sure = _sure(run, place, target)
    verb = "kept its promise" if kept else "did not keep its promise"
    if not sure:
        verb = f"{verb} on average, but the interval reaches across it"
    within = interval_words(run.summary, "services", *place, "slo", "attainment")
    between = f" ({within})" if within and within != THIN else ""
    undecided = find(service, "requests", "undecided")
    open_ones = f" ({plural(undecided, 'request')} still undecided at the end)" if undecided else ""
    return Finding(
        f"{name} {verb}: {share(attained)}{between} of requests met their limits ({promised}), {asked(target)} were "
        f"asked for{open_ones}; {speed}.",
        "plain" if not sure and kept else "good" if kept else "bad",
    )


def _sure(run: Run, place: Place, target: float) -> bool:
    """Whether the interval of an attainment, where there is one, lies on one side of what was promised."""
    found = interval(run.summary, "services", *place, "slo", "attainment")
    low, high = figure(find(found, "low")), figure(find(found, "high"))
    return low is None or high is None or low >= target or high < target


def _speed(service: Mapping[str, Any]) -> str:
    metric, what = ("ttft_s", "the first token came") if find(service, "ttft_s") else ("e2e_s", "the answer came")
    half, late = find(service, metric, "p50"), find(service, metric, "p99")
    if half is None:
        return "how long they took is unknown"
    arrived, completed = (find(service, "requests", key) for key in ("arrived", "completed"))
    of = "the requests" if arrived == completed else "the requests that completed"
    return f"{what} within {duration(half)} for half of {of} and within {duration(late)} for 99{SPACE}%"


def _training(run: Run) -> list[Finding]:
    streams: Mapping[str, Any] = run.summary.get("training") or {}
    order = sorted(streams, key=lambda name: -(figure(find(streams, name, "queueing_s", "mean")) or 0.0))
    return [_stream(name, streams[name], replications(run)) for name in order[:MOST_SENTENCES]]


def _stream(name: str, stream: Mapping[str, Any], many: int) -> Finding:
    submitted, completed = find(stream, "jobs", "submitted"), find(stream, "jobs", "completed")
    rejected = find(stream, "jobs", "rejected")
    turned_away = f", {number(rejected)} were turned away" if rejected else ""
    wait = duration(find(stream, "queueing_s", "mean"))
    half, late = (duration(find(stream, "jct_s", key)) for key in ("p50", "p90"))
    open_end = late == UNKNOWN != half
    took = f"{half} at the median and " + ("an unknown time" if open_end else late) + " at the 90th percentile"
    each = " of a replication" if many > 1 else ""
    return Finding(
        f"{name}: {number(completed)} of {plural(submitted, 'job')}{each} had ended by the end of the run{turned_away}"
        f"; they waited {wait} on average, and from submission to end took {took}{_late(stream)}."
    )


def _late(stream: Mapping[str, Any]) -> str:
    """How many deadlines were missed, of those that are decided; empty where no job has one."""
    met, missed = (figure(find(stream, "deadlines", name)) for name in ("met", "missed"))
    if met is None or missed is None or not met + missed:
        return ""
    return f"; {number(missed)} of {plural(met + missed, 'deadline')} were missed"


def _fairness(run: Run) -> list[Finding]:
    """Return whether a tenant would have done better with a share of the fleet of its own."""
    numbers = fairness_numbers(run)
    return [Finding(f"{fairness_words(numbers)}.")] if len(numbers) > 1 else []


def overall(summary: Mapping[str, Any], kind: str) -> float | None:
    """Return `allocated` or `busy` of the fleet: the pools' by installed accelerators; None where one is unknown."""
    pools = (summary.get("pools") or {}).values()
    known = [(figure(find(pool, "accelerators")), figure(find(pool, "utilization", kind))) for pool in pools]
    weights = [size * value for size, value in known if size is not None and value is not None]
    total = sum(size for size, _ in known if size is not None)
    return sum(weights) / total if total and len(weights) == len(known) else None


def _utilization(summary: Mapping[str, Any]) -> list[Finding]:
    held, busy = overall(summary, "allocated"), overall(summary, "busy")
    if held is None or busy is None:
        return []
    return [Finding(f"Accelerators were held by a service or a job {share(held)} of the time, and busy {share(busy)}.")]


def _bill(run: Run) -> Finding:
    fleet = run.summary.get("fleet") or {}
    used, facility = energy(fleet.get("energy_kwh")), energy(fleet.get("facility_energy_kwh"))
    losses = f" ({facility} with cooling and losses)" if facility not in (used, UNKNOWN) else ""
    carbon = mass(fleet.get("carbon_kg"))
    emitted = "emissions are unknown" if carbon == UNKNOWN else f"emissions are {carbon} CO2e"
    return Finding(f"Accelerators and hosts used {used}{losses}; {_cost(run)}; {emitted}.")


def _cost(run: Run) -> str:
    fleet, pools = run.summary.get("fleet") or {}, resolved(run).get("pools") or {}
    if fleet.get("cost_usd") is not None:
        return f"the bill is {money(fleet['cost_usd'])}, {money(fleet.get('cost_usd_per_h'))} an hour"
    unpriced = [name for name in pools if find(pools, name, "price") is None]
    return f"the cost is unknown: {listed(unpriced)} without a price" if unpriced else "the cost is unknown"


def _audit(summary: Mapping[str, Any]) -> Finding:
    laws = summary.get("audit") or []
    broken = [law for law in laws if not law.get("holds")]
    if not laws:
        return Finding("No law of conservation was checked on this run.")
    if broken:
        return Finding(f"{plural(len(broken), 'law')} of the audit are broken: do not rely on these figures.", "bad")
    return Finding(
        f"The audit found all {plural(len(laws), 'law')} to hold (requests, waiting, energy: see Audit).", "good"
    )


def tiles(run: Run) -> list[Tile]:
    """Return the figures at the head of the page; what the run did not have is left out."""
    summary = run.summary
    fleet = summary.get("fleet") or {}
    return [
        *_service_tiles(run),
        *_training_tiles(summary),
        _busy_tile(summary),
        _energy_tile(summary),
        _known(summary, "cost_usd", money, "cost", f"{money(fleet.get('cost_usd_per_h'))} an hour"),
        _known(summary, "carbon_kg", mass, "carbon (CO2e)", ""),
    ]


def _busy_tile(summary: Mapping[str, Any]) -> Tile:
    pools = list(summary.get("pools") or {})
    within = interval_words(summary, "pools", pools[0], "utilization", "busy") if len(pools) == 1 else ""
    held = f"{share(overall(summary, 'allocated'))} held"
    return Tile(share(overall(summary, "busy")), "accelerators busy", held, within)


def _energy_tile(summary: Mapping[str, Any]) -> Tile:
    used, facility = (energy(find(summary, "fleet", key)) for key in ("energy_kwh", "facility_energy_kwh"))
    if facility in (used, UNKNOWN):
        return _known(summary, "energy_kwh", energy, "energy", "")
    return _known(summary, "facility_energy_kwh", energy, "energy with the facility", f"{used} before PUE")


def _known(summary: Mapping[str, Any], key: str, show: Callable[[Any], str], label: str, remark: str) -> Tile:
    value = show(find(summary, "fleet", key))
    if value == UNKNOWN:
        return Tile("unknown", label)
    return Tile(value, label, remark, interval_words(summary, "fleet", key))


def _service_tiles(run: Run) -> list[Tile]:
    services = run.summary.get("services") or {}
    if not services:
        return []
    counts = [figure(find(service, "requests", "completed")) for service in services.values()]
    completed = sum(count for count in counts if count is not None) if None not in counts else None
    many = replications(run)
    counted = plural(len(services), "service") + (", mean of a replication" if many > 1 else "")
    shown = [Tile(number(completed), "requests completed", counted)]
    promised = [each for each in _promises(run) if limits(run, *each)]
    judged = [each for each in promised if find(services, *each, "slo", "attainment") is not None]
    if judged:
        attained = share(find(services, *judged[0], "slo", "attainment"))
        within = interval_words(run.summary, "services", *judged[0], "slo", "attainment")
        remark = f"{judged[0][-1]}; {asked(_target(run, judged[0]))} asked for"
        shown.append(Tile(attained, "within limits", remark, within))
    return shown


def _training_tiles(summary: Mapping[str, Any]) -> list[Tile]:
    streams = summary.get("training") or {}
    if not streams:
        return []
    worst = max(streams, key=lambda name: figure(find(streams, name, "queueing_s", "mean")) or 0.0)
    within = interval_words(summary, "training", worst, "queueing_s", "mean")
    return [Tile(duration(find(streams, worst, "queueing_s", "mean")), "mean wait of a job", worst, within)]
