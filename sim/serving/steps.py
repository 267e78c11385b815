"""The steps of replicas, written down for a timeline: prefills, decode iterations, passes, swaps and switches."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.serving import layout
from sim.serving.compiler import entry, full_helper, helper
from sim.serving.layout import DECODE, PASS, PREFILL, SWAP, SWITCH
from sim.serving.segment import end_of

REPLICAS = 64
"""Of each service, the first: more tracks than anybody reads."""


@full_helper(inlined=True)
def note_step(plane: Any, replica_index: int, now: float) -> None:
    """The step of a replica ends; it is written down where steps are asked for."""
    if plane.steps.shape[0] > 0:
        write_step(plane, replica_index, now)


@full_helper()
def write_step(plane: Any, replica_index: int, now: float) -> None:
    """Write down the step of a replica that ends."""
    clock = plane.clock[0]
    replica = entry(plane.replicas, replica_index)
    number = replica_index - entry(plane.services, replica.service).first_replica
    if replica.state < PREFILL or replica.state > SWITCH or number >= REPLICAS:
        return
    start = step_began(plane, replica)
    if now <= clock.steps_from or start >= clock.steps_until:
        return
    step = entry(plane.steps, clock.steps)
    clock.steps += 1
    step.replica = replica_index
    step.state = replica.state
    step.start = start
    step.end = now
    step.batch = replica.members if replica.state in (PASS, SWITCH) else replica.batch
    step.iterations = replica.planned - replica.steps if replica.state == DECODE else 0
    step.started = replica.members - replica.batch if replica.state == PREFILL else 0
    step.tokens = replica.prefill_tokens if replica.state == PREFILL else replica.batch * step.iterations


@helper
def step_began(plane: Any, replica: Any) -> float:
    """The instant at which the step that ends began; of a segment, what follows the iterations already done."""
    if replica.state == DECODE:
        return end_of(replica, entry(plane.pieces, replica.row), replica.steps)
    return replica.anchor


def steps_under_way(plane: layout.Plane) -> NDArray[Any]:
    """The steps that have not ended, up to where the plane stands; they count no tokens."""
    replicas, clock = plane.replicas, plane.clock[0]
    numbers = np.arange(len(replicas)) - plane.services["first_replica"][replicas["service"]]
    busy = np.isin(replicas["state"], (PREFILL, DECODE, PASS, SWAP, SWITCH))
    busy &= (replicas["marked"] == 0) & (numbers < REPLICAS)
    mine = replicas[busy]
    steps = np.zeros(len(mine), layout.STEP)
    steps["replica"], steps["state"] = np.flatnonzero(busy), mine["state"]
    steps["batch"] = np.where(np.isin(mine["state"], (PASS, SWITCH)), mine["members"], mine["batch"])
    steps["start"] = [_decode_began(plane, each) if each["state"] == DECODE else each["anchor"] for each in mine]
    steps["end"] = clock["now"]
    return steps[(steps["end"] > clock["steps_from"]) & (steps["start"] < clock["steps_until"])]


def _decode_began(plane: layout.Plane, replica: Any) -> float:
    """As `step_began` says, by the expression of `segment.end_of`."""
    piece, done = plane.pieces[replica["row"]], float(replica["steps"])
    read = done * replica["base"] + replica["batch"] * (done * (done - 1.0) * 0.5)
    return float(replica["anchor"] + (done * piece["time_fixed"] + piece["time_per_token"] * read))
