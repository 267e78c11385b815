"""First come, first served: every law of gaps and of work, one server and many, with limits and without."""

import math
from collections.abc import Iterator
from typing import Any

from analysis import queueing
from analysis.queueing.renewal_arrivals import Transform
from analysis.verify.model import Figure, Model
from analysis.verify.textbook import (
    BUSY,
    EXPONENTIAL,
    IDLE,
    REQUESTS,
    SERVICE,
    WARMUP,
    busy,
    queue,
    response,
    share_of_requests,
    wait,
    wait_over,
    watts,
)

HISTOGRAM = 0.004
"""Relative error of a quantile: half the width of its bucket."""


def models() -> Iterator[Model]:
    """All of them."""
    yield from _many_servers()
    yield from _laws_of_work()
    yield from _laws_of_gaps()
    yield from _limits()
    yield from _clients()
    yield from _priorities()
    yield _energy()


def _many_servers() -> Iterator[Model]:
    for servers, rate in ((1, 0.8), (10, 9.0), (100, 90.0), (1000, 950.0)):
        limit = queueing.mmc_wait_quantile(0.95, rate, 1.0, servers)
        yield queue(
            f"M/M/{servers}, load {rate / servers:g}",
            rate,
            wait(queueing.mmc_wait(rate, 1.0, servers)),
            wait_over(0.0, queueing.erlang_c(rate, servers)),
            wait_over(limit, 0.05),
            response(1.0 + queueing.mmc_wait(rate, 1.0, servers)),
            servers=servers,
            requests=max(REQUESTS, 1000 * servers),
            warmup=max(WARMUP, 20 * servers),
        )
    quantiles = ((f"p{level}", -math.log1p(-level / 100)) for level in (50, 90))
    yield queue(
        "M/M/60, load 1/3 (none waits)",
        20.0,
        *(Figure(f"response {name}, s", at, f"{SERVICE}.e2e_s.{name}", allowance=HISTOGRAM) for name, at in quantiles),
        busy(1 / 3),
        servers=60,
    )


def _laws_of_work() -> Iterator[Model]:
    yield queue(
        "M/D/1, load 0.8",
        0.8,
        wait(queueing.pollaczek_khinchine(0.8, 1.0, 0.0)),
        wait_over(6.0, queueing.mdc_wait_over(6.0, 0.8, 1.0, 1)),
        work={"fixed": 1},
    )
    yield queue(
        "M/D/4, load 0.8",
        3.2,
        wait(queueing.mdc_wait(3.2, 1.0, 4)),
        wait_over(0.0, queueing.mdc_wait_over(0.0, 3.2, 1.0, 4)),
        servers=4,
        work={"fixed": 1},
    )
    weights, means = (0.75, 0.25), (0.5, 2.5)
    laws = {
        "E2": (0.5, {"erlang": {"k": 2, "mean": 1}}),
        "H2": (
            queueing.hyperexponential_scv(weights, means),
            {"hyperexponential": {"p": list(weights), "means": list(means)}},
        ),
        "LN": (2.0, {"lognormal": {"mean": 1, "scv": 2}}),
        "Gamma": (1.5, {"gamma": {"mean": 1, "scv": 1.5}}),
        "U": (1 / 3, {"uniform": {"low": 0, "high": 2}}),
    }
    for name, (scv, work) in laws.items():
        yield queue(
            f"M/{name}/1, load 0.7, scv {scv:.3g}",
            0.7,
            wait(queueing.pollaczek_khinchine(0.7, 1.0, scv)),
            wait_over(0.0, 0.7),
            work=work,
        )


def _laws_of_gaps() -> Iterator[Model]:
    # on half of the time: the rate while on is twice the mean
    gaps: dict[str, tuple[dict[str, Any], Transform]] = {
        "D/M/1": ({"process": "deterministic"}, queueing.equal_gaps(0.8)),
        "Gamma/M/1, scv 2": ({"process": "gamma", "burstiness": 0.5}, queueing.gamma_gaps(0.8, 0.5)),
        "on-off/M/1": (
            {"process": "on_off", "on_mean": "4 s", "off_mean": "4 s"},
            queueing.interrupted_gaps(1.6, 4.0, 4.0),
        ),
    }
    for name, (arrivals, transform) in gaps.items():
        yield queue(
            f"{name}, load 0.8",
            0.8,
            wait(queueing.gm1_wait(transform, 1.0)),
            wait_over(0.0, queueing.gm1_root(transform, 1.0)),
            arrivals=arrivals,
        )
    yield queue(
        "M^[4]/M/1, load 0.7",
        0.7,
        wait(queueing.batch_arrivals_wait(0.175, 4.0, 0.0, 1.0)),
        arrivals={"process": "batch", "size": 4},
    )


