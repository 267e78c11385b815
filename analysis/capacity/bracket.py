"""Where the search for a fleet begins: the square-root staffing rule on the load that is offered.

c servers carry an offered load of a with short waits from about c = a + sqrt(a) on (Halfin & Whitt 1981). It only tells
where to look first; what is recommended is always decided by simulation.
"""

import math
from collections.abc import Callable, Collection, Sequence

from analysis.expectation import service_expectation
from analysis.job_expectation import training_expectation
from sim.preparation import prepare
from sim.scenario import Scenario, ScenarioError


def first_guess(values: Sequence[int], scenario_at: Callable[[int], Scenario], promised: Collection[str]) -> int:
    """The smallest of the candidates that is staffed for the load of those that something is promised to."""
    low, high = 0, len(values) - 1
    while low < high:
        middle = (low + high) // 2
        if staffed(scenario_at(values[middle]), promised):
            high = middle
        else:
            low = middle + 1
    return values[low]


def staffed(scenario: Scenario, promised: Collection[str]) -> bool:
    """Whether these services and streams of a scenario have room for their load and the square root of it."""
    try:
        prepared = prepare(scenario)
        services = [(spec.replicas.initial, name) for name, spec in scenario.services.items() if name in promised]
        loads = [(count, count * service_expectation(prepared, name).load) for count, name in services]
        for name in scenario.training.keys() & promised:
            found = training_expectation(prepared, name)
            loads.append((found.room, found.needed))
    except ScenarioError:
        return False
    return all(math.isfinite(load) and room >= load + math.sqrt(load) for room, load in loads)
