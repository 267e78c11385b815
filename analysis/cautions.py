"""What is doubtful about a scenario, with its place in the file: overload, promises out of reach, unknown figures."""

import math
from collections.abc import Iterator, Mapping

from analysis.expectation import ServiceExpectation
from analysis.expected_failures import ExpectedFailures
from analysis.job_expectation import TrainingExpectation
from analysis.jobs_in_vain import in_vain
from analysis.requests_in_vain import NO_REPLICA, beyond_room
from analysis.wording import duration, number, power, share
from sim.hardware.training import UTILIZATION_FACT
from sim.preparation import FOREVER, Prepared
from sim.scenario import Scenario
from sim.scenario.requests import parts
from sim.scenario.service import Service

NEAR_FULL = 0.85
REQUESTS_FOR_A_TAIL = 1000
"""Ten requests lie beyond the 99th percentile of so many."""
FEW_FAILURES = 10
"""Their number varies by a third of itself, and what they cost by more."""
RELAXATION_TIMES = 100
SAMPLES = 100_000


def cautions(
    prepared: Prepared,
    services: Mapping[str, ServiceExpectation],
    training: Mapping[str, TrainingExpectation],
    failing: Mapping[str, ExpectedFailures],
) -> Iterator[str]:
    """Say each, with file, line and key."""
    scenario = prepared.scenario
    for name, found in services.items():
        spec = scenario.services[name]
        for key, text in (*_load(spec, found), *_promise(spec, found), *_lengths(found), *_span(scenario, spec, found)):
            yield _at(scenario, f"services.{name}.{key}", text)
    for name, jobs in training.items():
        for text in _jobs(jobs):
            yield _at(scenario, f"training.{name}", text)
    of_jobs = (*_demand(scenario, training), *_physics(scenario))
    for path, text in (*of_jobs, *_failures(failing), *_figures(prepared), *_telemetry(scenario)):
        yield _at(scenario, path, text)


def _at(scenario: Scenario, path: str, text: str) -> str:
    return str(scenario.problem(path, text))


Remarks = Iterator[tuple[str, str]]
"""Key and text."""


def _load(service: Service, found: ServiceExpectation) -> Remarks:
    if not service.replicas.initial:
        yield "replicas", NO_REPLICA
    elif found.arriving.at_most:
        return
    elif found.load >= 1:
        patient = any(part.stream.patience is None for part in parts(service.requests))
        end = "the queue grows without end" if patient else "those who lose patience leave"
        yield "requests", f"overloaded: {share(found.load)} of what the replicas can do; {end}"
    elif found.peak_load >= 1:
        yield "requests", f"overloaded at the peak: {share(found.peak_load)} of what the replicas can do"
    elif found.peak_load > NEAR_FULL:
        yield "requests", f"near full load: {share(found.peak_load)} of what the replicas can do; waits vary widely"


def _promise(service: Service, found: ServiceExpectation) -> Remarks:
    given = {"slo": service.slo}
    given |= {
        ".".join(("requests", *part.path, "slo")): getattr(part.stream, "slo", None) for part in parts(service.requests)
    }
    for at, slo in given.items():
        for limit, seconds in slo.limits.items() if slo else ():
            least = found.pace.least.get(limit, 0.0)
            if seconds < least:
                yield f"{at}.{limit}", f"out of reach: an idle replica takes {duration(least)} for a median request"


def _lengths(found: ServiceExpectation) -> Remarks:
    if found.tokens:
        yield from (("requests", text) for text in beyond_room(found.tokens.too_long, found.tokens.unsent))


