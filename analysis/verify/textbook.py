"""Textbook servers: one unit of work takes a second, 60 W idle and 400 W busy."""

from collections.abc import Mapping, Sequence
from typing import Any

from analysis.verify.model import Figure, Model

IDLE, BUSY = 60.0, 400.0
"""Watts."""
SERVERS = {"server": {"kind": "gpu", "memory": "1 GB", "idle_power": f"{IDLE} W", "busy_power": f"{BUSY} W"}}
EXPONENTIAL = {"exponential": {"mean": 1}}
SERVICE = "services.s"
REQUESTS = 100_000
"""Arrivals in the window of one replication."""
WARMUP = 5000
"""Arrivals before it: some twelve times as long as what queues at these loads take to forget that they began empty."""


def queue(
    name: str,
    rate: float,
    *figures: Figure,
    servers: int = 1,
    arrivals: Mapping[str, Any] | None = None,
    work: Any = EXPONENTIAL,
    seconds: Sequence[float] = (1.0,),
    requests: float = REQUESTS,
    warmup: float = WARMUP,
    classes: Mapping[str, Any] | None = None,
    **options: Any,
) -> Model:
    """A service of `rate` requests a second; `seconds` are those of a batch of 1, 2, ...; `options` are its keys.

    `classes` of requests go before `arrivals` and `work`; their rates sum to `rate`.
    """
    latency = {"batch": list(range(1, len(seconds) + 1)), "seconds": list(seconds)}
    spread = {"process": "poisson", **(arrivals or {}), "rate": f"{rate!r}/s"}
    service = {
        "model": "unit",
        "pools": ["p"],
        "replicas": servers,
        "routing": "central_queue",
        "requests": classes or {"arrivals": spread, "work": work},
    }
    parts = {
        "accelerators": SERVERS,
        "models": {"unit": {"kind": "single_pass", "latency": latency}},
        "pools": {"p": {"accelerator": "server", "nodes": servers}},
        "services": {"s": service | options},
    }
    return Model(name, figures, parts, requests / rate, warmup / rate)


def wait(theory: float, path: str = f"{SERVICE}.queueing_s") -> Figure:
    """The mean wait (s)."""
    return Figure("mean wait, s", theory, f"{path}.mean")


def wait_over(limit: float, theory: float, path: str = f"{SERVICE}.queueing_s") -> Figure:
    """The share that waits longer than a limit (s)."""
    name = f"wait > {limit:.3g} s" if limit else "share that waits"
    return Figure(name, theory, path, limit=limit)


def response(theory: float, allowance: float | None = None) -> Figure:
    """The mean time from arrival to completion (s)."""
    figure = Figure("mean response, s", theory, f"{SERVICE}.e2e_s.mean")
    return figure if allowance is None else Figure(figure.name, theory, figure.path, allowance=allowance)


def share_of_requests(what: str, theory: float) -> Figure:
    """The share of requests that became of this: rejected, timed_out, abandoned."""
    path = f"{SERVICE}.requests"
    return Figure(what.replace("_", " "), theory, f"{path}.{what}", per=f"{path}.arrived")


def busy(theory: float) -> Figure:
    """The share of accelerator time in which work runs."""
    return Figure("busy share", theory, "pools.p.utilization.busy")


def batch(theory: float) -> Figure:
    """The mean batch."""
    return Figure("mean batch", theory, f"{SERVICE}.batch_size_mean")


def watts(theory: float) -> Figure:
    """Mean power (W)."""
    return Figure("mean power, W", theory, "pools.p.power_w.mean")