def _limits() -> Iterator[Model]:
    for servers, places, rate in ((1, 10, 0.9), (5, 15, 4.5)):
        theory = queueing.mmck(rate, 1.0, servers, places)
        yield queue(
            f"M/M/{servers}/{places}, load {rate / servers:g}",
            rate,
            share_of_requests("rejected", theory.lost),
            wait(theory.wait),
            busy(theory.busy / servers),
            servers=servers,
            queue_limit=places - servers,
        )
    for name, work in (
        ("M/M/10/10", EXPONENTIAL),
        ("M/LN/10/10", {"lognormal": {"mean": 1, "scv": 4}}),
    ):
        lost = queueing.erlang_b(8.0, 10)
        yield queue(
            f"{name}, 8 erlangs",
            8.0,
            share_of_requests("rejected", lost),
            busy(0.8 * (1.0 - lost)),
            servers=10,
            queue_limit=0,
            work=work,
        )
    impatient = queueing.fixed_patience(5.5, 1.0, 5, 0.5)
    yield queue(
        "M/M/5+D, load 1.1, timeout 0.5 s",
        5.5,
        share_of_requests("timed_out", impatient.left),
        busy(1.1 * (1.0 - impatient.left)),
        servers=5,
        timeout="0.5 s",
    )


def _clients() -> Iterator[Model]:
    """Clients that lose patience, and clients that wait for their answer before they send again."""
    impatient = queueing.exponential_patience(12.0, 1.0, 10, 2.0)
    yield queue(
        "M/M/10+M (Erlang-A), load 1.2",
        12.0,
        share_of_requests("abandoned", impatient.left),
        wait_over(0.0, (impatient.waited - impatient.left) / (1.0 - impatient.left)),
        busy(1.2 * (1.0 - impatient.left)),
        servers=10,
        classes={
            "arrivals": {"process": "poisson", "rate": "12/s"},
            "work": EXPONENTIAL,
            "patience": {"exponential": {"mean": "2 s"}},
        },
    )
    for clients, servers, think in ((20, 3, 5.0), (4, 1, 2.0)):
        loop = queueing.closed_loop(clients, think, 1.0, servers)
        thinking = {"exponential": {"mean": f"{think!r} s"}}
        yield queue(
            f"M/M/{servers}//{clients}, thinking {think:g} s",
            loop.throughput,
            response(loop.response),
            busy(loop.throughput / servers),
            servers=servers,
            classes={
                "arrivals": {"process": "closed", "clients": clients, "think_time": thinking},
                "work": EXPONENTIAL,
            },
        )


def _priorities() -> Iterator[Model]:
    """Classes by the order of their priorities, the highest first; none interrupts another."""
    names = ("first", "second", "third")
    shares = (0.3, 0.3, 0.4)
    for servers, rate in ((1, 0.8), (4, 3.4)):
        waits = queueing.mmc_priority_waits([rate * share for share in shares], 1.0, servers)
        classes = {
            name: {"share": share, "priority": -place, "work": EXPONENTIAL}
            for place, (name, share) in enumerate(zip(names, shares, strict=True))
        }
        yield queue(
            f"M/M/{servers}, load {rate / servers:g}, 3 priorities",
            rate,
            *(_wait_of(name, theory) for name, theory in zip(names, waits, strict=True)),
            wait(queueing.mmc_wait(rate, 1.0, servers)),
            servers=servers,
            classes={"arrivals": {"process": "poisson", "rate": f"{rate}/s"}, **classes},
        )
    waits = queueing.priority_waits((0.8, 0.15), (0.5, 2.0), (1.0, 0.0))
    yield queue(
        "M/G/1, load 0.7, short work first",
        0.95,
        *(_wait_of(name, theory) for name, theory in zip(("short", "long"), waits, strict=True)),
        classes={
            "long": {"arrivals": {"process": "poisson", "rate": "0.15/s"}, "work": {"fixed": 2}},
            "short": {
                "arrivals": {"process": "poisson", "rate": "0.8/s"},
                "work": {"exponential": {"mean": 0.5}},
                "priority": 1,
            },
        },
    )


def _wait_of(name: str, theory: float) -> Figure:
    return Figure(f"mean wait of {name}, s", theory, f"{SERVICE}.classes.{name}.queueing_s.mean")


def _energy() -> Model:
    return queue(
        "energy of M/M/8, 5 erlangs",
        5.0,
        watts(queueing.mean_power(8, 5.0, IDLE, BUSY)),
        Figure(
            "J per request",
            queueing.joules_per_request(5.0, 8, 5.0, IDLE, BUSY),
            f"{SERVICE}.energy_j_per_request",
        ),
        busy(5 / 8),
        servers=8,
    )
