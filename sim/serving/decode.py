"""Decode: the running batch computes a token for each of its sequences, iteration by iteration."""

from typing import Any

from sim.hardware.tables import PIECES
from sim.serving.batch_heap import next_finish
from sim.serving.compiler import entry, helper
from sim.serving.event_heap import keep_in_order
from sim.serving.kv_cache import grows, iterations_with_room, overflows
from sim.serving.layout import DECODE
from sim.serving.segment import end_of, energy_of, growth, piece_at
from sim.serving.token_gaps import count_gaps


@helper
def begin_decode(plane: Any, replica_index: int, now: float) -> None:
    """Set a new anchor: the batch has changed, or its iterations go on under another law."""
    replica = entry(plane.replicas, replica_index)
    replica.anchor = now
    replica.base = replica.tokens
    replica.iterations += replica.steps
    replica.steps = 0
    replica.counted = 0
    replica.changed = 0
    replica.accounted = 0.0
    replica.row = piece_at(plane.pieces, entry(plane.laws, replica.law).table + replica.batch * PIECES, replica.tokens)


@helper
def decode(plane: Any, replica_index: int, now: float) -> None:
    """Run the batch to its next completion, to where another piece of the law holds, or to where the cache is full."""
    replica = entry(plane.replicas, replica_index)
    service = entry(plane.services, replica.service)
    if replica.changed or replica.state != DECODE or replica.tokens >= entry(plane.pieces, replica.row).until:
        begin_decode(plane, replica_index, now)
    replica.state = DECODE
    replica.busy_since = now
    piece = entry(plane.pieces, replica.row)
    replica.planned = next_finish(plane, replica) - replica.iterations
    if replica.base + replica.batch * replica.planned > piece.until:
        replica.planned = (piece.until - replica.base + replica.batch - 1) // replica.batch
    further = replica.planned - replica.steps
    if grows(service) and overflows(plane, replica, service, further - 1):
        law = entry(plane.laws, replica.law)
        replica.planned = replica.steps + iterations_with_room(
            plane.batches, plane.requests, replica, law.kv_capacity, service.block_size, further - 1
        )
    replica.due = end_of(replica, piece, replica.planned)


@helper
def end_decode(plane: Any, replica_index: int, now: float) -> None:
    """The planned iterations are done."""
    replica = entry(plane.replicas, replica_index)
    service = entry(plane.services, replica.service)
    piece = entry(plane.pieces, replica.row)
    count_iterations(plane, replica_index, piece, replica.planned, now)
    drawn = energy_of(replica, piece, replica.planned)
    replica.joules_decode += drawn - replica.accounted
    replica.accounted = drawn
    if grows(service):
        replica.kv_held += replica.batch * (replica.planned - replica.steps)
    replica.grown = 0.0
    replica.busy_decode += now - replica.busy_since
    replica.busy_since = now
    replica.steps = replica.planned
    replica.tokens = replica.base + replica.batch * replica.steps


@helper
def count_iterations(plane: Any, replica_index: int, piece: Any, iteration: int, now: float) -> None:
    """Count the iterations of a segment up to this one, the last that has ended, and what they have held until now."""
    replica = entry(plane.replicas, replica_index)
    new = iteration - replica.counted
    replica.batches += new
    replica.batched += new * replica.batch
    if grows(entry(plane.services, replica.service)):
        grown = growth(replica, piece, iteration, now)
        replica.kv_area += grown - replica.grown
        replica.grown = grown
    count_gaps(plane, replica_index, piece, iteration)


@helper
def stop_after(plane: Any, replica_index: int, iteration: int, end: float) -> None:
    """Come back at the end of an iteration: somebody waits whom the replica has room for."""
    replica = entry(plane.replicas, replica_index)
    replica.planned, replica.due = iteration, end
    keep_in_order(plane, replica_index)
