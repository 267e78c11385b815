"""Queues with a known answer, from the scenario to the summary.

Each case runs with several fixed seeds. Theory must lie within four standard errors of the mean over the runs, and
that error within 1 % of the figure, so that a case cannot pass for want of data. `pytest -s` prints the figures.
All rates are relative to servers that finish one unit of work a second.
"""

import math
import sys
import zlib
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

import sim
from analysis.workers import worker_pool

LARGEST_Z = 4.0
RUNS = 12
STUDENT = 2.201
"""Half-width of a 95 % interval in standard errors, for 12 runs."""

WAIT, RESPONSES, BLOCKED, LEFT = "services.s.queueing_s", "services.s.e2e_s", "blocked", "left"
RESPONSE = f"{RESPONSES}.mean"
SHARES = {BLOCKED: "rejected", LEFT: "abandoned"}
EXPONENTIAL = {"exponential": {"mean": 1}}
CLOSED = {"process": "closed", "clients": 4, "think_time": {"exponential": {"mean": "2 s"}}}


@dataclass(frozen=True)
class Case:
    """A queue: `rate` per second at `replicas` servers for `requests` arrivals a run after a warm-up."""

    name: str
    replicas: int
    rate: float
    requests: float
    theory: dict[str, float]
    routing: str = "central_queue"
    work: Any = field(default_factory=lambda: EXPONENTIAL)
    options: dict[str, Any] = field(default_factory=dict)
    seconds: tuple[float, ...] = (1.0,)
    """Of a batch of 1, 2, ..."""
    warmup: float = 5000.0
    theory_error: float = 0.0
    """Standard error of a value that was itself simulated."""
    largest_error: float = 0.01
    """Relative standard error beyond which the runs tell too little."""

    def scenario(self):
        """The queue as a scenario."""
        batches = list(range(1, len(self.seconds) + 1))
        service = {
            "model": "unit",
            "pools": ["p"],
            "replicas": self.replicas,
            "routing": self.routing,
            "requests": {"arrivals": {"process": "poisson", "rate": f"{self.rate}/s"}, "work": self.work},
        }
        return sim.load(
            {
                "fleetsim": 1,
                "name": "queue",
                "horizon": f"{self.warmup + self.requests / self.rate} s",
                "warmup": f"{self.warmup} s",
                "accelerators": {
                    "server": {"kind": "gpu", "memory": "1 GB", "idle_power": "60 W", "busy_power": "400 W"}
                },
                "models": {
                    "unit": {"kind": "single_pass", "latency": {"batch": batches, "seconds": list(self.seconds)}}
                },
                "pools": {"p": {"accelerator": "server", "nodes": self.replicas}},
                "services": {"s": service | self.options},
                "output": {"telemetry": "1 d"},
            }
        )

    def __str__(self):
        return self.name


OF_CLASS = "services.s.classes"
THREE = {
    "first": {"share": 0.3, "priority": 9, "work": EXPONENTIAL},
    "second": {"share": 0.3, "priority": 0, "work": EXPONENTIAL},
    "third": {"share": 0.4, "priority": -1, "work": EXPONENTIAL},
}


def two_classes(works):
    """Poisson arrivals of 0.3 and 0.4 a second, of which the first go first."""
    arrivals = ({"process": "poisson", "rate": f"{rate}/s"} for rate in (0.3, 0.4))
    classes = ({"arrivals": own, "work": work} for own, work in zip(arrivals, works, strict=True))
    first, second = classes
    return {"first": first | {"priority": 1}, "second": second}