def _span(scenario: Scenario, service: Service, found: ServiceExpectation) -> Remarks:
    """A queue forgets its past within some s / (c * (1 - sqrt(rho))**2), the relaxation time of M/M/c."""
    if found.arriving.number == 0:
        yield "requests", "no request arrives before the horizon"
    if isinstance(scenario.horizon, str) or not found.arriving.number or found.arriving.at_most:
        return
    window = scenario.horizon - (0.0 if isinstance(scenario.warmup, str) else scenario.warmup)
    counted = found.arriving.number * window / scenario.horizon
    if counted < REQUESTS_FOR_A_TAIL:
        yield "requests", f"about {counted:,.0f} requests are counted: too few for a 99th percentile"
    elif found.load < 1:
        running = service.replicas.initial * found.pace.batch
        relaxation = found.pace.seconds * found.pace.batch / running / (1 - math.sqrt(found.load)) ** 2
        if window < RELAXATION_TIMES * relaxation:
            text = f"the horizon is short for this load: queues take some {duration(relaxation)} to forget their past"
            yield "requests", text


def _jobs(found: TrainingExpectation) -> Iterator[str]:
    of_all = "" if found.looked_at == found.arriving.number else f" of the first {number(found.looked_at)}"
    yield from in_vain(found.impossible, found.stuck, of_all)
    if found.late:
        yield f"{number(found.late)} jobs{of_all} miss their deadline even if they start at once"
    if found.overrunning:
        yield f"{number(found.overrunning)} jobs{of_all} run longer than is expected of them"
    if found.arriving.number == 0:
        yield "no job is submitted before the horizon"


def _physics(scenario: Scenario) -> Remarks:
    """Training times that rest on what was measured on other accelerators."""
    low, high = UTILIZATION_FACT.low or 0.0, UTILIZATION_FACT.high or 1.0
    for name, stream in scenario.training.items():
        if stream.models:
            text = f"training times are estimates: the utilization is that of {UTILIZATION_FACT.source}"
            yield f"training.{name}", f"{text}; others report {share(low)} to {share(high)} of peak"


def _demand(scenario: Scenario, training: Mapping[str, TrainingExpectation]) -> Remarks:
    """All streams that use the same pools, against what services leave there."""
    together: dict[tuple[str, ...], tuple[float, int]] = {}
    for name, found in training.items():
        pools = tuple(sorted(scenario.training[name].pools))
        together[pools] = (together.get(pools, (0.0, 0))[0] + found.needed, found.room)
    for pools, (demand, room) in together.items():
        if demand > NEAR_FULL * room:
            how = "more than" if demand > room else "nearly all of"
            text = (
                f"jobs need {demand:.4g} accelerators of {', '.join(pools)} on average, {how} the {room} left to them"
            )
            yield "training", text


def _failures(failing: Mapping[str, ExpectedFailures]) -> Remarks:
    for name, found in failing.items():
        if found.number is not None and found.number < FEW_FAILURES:
            few = f"about {number(found.number)} failures are to be expected: too few to judge by"
            yield f"pools.{name}.failures", f"{few} (a longer horizon, or replications)"


def _figures(prepared: Prepared) -> Remarks:
    """Figures of the catalog that are estimates, and those that are not known."""
    scenario = prepared.scenario
    for name, pool in scenario.pools.items():
        path, row = f"pools.{name}", scenario.accelerator(pool.accelerator)
        fact = row.facts.get("power_law")
        if row.busy_power is None and row.power_law is not None and fact and fact.basis == "estimate":
            between = "" if fact.low is None else f"; exponent {fact.low:g} to {fact.high:g}"
            yield path, f"busy power of {row.name} follows a law that is an estimate ({fact.source}{between})"
        if row.training_power is None and any(name in stream.pools for stream in scenario.training.values()):
            yield path, f"the power of {row.name} in training is unknown: its peak of {power(row.peak_power)} is taken"
        if pool.price is None:
            yield path, "the price is unknown: cost_usd of the fleet, and of whoever holds accelerators here, is null"
        if row.embodied_carbon is None:
            yield path, f"the embodied carbon of {row.name} is unknown: carbon_kg is null"


def _telemetry(scenario: Scenario) -> Remarks:
    horizon = FOREVER if isinstance(scenario.horizon, str) else scenario.horizon
    if SAMPLES < horizon / scenario.output.telemetry < FOREVER:
        yield "output.telemetry", f"{horizon / scenario.output.telemetry:,.0f} samples: a longer interval is quicker"
