"""A replica is brought forward step by step: what it does ends, then it is dispatched, and begins the next thing."""

from typing import Any

from sim.serving.compiler import entry, helper, is_full
from sim.serving.completion import let_go
from sim.serving.continuous import dispatch_continuous
from sim.serving.counting import pass_running
from sim.serving.decode import end_decode
from sim.serving.idle_set import become_idle
from sim.serving.layout import DECODE, PASS, PREFILL, SWAP, SWITCH
from sim.serving.preemption import end_swap
from sim.serving.prefill import end_prefill
from sim.serving.ready_set import takes_no_more
from sim.serving.single_pass import dispatch_single_pass, end_pass
from sim.serving.steps import note_step
from sim.serving.switching import dispatch_shared, end_switch


@helper
def interrupted(clock: Any) -> bool:
    """Whether the caller must act before anything else can happen: make room, or take the time that it asked for."""
    return clock.rows > clock.row_limit or clock.events >= clock.budget or clock.batches_end > clock.batches_limit


@helper
def bring_forward(plane: Any, replica_index: int, until: float, dispatched: bool) -> bool:  # noqa: FBT001
    """Let everything happen to a replica that comes before `until`, and what ends at `until` itself.

    With `dispatched` it also begins its next step at `until`. False if it was interrupted, to be called again.
    """
    clock = plane.clock[0]
    replica = entry(plane.replicas, replica_index)
    while replica.due < until or (replica.due == until and (dispatched or not replica.marked)):
        if interrupted(clock):
            return False
        clock.events += 1
        now = replica.due
        if not replica.marked:
            end_step(plane, replica_index, now)
        if not replica.marked or (now == until and not dispatched):
            break
        dispatch(plane, replica_index, now)
        if now == until:
            break
    return True


@helper
def end_step(plane: Any, replica_index: int, now: float) -> None:
    """What a replica was doing ends. With nothing left to do it is idle at once, before this instant's arrivals."""
    replica = entry(plane.replicas, replica_index)
    pass_running(replica, now)
    note_step(plane, replica_index, now)
    if replica.state == DECODE:
        end_decode(plane, replica_index, now)
    elif replica.state == PREFILL:
        end_prefill(plane, replica_index, now)
    elif replica.state == PASS:
        end_pass(plane, replica_index, now)
    elif is_full(plane) and replica.state == SWAP:
        end_swap(plane, replica_index, now)
    elif is_full(plane) and replica.state == SWITCH:
        end_switch(plane, replica_index, now)
    if replica.batch > 0:
        let_go(plane, replica_index, now)
    if replica.members == 0 and not is_awaited(plane, replica_index):
        become_idle(plane, replica_index, now)
    else:
        replica.marked = 1


@helper
def is_awaited(plane: Any, replica_index: int) -> bool:
    """Whether somebody waits whom a replica might start."""
    replica = entry(plane.replicas, replica_index)
    central = plane.replicas.shape[0] + replica.service
    elsewhere = entry(plane.queues, central).length > 0 and not takes_no_more(plane, replica)
    return entry(plane.queues, replica_index).length > 0 or elsewhere


@helper
def dispatch(plane: Any, replica_index: int, now: float) -> None:
    """Let a replica begin its next step."""
    replica = entry(plane.replicas, replica_index)
    replica.marked = 0
    service = entry(plane.services, replica.service)
    if service.generative:
        dispatch_continuous(plane, replica_index, now)
    elif is_full(plane) and service.models > 1:
        dispatch_shared(plane, replica_index, now)
    else:
        dispatch_single_pass(plane, replica_index, now)