CASES = [
    # Waits in M/M/c beyond the share that does not wait are exponential with rate c - lambda; that share is Erlang C.
    Case(
        "M/M/1, rho 0.8",
        1,
        0.8,
        1.5e6,
        {
            f"{WAIT}.mean": 4.0,
            f"{WAIT}.p50": 2.3500181462,
            f"{WAIT}.p95": 13.8629436112,
            f"{WAIT}.p99": 21.9101331734,
            RESPONSE: 5.0,
            f"{RESPONSES}.p50": 3.4657359028,
            f"{RESPONSES}.p95": 14.9786613678,
            f"{RESPONSES}.p99": 23.0258509299,
        },
    ),
    Case(
        "M/M/2, lambda 1.4",
        2,
        1.4,
        1e6,
        {f"{WAIT}.mean": 0.9607843137, f"{WAIT}.p95": 4.0748355253, f"{WAIT}.p99": 6.757232046},
    ),
    Case(
        "M/M/10, lambda 9",
        10,
        9.0,
        5e6,
        {f"{WAIT}.mean": 0.6687315241, f"{WAIT}.p95": 2.5933596649, f"{WAIT}.p99": 4.2027975773},
    ),
    # Pollaczek-Khinchine; the quantiles of M/D/1 are Erlang's series.
    Case(
        "M/D/1, rho 0.8",
        1,
        0.8,
        8e5,
        {
            f"{WAIT}.mean": 2.0,
            f"{WAIT}.p50": 1.2759398734,
            f"{WAIT}.p95": 6.6203249968,
            f"{WAIT}.p99": 10.355886792,
        },
        work={"fixed": 1},
    ),
    Case("M/E2/1, rho 0.8", 1, 0.8, 1.5e6, {f"{WAIT}.mean": 3.0}, work={"erlang": {"k": 2, "mean": 1}}),
    Case("M/LN/1, rho 0.8, scv 4", 1, 0.8, 3e6, {f"{WAIT}.mean": 10.0}, work={"lognormal": {"mean": 1, "scv": 4}}),
    # Erlang B: the share that finds all servers taken, whatever the law of the work.
    Case("M/M/10/10, a 8", 10, 8.0, 5e5, {BLOCKED: 0.1216610643}, options={"queue_limit": 0}),
    Case(
        "M/LN/10/10, a 8",
        10,
        8.0,
        5e5,
        {BLOCKED: 0.1216610643},
        work={"lognormal": {"mean": 1, "scv": 4}},
        options={"queue_limit": 0},
    ),
    Case("M/M/100/100, a 95", 100, 95.0, 1.5e6, {BLOCKED: 0.0488042062}, warmup=500.0, options={"queue_limit": 0}),
    # (1 - rho) rho^K / (1 - rho^(K+1)), and Little's law for those let in.
    Case("M/M/1/10, rho 0.9", 1, 0.9, 5e5, {BLOCKED: 0.0508137313, RESPONSE: 4.6466006721}, options={"queue_limit": 9}),
    # Joining the shorter of two queues: the chain of both lengths, truncated.
    *(
        Case(f"JSQ of 2, rho {rho}", 2, 2 * rho, requests, {RESPONSE: response}, routing="least_outstanding")
        for rho, requests, response in ((0.5, 3e5, 1.4263207512), (0.8, 1e6, 2.9557366176), (0.9, 3e6, 5.4749128212))
    ),
    # Two distinct servers at random: no closed form; these values were simulated with another program.
    Case(
        "power of two, N 10, rho 0.9",
        10,
        9.0,
        1.5e6,
        {RESPONSE: 2.991},
        routing="power_of_two",
        theory_error=0.006,
    ),
    Case(
        "power of two, N 100, rho 0.9",
        100,
        90.0,
        1.5e6,
        {RESPONSE: 2.647},
        routing="power_of_two",
        warmup=500.0,
        theory_error=0.006,
    ),
    # Every k-th arrival of a Poisson stream: Ek/M/1, whose wait follows from the root of GI/M/1.
    *(
        Case(f"round robin over {k}, rho 0.8", k, 0.8 * k, 2e6, {f"{WAIT}.mean": wait}, routing="round_robin")
        for k, wait in ((2, 2.843979767), (4, 2.2673836103), (10, 1.9222691802))
    ),
    # A Poisson stream split at random is four of them: M/M/1.
    Case("random over 4, rho 0.8", 4, 3.2, 2e6, {f"{WAIT}.mean": 4.0}, routing="random"),
    # What waits, up to 8, is served together in 2 + b seconds: the chain embedded at the ends of batches.
    Case(
        "dynamic batches up to 8, lambda 0.4",
        1,
        0.4,
        5e5,
        {
            RESPONSE: 6.1303840908,
            "services.s.batch_size_mean": 1.7355203081,
            "services.s.utilization": 0.8609568648,
        },
        work={"fixed": 1},
        options={"batching": {"policy": "dynamic", "max_batch_size": 8, "max_queue_delay": "0 s"}},
        seconds=tuple(2.0 + b for b in range(1, 9)),
    ),
    # The same where nobody is left behind: more than 64 wait once in 10^14 batches.
    *(
        Case(
            f"dynamic batches of all, lambda {rate}",
            1,
            rate,
            requests,
            {RESPONSE: response, "services.s.batch_size_mean": batch, "services.s.utilization": 1.0 - idle},
            work={"fixed": 1},
            options={"batching": {"policy": "dynamic", "max_batch_size": 64, "max_queue_delay": "0 s"}},
            seconds=tuple(2.0 + b for b in range(1, 65)),
        )
        for rate, requests, response, batch, idle in (
            (0.5, 3e5, 7.4993126955, 2.2870616353, 0.0627577392),
            (0.7, 6e5, 12.6173903864, 4.7668424446, 0.0063045429),
        )
    ),
    # Cobham: E(wait until a server is free) / ((1 - load above) (1 - load down to it)), the highest priority first.
    Case(
        "M/M/1, rho 0.8, three priorities",
        1,
        0.8,
        2e6,
        {
            f"{OF_CLASS}.first.queueing_s.mean": 0.8 / (1 - 0.24),
            f"{OF_CLASS}.second.queueing_s.mean": 0.8 / ((1 - 0.24) * (1 - 0.48)),
            f"{OF_CLASS}.third.queueing_s.mean": 0.8 / ((1 - 0.48) * (1 - 0.8)),
            f"{WAIT}.mean": 4.0,
        },
        options={"requests": {"arrivals": {"process": "poisson", "rate": "0.8/s"}, **THREE}},
    ),
    # Cobham again, the class of shorter work going first: 1 and 1.25 s on average, exponential or all alike.
    *(
        Case(
            f"M/{law}/1, lambda 0.3 and 0.4, two priorities",
            1,
            0.7,
            requests,
            {f"{OF_CLASS}.{name}.queueing_s.mean": wait for name, wait in zip(("first", "second"), waits, strict=True)},
            options={"requests": two_classes(works)},
        )
        for law, requests, works, waits in (
            ("M", 1e6, ({"exponential": {"mean": 1}}, {"exponential": {"mean": 1.25}}), (1.3214285714, 6.6071428571)),
            ("D", 4e5, ({"fixed": 1}, {"fixed": 1.25}), (0.6607142857, 3.3035714286)),
        )
    ),
    # Erlang C of 4 servers at 3.4 erlangs, a quarter of a second until one of them is free.
    Case(
        "M/M/4, lambda 3.4, three priorities",
        4,
        3.4,
        4e6,
        {
            f"{OF_CLASS}.first.queueing_s.mean": 0.6893162217 / 4 / (1 - 0.255),
            f"{OF_CLASS}.second.queueing_s.mean": 0.6893162217 / 4 / ((1 - 0.255) * (1 - 0.51)),
            f"{OF_CLASS}.third.queueing_s.mean": 0.6893162217 / 4 / ((1 - 0.51) * (1 - 0.85)),
        },
        options={"requests": {"arrivals": {"process": "poisson", "rate": "3.4/s"}, **THREE}},
    ),
    # Erlang-A: 10 servers, patience of 2 s on average, 12 arrivals a second. Who leaves has waited in vain.
    Case(
        "M/M/10+M, lambda 12",
        10,
        12.0,
        3e5,
        {LEFT: 0.19565594},
        options={
            "requests": {
                "arrivals": {"process": "poisson", "rate": "12/s"},
                "work": EXPONENTIAL,
                "patience": {"exponential": {"mean": "2 s"}},
            }
        },
    ),
    # M/M/1//4, thinking 2 s: shares of 0 to 4 inside go with 1, 2, 3, 3, 1.5; the server is free for 1 of 10.5.
    Case(
        "M/M/1//4",
        1,
        9.5 / 10.5,
        3e5,
        {RESPONSE: 4 * 10.5 / 9.5 - 2.0, "pools.p.utilization.busy": 9.5 / 10.5},
        options={"requests": {"arrivals": CLOSED, "work": EXPONENTIAL}},
    ),
    # Of one client no request waits, whatever the law of its thinking: a round is 1 s of work and 2 s of thought.
    Case(
        "one client",
        1,
        1 / 3,
        1e5,
        {RESPONSE: 1.0, "pools.p.utilization.busy": 1 / 3},
        options={"requests": {"arrivals": CLOSED | {"clients": 1}, "work": EXPONENTIAL}},
    ),
    # Busy 5 of 8 servers at 400 W and idle the rest at 60 W, whatever waits for what.
    Case(
        "energy of M/M/8, lambda 5",
        8,
        5.0,
        3e5,
        {
            "pools.p.power_w.mean": 2180.0,
            "services.s.energy_j_per_request": 436.0,
            "pools.p.utilization.busy": 0.625,
        },
    ),
]

