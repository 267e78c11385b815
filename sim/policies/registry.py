"""Which policies there are, by seam and name, without importing any of them.

A built-in name stands for an import string, a routing rule for what it does; a user's own class is written
`package.module:Class` and needs no entry here.
"""

import importlib
import inspect
import math
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Any, cast, get_args

from sim.policies import protocols


class PolicyError(ValueError):
    """A policy cannot be had, or does not take the options given."""


ROUTING: Mapping[str, str] = {
    "central_queue": "Requests wait in one queue, and the next replica with room takes its head.",
    "round_robin": "Each replica in turn.",
    "random": "Any replica, all with the same probability.",
    "least_outstanding": "The replica with the fewest requests waiting or running.",
    "power_of_two": "Of two replicas drawn at random, the one with fewer requests waiting or running.",
    "least_work": "The replica with the fewest tokens to come; of single-pass models the one that is free first.",
    "weighted": "The replica with the fewest requests waiting or running for its speed.",
}
"""What the rules do that send requests to replicas; they are compiled with the request plane."""
BUILT_IN: Mapping[str, Mapping[str, str]] = {
    "scheduling": {
        "fifo": "sim.policies.scheduling:Fifo",
        "fifo_first_fit": "sim.policies.scheduling:FifoFirstFit",
        "sjf": "sim.policies.scheduling:Sjf",
        "srtf": "sim.policies.scheduling:Srtf",
        "srsf": "sim.policies.scheduling:Srsf",
        "las": "sim.policies.least_attained:Las",
        "priority": "sim.policies.scheduling:Priority",
        "easy_backfill": "sim.policies.backfill:EasyBackfill",
        "conservative_backfill": "sim.policies.conservative:ConservativeBackfill",
        "fair_share": "sim.policies.fair_share:FairShare",
        "max_min_heterogeneous": "sim.policies.max_min:MaxMinHeterogeneous",
        "goodput_elastic": "sim.policies.elastic:GoodputElastic",
    },
    "placement": {
        "first_fit": "sim.policies.placement:FirstFit",
        "best_fit": "sim.policies.placement:BestFit",
        "spread": "sim.policies.placement:Spread",
        "pack_by_rack": "sim.policies.placement:PackByRack",
        "cheapest": "sim.policies.placement:Cheapest",
        "most_efficient": "sim.policies.placement:MostEfficient",
    },
    "sharing": {"static": "sim.policies.sharing:Static"},
    "power": {"none": "sim.policies.power:Uncapped"},
    "routing": ROUTING,
}
LATER: Mapping[str, frozenset[str]] = {
    "scheduling": frozenset(),
    "placement": frozenset(),
    "sharing": frozenset({"inference_first", "training_first", "loaning", "windows"}),
    "power": frozenset({"cap", "budget", "sleep_when_idle", "carbon_aware"}),
}


_PROTOCOLS: Mapping[str, type] = {
    "scheduling": protocols.Ordering,
    "placement": protocols.Placement,
    "sharing": protocols.Sharing,
    "power": protocols.Power,
}
_OWN = frozenset({"scheduling", "placement"})
"""Seams that take a user's own class."""


def description(seam: str, name: str) -> str:
    """Return what a built-in policy does, in one line."""
    if seam == "routing":
        return ROUTING[name]
    text = inspect.getdoc(_load(seam, BUILT_IN[seam][name], None)) or ""
    return text.partition("\n")[0]


