"""The FLOPs that services achieve, over the peak of the accelerators."""

from typing import TYPE_CHECKING

from sim.accounts import Accounts
from sim.hardware.tables import GenerativeReplica, SinglePassReplica
from sim.serving.summary import classes_of

if TYPE_CHECKING:
    from sim.results import Run


def compute_utilization(run: "Run", accounts: Accounts, pool: str) -> float | None:
    """FLOPs that services achieved over the pool's peak; None where jobs ran, whose FLOPs a duration does not tell.

    A token counts with the parameters that it meets, attention left out. None too where nothing is computed.
    """
    scenario = run.prepared.scenario
    if accounts.share(pool, scenario.training) > 0.0:
        return None
    achieved = peak = 0.0
    passed = (run.closing.passed - run.opening.passed).tolist()
    for (service, where, replica), number in zip(_laws(run), passed, strict=True):
        if where == pool:
            achieved += _flops(run, service, replica, number)
            peak = max(peak, replica.peak_flops / replica.accelerators)
    size = scenario.pools[pool].accelerators
    return achieved / (peak * size * accounts.window) if peak and achieved else None


def _laws(run: "Run") -> list[tuple[str, str, GenerativeReplica | SinglePassReplica]]:
    """The service, the pool and the laws of each replica, in the order of the request plane."""
    found = []
    for (service, group), slots in run.prepared.slots.items():
        laws = {each.pool: each.replica for each in run.prepared.replicas[service] if each.group == group}
        found += [(service, slot.pool, laws[slot.pool]) for slot in slots]
    return found


def _flops(run: "Run", service: str, replica: GenerativeReplica | SinglePassReplica, passed: int) -> float:
    """FLOPs of what a replica has computed. Where models share replicas, each has its part of all that was finished."""
    if isinstance(replica, GenerativeReplica):
        return passed * replica.flops_per_token
    if not replica.others:
        return passed * replica.flops_per_pass
    index = list(run.prepared.scenario.services).index(service)
    finished = run.closing.classes["finished"] - run.opening.classes["finished"]
    laws, classes = (replica, *replica.others), run.request_plane.services[index].classes
    rows = classes_of(run.request_plane.plane, index)
    whole = sum(float(finished[row]) * laws[each.model].flops_per_pass for row, each in zip(rows, classes, strict=True))
    return whole / len(run.prepared.slots[service, ""])
