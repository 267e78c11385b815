"""Which policies there are, by seam and name, without importing any of them.

A built-in name stands for an import string; a user's own class is written `package.module:Class` and needs no entry
here.
"""

import importlib
import inspect
from collections.abc import Mapping
from typing import Any


class PolicyError(ValueError):
    """A policy cannot be had, or does not take the options given."""


BUILT_IN: Mapping[str, Mapping[str, str]] = {
    "scheduling": {
        "fifo": "sim.policies.scheduling:Fifo",
        "fifo_first_fit": "sim.policies.scheduling:FifoFirstFit",
    },
    "placement": {
        "first_fit": "sim.policies.placement:FirstFit",
        "best_fit": "sim.policies.placement:BestFit",
    },
    "sharing": {"static": "sim.policies.sharing:Static"},
    "power": {"none": "sim.policies.power:Uncapped"},
    "routing": dict.fromkeys(
        ("central_queue", "round_robin", "random", "least_outstanding", "power_of_two"), "sim.serving.layout:ROUTING"
    ),
}
LATER: Mapping[str, frozenset[str]] = {
    "scheduling": frozenset(
        {
            "sjf",
            "srtf",
            "srsf",
            "las",
            "priority",
            "easy_backfill",
            "conservative_backfill",
            "fair_share",
            "max_min_heterogeneous",
            "goodput_elastic",
        }
    ),
    "placement": frozenset({"spread", "pack_by_rack", "cheapest", "most_efficient"}),
    "sharing": frozenset({"inference_first", "training_first", "loaning", "windows"}),
    "power": frozenset({"cap", "budget", "sleep_when_idle", "carbon_aware"}),
    "routing": frozenset({"least_work", "weighted"}),
}


def resolve(seam: str, name: str, options: Mapping[str, Any]) -> Any:
    """Return a policy of a seam, built with its options. Raises PolicyError."""
    reference = BUILT_IN[seam].get(name, name)
    module, _, attribute = reference.partition(":")
    try:
        factory = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise PolicyError(f"{seam} policy `{name}` cannot be imported: {error}") from error
    try:
        inspect.signature(factory).bind(**options)
    except TypeError as error:
        raise PolicyError(f"{seam} policy `{name}`: {error}; it takes {inspect.signature(factory)}") from error
    return factory(**options)
