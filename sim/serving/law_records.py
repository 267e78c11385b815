"""The laws of replicas as records: one for each model on each kind of hardware, and the tables that they refer to."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.hardware.tables import PIECES, GenerativeReplica, SinglePassReplica
from sim.serving import layout
from sim.serving.service_plan import ServicePlan


def law_records(services: Sequence[ServicePlan]) -> tuple[NDArray[Any], NDArray[Any]]:
    """The laws of all services, and the tables of their iterations and passes joined end to end."""
    found = [(plan, model) for plan in services for replica, _ in plan.laws for model in models_on(replica)]
    records = np.zeros(len(found), layout.LAW)
    table: list[NDArray[Any]] = [np.zeros(0, layout.PIECE)]
    for record, (plan, replica) in zip(records, found, strict=True):
        record["table"] = sum(map(len, table))
        record["constant_latency"], record["speed"] = plan.client_latency, replica.speed
        if isinstance(replica, GenerativeReplica):
            table.append(_iteration_pieces(replica))
            record["kv_capacity"] = whole_blocks(replica)
            record["swap_per_token"] = replica.swap_per_token
            record["constant_latency"] += replica.request_overhead
            for name, value in vars(replica.prefill).items():
                record[name] = value
        else:
            table.append(_pass_rows(replica))
            record["switch_time"] = replica.load_time
            record["switch_energy"] = replica.resident_power * replica.load_time
    return records, np.concatenate(table)


def models_on(replica: GenerativeReplica | SinglePassReplica) -> Sequence[GenerativeReplica | SinglePassReplica]:
    """The laws of a replica with each of the models that share it."""
    return (replica, *replica.others) if isinstance(replica, SinglePassReplica) else (replica,)


def whole_blocks(replica: GenerativeReplica) -> int:
    """Tokens of KV cache in the whole blocks of a replica."""
    return replica.kv_capacity // replica.block_size * replica.block_size


def _iteration_pieces(replica: GenerativeReplica) -> NDArray[Any]:
    table = replica.iteration
    rows = np.zeros(table.until.size, layout.PIECE)
    if table.until.shape[1] != PIECES:
        raise ValueError(f"an iteration has {PIECES} pieces, not {table.until.shape[1]}")
    for name in layout.PIECE.names or ():
        rows[name] = getattr(table, name).ravel()
    return rows


def _pass_rows(replica: SinglePassReplica) -> NDArray[Any]:
    rows = np.zeros(len(replica.latency), layout.PIECE)
    rows["time_fixed"], rows["energy_fixed"] = replica.latency, replica.energy
    return rows