# Waits of many servers come in long, rare spells: 1 % at a thousand servers would take 5e8 requests.
LARGE = [
    Case("M/M/100, lambda 95", 100, 95.0, 6e6, {f"{WAIT}.mean": 0.1012913708}),
    Case("M/M/1000, lambda 980", 1000, 980.0, 6e6, {f"{WAIT}.mean": 0.0206100146}, warmup=500.0, largest_error=0.03),
]


@pytest.fixture(scope="module")
def workers():
    """Two processes for the runs of all cases."""
    with worker_pool(2) as executor:
        yield executor


def measured(case, workers):
    """The figures of every run, shape (runs, figures). The seeds are fixed; no two cases share one."""
    first = zlib.crc32(case.name.encode())
    return np.array(list(workers.map(_figures, [case] * RUNS, range(first, first + RUNS))))


def _figures(case, seed):
    result = sim.run(case.scenario(), seed=seed)
    return [_figure(result, path) for path in case.theory]


def _figure(result, path):
    if path not in SHARES:
        return result.metric(path)
    counts = result.metric("services.s.requests")
    return counts[SHARES[path]] / counts["arrived"]


def hold_against_theory(case: Case, workers):
    figures = measured(case, workers)
    means, errors = figures.mean(axis=0), figures.std(axis=0, ddof=1) / math.sqrt(RUNS)
    theory = np.array(list(case.theory.values()))
    z = (means - theory) / np.hypot(errors, case.theory_error)
    sys.stdout.write(f"\n{case.name}: {RUNS} runs of {case.requests:.3g} requests\n")
    for line in zip(case.theory, theory, means, STUDENT * errors, errors / theory, z, strict=True):
        sys.stdout.write(
            "  {:34s} theory {:11.6g}  measured {:11.6g} +- {:7.2g}  error {:6.2%}  z {:+5.2f}\n".format(*line)
        )
    assert np.all(errors < case.largest_error * theory), "too few requests for a verdict"
    assert np.all(np.abs(z) <= LARGEST_Z), "standard errors from theory"


@pytest.mark.parametrize("case", CASES, ids=str)
def test_closed_form(case: Case, workers):
    hold_against_theory(case, workers)


@pytest.mark.slow
@pytest.mark.parametrize("case", LARGE, ids=str)
def test_closed_form_of_many_servers(case: Case, workers):
    hold_against_theory(case, workers)


def test_a_wrong_theory_is_found(workers):
    """Two queues of which the shorter is joined are not one queue: M/M/2 would have T = 4/3."""
    case = Case("JSQ as M/M/2", 2, 1.0, 3e5, {RESPONSE: 4 / 3}, routing="least_outstanding")
    with pytest.raises(AssertionError, match="standard errors from theory"):
        hold_against_theory(case, workers)
