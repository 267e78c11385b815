"""Tables of the fleet: how it was used, what it cost, what was assumed, and whether the laws held."""

from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from analysis.quantities import worded
from analysis.report.elements import Cell, Table, said
from analysis.report.estimates import estimate, thin_note
from analysis.run_folder import Run, resolved
from analysis.wording import SPACE, UNKNOWN, exact, figure, find, number

NOTHING_READ = sha256().hexdigest()
_PREFIXES = ((1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"))


def pools(summary: Mapping[str, Any]) -> Table:
    """Return how busy the accelerators of each pool were, and what they drew."""
    shares = ("allocated", "busy", "serving", "training", "compute")
    rows: list[list[str | Cell]] = [
        [
            name,
            number(find(pool, "accelerators")),
            *(estimate(summary, "pools", name, "utilization", key) for key in shares),
            *(estimate(summary, "pools", name, "power_w", key) for key in ("mean", "p99", "peak")),
        ]
        for name, pool in (summary.get("pools") or {}).items()
    ]
    columns = ("pool", "accelerators", "held", "busy", "serving", "training", "compute", "power mean", "p99", "peak")
    return Table("Pools (shares of installed accelerators)", columns, rows, note=thin_note(rows))


def bill(summary: Mapping[str, Any]) -> Table:
    """Return accelerator hours, energy, cost and carbon of inference, training, what nobody held, and the fleet."""
    phases = summary.get("phases") or {}
    whole = {"accelerator_hours": _hours(summary), **(summary.get("fleet") or {})}
    rest = {key: _rest(whole.get(key), [find(phase, key) for phase in phases.values()]) for key in _BILLED}
    rows = [
        *([name, *(estimate(summary, "phases", name, key) for key in _BILLED)] for name in phases),
        ["unassigned", *(worded(f"fleet.{key}", rest[key]) for key in _BILLED)],
        ["fleet", number(whole["accelerator_hours"]), *(estimate(summary, "fleet", key) for key in _BILLED[1:])],
    ]
    return Table("Where it went", ("", "accelerator hours", "energy", "cost", "carbon"), rows, note=thin_note(rows))


_BILLED = ("accelerator_hours", "energy_kwh", "cost_usd", "carbon_kg")


def _hours(summary: Mapping[str, Any]) -> float | None:
    """Return the accelerator hours of the counted interval."""
    size, horizon = figure(find(summary, "fleet", "accelerators")), figure(find(summary, "run", "horizon_s"))
    warmup = figure(find(summary, "run", "warmup_s")) or 0.0
    return None if size is None or horizon is None else size * (horizon - warmup) / 3600


def _rest(total: Any, parts: list[Any]) -> float | None:
    """Return what the parts leave of a total, None where one of them is unknown; rounding counts as nothing."""
    whole, known = figure(total), [figure(part) for part in parts]
    if whole is None or None in known:
        return None
    rest = whole - sum(part for part in known if part is not None)
    return rest if abs(rest) > 1e-9 * abs(whole) else 0.0


def parts(summary: Mapping[str, Any]) -> Table:
    """Return what cost and carbon are made of."""
    cost, carbon = (find(summary, "fleet", key) or {} for key in ("cost_usd_by", "carbon_kg_by"))
    rows = [
        *([f"cost of {name}", estimate(summary, "fleet", "cost_usd_by", name)] for name in cost),
        *([f"{name} carbon", estimate(summary, "fleet", "carbon_kg_by", name)] for name in carbon),
    ]
    return Table("Parts of cost and carbon", ("", ""), rows, note=thin_note(rows))


def sites(summary: Mapping[str, Any]) -> Table:
    """Return energy, power, cost and carbon of each site."""
    keys = (
        ("facility_energy_kwh",),
        *(("power_w", key) for key in ("mean", "p99", "peak")),
        ("cost_usd",),
        ("carbon_kg",),
    )
    rows = [[name, *(estimate(summary, "sites", name, *key) for key in keys)] for name in summary.get("sites") or {}]
    columns = ("site", "energy", "power mean", "p99", "peak", "cost", "carbon")
    return Table("Sites (with PUE)", columns, rows, note=thin_note(rows))


def fleet(run: Run) -> Table:
    """Return the pools as they were described."""
    pools = resolved(run).get("pools") or {}
    rows = [
        [
            name,
            said(find(pools, name, "accelerator")),
            said(find(pools, name, "site")),
            number(find(pool, "nodes")),
            said(find(pools, name, "accelerators_per_node")),
            number(find(pool, "accelerators")),
            said(find(pools, name, "price")),
        ]
        for name, pool in (run.summary.get("pools") or {}).items()
    ]
    return Table("Pools", ("pool", "accelerator", "site", "nodes", "per node", "accelerators", "price of one"), rows, 3)


def setup(run: Run) -> Table:
    """Return the services as they were described."""
    services = resolved(run).get("services") or {}
    keys: tuple[str, ...] = ("model", "precision", "pools", "parallelism", "replicas", "batching", "routing")
    if any(service.get("switching") for service in services.values()):
        keys = (*keys, "switching")
    if any(service.get("kv_cache") for service in services.values()):
        keys = (*keys, "kv_cache")
    rows = [
        [said_name, _models(whole), *(_setting(find(whole, key)) for key in keys[1:])]
        for name, service in services.items()
        for said_name, whole in _groups(name, service)
    ]
    return Table("Services", ("service", *keys), rows, 1 + len(keys))


def _models(service: Mapping[str, Any]) -> str:
    """Return the models of a service, that of a class after the class."""
    requests = service.get("requests") or {}
    own = {name: each["model"] for name, each in requests.items() if isinstance(each, Mapping) and each.get("model")}
    return ", ".join([said(service.get("model")), *(f"{name}: {said(model)}" for name, model in own.items())])


def _groups(name: str, service: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    """Return a service, or each of its groups of replicas, with what the service says for both."""
    groups = service.get("groups") or {}
    if not groups:
        return [(name, service)]
    return [(f"{name}, {group}", {**service, **groups[group]}) for group in ("prefill", "decode")]


def _setting(value: Any) -> str:
    """Return what stands in the scenario; a number of replicas that cannot change is said once."""
    if isinstance(value, Mapping) and value.keys() == {"initial", "min", "max"} and len(set(value.values())) == 1:
        return said(value["initial"])
    return said(value)


def policy(run: Run) -> Table:
    """Return the policies that decided."""
    policies = resolved(run).get("policies") or {}
    return Table("Policies", ("decides", "policy"), [[name, said(policy)] for name, policy in policies.items()], 2)


def assumptions(summary: Mapping[str, Any]) -> list[Table]:
    """Return the figures of the catalog that were in effect, with their sources: a table for each row of it."""
    facts: dict[str, list[Mapping[str, Any]]] = {}
    for fact in summary.get("assumptions") or []:
        facts.setdefault(said(fact.get("name")), []).append(fact)
    columns = ("figure", "value", "low to high", "basis", "source")
    return [
        Table(f"Figures of {name}", columns, [_fact(fact) for fact in own], len(columns)) for name, own in facts.items()
    ]


def _fact(fact: Mapping[str, Any]) -> list[str]:
    unit = fact.get("unit") or ""
    return [
        said(fact.get("figure")).replace("_", " ").replace(".", ", "),
        _figure(fact.get("value"), unit),
        _range(fact.get("low"), fact.get("high"), unit),
        said(fact.get("basis")),
        ", ".join(said(fact[key]) for key in ("source", "date") if fact.get(key)) or UNKNOWN,
    ]


def _figure(value: Any, unit: str) -> str:
    """Return a figure of the catalog with its unit, large ones with a prefix."""
    known = figure(value)
    if known is None:
        return said(value)
    size, prefix = next((step for step in _PREFIXES if abs(known) >= step[0] and unit), (1.0, ""))
    return f"{exact(known / size, 6)}{SPACE}{prefix}{unit}".strip()


def _range(low: Any, high: Any, unit: str) -> str:
    return UNKNOWN if low is None and high is None else f"{_figure(low, unit)} to {_figure(high, unit)}"


def audit(summary: Mapping[str, Any]) -> Table:
    """Return the laws that were checked, the broken ones first."""
    rows = [
        [
            said(law.get("law")),
            said(law.get("where")),
            "holds" if law.get("holds") else "BROKEN",
            exact(law.get("expected")),
            exact(law.get("found")),
        ]
        for law in sorted(summary.get("audit") or [], key=lambda law: bool(law.get("holds")))
    ]
    return Table("Laws", ("law", "where", "verdict", "expected", "found"), rows, 3)


def provenance(summary: Mapping[str, Any]) -> Table:
    """Return what it takes to run it again."""
    run = summary.get("run") or {}
    inputs = run.get("inputs_sha256") if run.get("inputs_sha256") != NOTHING_READ else None
    rows = [
        ["to run it again", f"fleetsim run scenario.yaml --seed {said(run.get('seed'))}{_replicated(run)}"],
        ["seed", said(run.get("seed"))],
        *([["replications", said(run["replications"])]] if run.get("replications") else []),
        ["simulated second 0", said(run.get("start"))],
        ["resolved scenario (SHA-256)", said(run.get("scenario_sha256"))],
        *([["files that it names (SHA-256)", said(inputs)]] if inputs else []),
        ["versions", said(run.get("versions"))],
        ["decisions", number(run.get("decisions"))],
    ]
    return Table("This run", ("", ""), rows, 2)


def _replicated(run: Mapping[str, Any]) -> str:
    return f" --replications {run['replications']}" if run.get("replications") else ""
