"""What the inputs of a scenario come to on average, exactly: the means of control variates."""

import math

from analysis.whole_tokens import mean_tokens
from sim.preparation import seconds_into_week
from sim.scenario import Scenario, paths
from sim.scenario.arrivals import BatchArrivals, CoxArrivals, MmppArrivals, OnOffArrivals, PoissonArrivals
from sim.scenario.requests import RequestClass, Requests, parts
from sim.workload.arrivals import expected
from sim.workload.distributions import mean
from sim.workload.lengths import length_distributions

EXACT = (PoissonArrivals, CoxArrivals, MmppArrivals, OnOffArrivals, BatchArrivals)
"""Processes whose mean number in any window is the integral of the rate: Poisson, of a rate that is stationary from
time 0 on. A renewal process that begins at 0 brings others: its age is not stationary; a trace brings what it has, and
clients what follows from answers."""


def known_means(scenario: Scenario) -> dict[str, float]:
    """The exact means of `services.<s>.offered` over the window, by dotted path; what is not known is absent.

    Lengths and work are drawn independently of arrivals, so the mean of their sum is the product of means (Wald).
    Nothing is known where the warm-up is still to be found or the run ends with its jobs.
    """
    if isinstance(scenario.warmup, str) or isinstance(scenario.horizon, str):
        return {}
    found: dict[str, float] = {}
    for name, service in scenario.services.items():
        begin = seconds_into_week(scenario, service.first_pool)
        generative = scenario.model(service.model).kind == "generative"
        known: list[dict[str, float]] = []
        for part in parts(service.requests):
            if not isinstance(part.arrivals, EXACT) or part.stream.sessions:
                known.append({})
                continue
            whole, before = (
                expected(part.arrivals, start_of_day=begin, until=until).arrivals if until else 0.0
                for until in (scenario.horizon, scenario.warmup)
            )
            rate = part.share * (whole - before) / (scenario.horizon - scenario.warmup)
            per_request = {"requests": 1.0} | (_tokens(part.stream) if generative else _work(part.stream))
            known.append({what: rate * each for what, each in per_request.items()})
        for what in set.intersection(*map(set, known)):
            found[paths.join(("services", name, "offered", f"{what}_per_s"))] = math.fsum(each[what] for each in known)
    return found


def _tokens(requests: Requests | RequestClass) -> dict[str, float]:
    if requests.lengths is None:
        return {}
    means = map(mean_tokens, length_distributions(requests.lengths))
    named = zip(("prompt_tokens", "output_tokens"), means, strict=True)
    return {name: each for name, each in named if each is not None}


def _work(requests: Requests | RequestClass) -> dict[str, float]:
    return {"work": 1.0 if requests.work is None else mean(requests.work)}