def resolve(seam: str, name: str, options: Mapping[str, Any], folder: Path | None = None) -> Any:
    """Return a policy of a seam, built with its options. Raises PolicyError.

    A user's own class may come from a module in `folder`.
    """
    own = name not in BUILT_IN[seam]
    if own:
        _check_open(seam)
    factory = _load(seam, name, folder) if own else _load(seam, BUILT_IN[seam][name], None)
    try:
        signature = inspect.signature(factory)
        signature.bind(**options)
    except (TypeError, ValueError) as error:
        raise PolicyError(f"{seam} policy `{name}`: {error}; {_options(factory)}") from error
    for option, value in options.items():
        parameter = signature.parameters.get(option)
        if parameter is not None and parameter.annotation in (bool, "bool") and not isinstance(value, bool):
            raise PolicyError(f"{seam} policy `{name}`: `{option}` is true or false, not {value}")
    try:
        policy = factory(**options)
    except Exception as error:
        raise PolicyError(f"{seam} policy `{name}` refuses its options: {_said(error)}") from error
    if own:
        _check(seam, name, policy)
    return policy


def check(seam: str, policy: Any) -> None:
    """Refuse an instance of a user's own that would be ignored, or lacks a part of its protocol. Raises PolicyError."""
    _check_open(seam)
    _check(seam, type(policy).__name__, policy)


def own_function(seam: str, name: str, folder: Path | None) -> Callable[..., Any]:
    """Return a function of a user's own (`package.module:function`), which may lie in `folder`. Raises PolicyError."""
    found: Any = _load(seam, name, folder)
    if not callable(found) or isinstance(found, type):
        raise PolicyError(f"{seam} policy `{name}` is not a function")
    return cast("Callable[..., Any]", found)


def _check_open(seam: str) -> None:
    if seam not in _OWN:
        raise PolicyError(f"a policy of one's own for {seam} arrives in a later version")


def _load(seam: str, name: str, folder: Path | None) -> Any:
    module, _, attribute = name.partition(":")
    try:
        with _on_import_path(folder, module):
            return getattr(importlib.import_module(module), attribute)
    except Exception as error:
        raise PolicyError(f"{seam} policy `{name}` cannot be imported: {_said(error)}") from error


@contextmanager
def _on_import_path(folder: Path | None, module: str) -> Iterator[None]:
    """Let a module be found in a folder; one of the same name from elsewhere must not pass for it."""
    if folder is None:
        yield
        return
    place, top = str(folder.resolve()), module.partition(".")[0]
    importlib.invalidate_caches()
    found, loaded = PathFinder.find_spec(top, [place]), getattr(sys.modules.get(top), "__file__", None)
    if found and found.origin and loaded and Path(loaded).resolve() != Path(found.origin).resolve():
        raise PolicyError(f"another module `{top}` is loaded already; {found.origin} needs another name")
    sys.path.insert(0, place)
    try:
        yield
    finally:
        sys.path.remove(place)


def _check(seam: str, name: str, policy: Any) -> None:
    """Refuse what lacks a part of its seam's protocol."""
    protocol = protocols.Scheduling if hasattr(policy, "decide") else _PROTOCOLS[seam]
    parts = [part for part in (*protocol.__annotations__, *vars(protocol)) if not part.startswith("_")]
    missing = [f"`{part}`" for part in parts if not hasattr(policy, part)]
    if missing:
        raise PolicyError(f"{seam} policy `{name}` lacks {', '.join(missing)}")
    if seam == "scheduling" and policy.sees not in get_args(protocols.Sees):
        raise PolicyError(f"{seam} policy `{name}` sees {policy.sees!r}: one of {', '.join(get_args(protocols.Sees))}")
    interval = policy.interval if protocol is protocols.Scheduling else None
    if interval is not None and not (isinstance(interval, float | int) and 0 < interval < math.inf):
        raise PolicyError(f"{seam} policy `{name}` has an `interval` of {interval!r}: seconds above 0, or None")


def _options(factory: Any) -> str:
    try:
        parameters = [str(each) for each in inspect.signature(factory).parameters.values()]
    except (TypeError, ValueError):
        return "it cannot be called"
    return f"its options are {', '.join(parameters)}" if parameters else "it takes no options"


def _said(error: Exception) -> str:
    return str(error) if isinstance(error, PolicyError | ImportError) else f"{type(error).__name__}: {error}"
