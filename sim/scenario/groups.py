"""Groups of replicas of a service: some prefill, others decode, and the KV cache is sent from one to the other."""

from collections.abc import Mapping
from typing import Any

from pydantic import Field, field_validator

from sim.scenario.base import Node, fail
from sim.scenario.quantities import Bandwidth, Duration
from sim.scenario.replica_group import ReplicaGroup

OF_A_GROUP = tuple(ReplicaGroup.model_fields)
"""Keys that stand with each group where a service has groups, and with the service where it has none."""


class KvTransfer(Node):
    """How the KV cache of a request gets from the replica that prefilled it to the one that decodes it."""

    bandwidth: Bandwidth | None = None
    """Of the link of a replica; None: of its accelerators' links to their hosts together."""
    latency: Duration = 0.0


class Groups(Node):
    """Replicas that prefill, and replicas that decode."""

    prefill: ReplicaGroup
    decode: ReplicaGroup
    kv_transfer: KvTransfer = Field(default_factory=KvTransfer)

    @field_validator("prefill", "decode")
    @classmethod
    def _check_routing(cls, group: ReplicaGroup) -> ReplicaGroup:
        if group.routing == "central_queue":
            fail("replicas of a group cannot share a queue: a cache is sent to one of them", "routing", "another rule")
        if group.replicas.change:
            fail("replicas of a group do not come and go", "replicas", "one number")
        return group


def pools_of_groups(groups: Any) -> list[str]:
    """The pools that the groups of a service name, as they stand in the file."""
    named: list[str] = []
    for name in ("prefill", "decode"):
        group = groups.get(name)
        pools = group.get("pools") if isinstance(group, Mapping) else None
        named += [pool for pool in pools if isinstance(pool, str)] if isinstance(pools, list | dict) else []
    return list(dict.fromkeys(named))
