"""Tables of the fleet: how it was used, what it cost, what was assumed, and whether the laws held."""

from collections.abc import Mapping
from typing import Any

from analysis.report.elements import Table, said
from analysis.run_folder import Run, resolved
from analysis.wording import SPACE, UNKNOWN, duration, energy, exact, figure, find, mass, money, number, power, share

_PREFIXES = ((1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"))


def pools(summary: Mapping[str, Any]) -> Table:
    """Return how busy the accelerators of each pool were, and what they drew."""
    rows = [
        [
            name,
            number(find(pool, "accelerators")),
            *(share(find(pool, "utilization", key)) for key in ("allocated", "busy", "serving", "training", "compute")),
            *(power(find(pool, "power_w", key)) for key in ("mean", "p99", "peak")),
        ]
        for name, pool in (summary.get("pools") or {}).items()
    ]
    columns = ("pool", "accelerators", "held", "busy", "serving", "training", "compute", "power mean", "p99", "peak")
    return Table("Pools (shares of installed accelerators)", columns, rows)


def bill(summary: Mapping[str, Any]) -> Table:
    """Return accelerator hours, energy, cost and carbon of inference, training and the whole fleet."""
    rows = [
        [
            name,
            number(find(phase, "accelerator_hours")),
            energy(find(phase, "energy_kwh")),
            money(find(phase, "cost_usd")),
            mass(find(phase, "carbon_kg")),
        ]
        for name, phase in (summary.get("phases") or {}).items()
    ]
    fleet = summary.get("fleet") or {}
    whole = [energy(fleet.get("energy_kwh")), money(fleet.get("cost_usd")), mass(fleet.get("carbon_kg"))]
    return Table(
        "Where it went", ("", "accelerator hours", "energy", "cost", "carbon"), [*rows, ["fleet", UNKNOWN, *whole]]
    )


def parts(summary: Mapping[str, Any]) -> Table:
    """Return what cost and carbon are made of."""
    cost, carbon = (find(summary, "fleet", key) or {} for key in ("cost_usd_by", "carbon_kg_by"))
    rows = [[f"cost of {name}", money(value)] for name, value in cost.items()]
    return Table(
        "Parts of cost and carbon", ("", ""), rows + [[f"{name} carbon", mass(value)] for name, value in carbon.items()]
    )


def sites(summary: Mapping[str, Any]) -> Table:
    """Return energy, power, cost and carbon of each site."""
    rows = [
        [
            name,
            energy(find(site, "facility_energy_kwh")),
            *(power(find(site, "power_w", key)) for key in ("mean", "p99", "peak")),
            money(find(site, "cost_usd")),
            mass(find(site, "carbon_kg")),
        ]
        for name, site in (summary.get("sites") or {}).items()
    ]
    return Table("Sites (with PUE)", ("site", "energy", "power mean", "p99", "peak", "cost", "carbon"), rows)


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
    keys = ("model", "precision", "pools", "parallelism", "replicas", "batching", "routing")
    rows = [[name, *(said(find(service, key)) for key in keys)] for name, service in services.items()]
    return Table("Services", ("service", *keys), rows, 1 + len(keys))


def policy(run: Run) -> Table:
    """Return the policies that decided."""
    policies = resolved(run).get("policies") or {}
    return Table("Policies", ("decides", "policy"), [[name, said(policy)] for name, policy in policies.items()], 2)


def assumptions(summary: Mapping[str, Any]) -> Table:
    """Return each figure of the catalog that was in effect, with its source."""
    rows = [
        [
            *(said(fact.get(key)) for key in ("name", "figure")),
            _figure(fact.get("value"), fact.get("unit") or ""),
            _range(fact.get("low"), fact.get("high"), fact.get("unit") or ""),
            *(said(fact.get(key)) for key in ("basis", "date", "source")),
        ]
        for fact in summary.get("assumptions") or []
    ]
    columns = ("of", "figure", "value", "low to high", "basis", "date", "source")
    return Table("Figures from the catalog that were in effect", columns, rows, len(columns))


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
    rows = [
        ["to run it again", f"fleetsim run scenario.yaml --seed {said(run.get('seed'))}"],
        ["seed", said(run.get("seed"))],
        ["simulated second 0", said(run.get("start"))],
        ["resolved scenario (SHA-256)", said(run.get("scenario_sha256"))],
        ["files that the scenario names (SHA-256)", said(run.get("inputs_sha256"))],
        ["versions", said(run.get("versions"))],
        ["decisions", number(run.get("decisions"))],
        ["time the run took", duration(run.get("wall_s"))],
        ["requests simulated per second", number(run.get("requests_per_wall_s"))],
    ]
    return Table("This run", ("", ""), rows, 2)
