"""How pools were used, and what they drew, as the blocks of a summary."""

from typing import TYPE_CHECKING, Any

import numpy as np

from sim.accounts import Accounts
from sim.compute import compute_utilization
from sim.fleet.ledger import State
from sim.telemetry import pool_power

if TYPE_CHECKING:
    from sim.results import Run


def power_block(run: "Run", pools: list[str]) -> dict[str, Any]:
    """Mean, 99th percentile and peak of the watts that some pools draw, each a mean over a telemetry interval."""
    samples = run.window
    indices = [run.ledger.pools[name] for name in pools]
    elapsed = np.diff([sample.time for sample in samples])
    watts = pool_power(samples)[:, indices].sum(axis=1)
    order = np.argsort(watts)
    share = np.cumsum(elapsed[order]) / elapsed.sum()
    return {
        "mean": float((watts * elapsed).sum() / elapsed.sum()),
        "p99": float(watts[order][np.searchsorted(share, 0.99)]),
        "peak": float(watts.max()),
    }


def pool_summary(run: "Run", accounts: Accounts, name: str) -> dict[str, Any]:
    """How a pool was used."""
    scenario, everyone = run.prepared.scenario, list(run.ledger.owners)
    pool, bill = scenario.pools[name], accounts.of_pool(name)
    utilization = {
        "allocated": accounts.share(name, accounts.holders),
        "busy": accounts.share(name, everyone, State.BUSY),
        "serving": accounts.share(name, scenario.services),
        "training": accounts.share(name, scenario.training),
        "compute": compute_utilization(run, accounts, name),
    }
    availability = 1.0 - accounts.share(name, everyone, State.DOWN)
    index = run.ledger.pools[name]
    free, on_free_nodes, failures = (run.closing.pools[index] - run.opening.pools[index]).tolist()
    return {
        "accelerators": pool.accelerators,
        "nodes": pool.nodes,
        "utilization": utilization,
        "utilization_of_available": {use: _of_available(each, availability) for use, each in utilization.items()},
        "energy_kwh": bill.energy_kwh,
        "energy_kwh_by_state": accounts.energy_by_state(name),
        "host_energy_kwh": bill.host_energy_kwh,
        "power_w": power_block(run, [name]),
        "failures": int(failures),
        "availability": availability,
        "fragmentation": 1.0 - on_free_nodes / free if free else None,
    }


def _of_available(share: float | None, availability: float) -> float | None:
    """A share of all accelerator-time as one of that in which accelerators are up."""
    return None if share is None or availability == 0.0 else share / availability
