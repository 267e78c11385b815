"""Where the search for a fleet begins: the square-root staffing rule on the load that is offered.

c servers carry an offered load of a with short waits from about c = a + sqrt(a) on (Halfin & Whitt 1981). It only tells
where to look first; what is recommended is always decided by simulation.
"""

import math
from collections.abc import Callable, Sequence

from analysis.expectation import service_expectation, training_expectation
from sim.preparation import prepare
from sim.scenario import Scenario, ScenarioError


def first_guess(values: Sequence[int], scenario_at: Callable[[int], Scenario]) -> int:
    """The smallest of the candidates that is staffed for its load, the largest where none is."""
    low, high = 0, len(values) - 1
    while low < high:
        middle = (low + high) // 2
        if staffed(scenario_at(values[middle])):
            high = middle
        else:
            low = middle + 1
    return values[low]


def staffed(scenario: Scenario) -> bool:
    """Whether every service and stream of a scenario has room for its load and the square root of it."""
    try:
        prepared = prepare(scenario)
        services = [(scenario.services[name].replicas.initial, name) for name in scenario.services]
        loads = [(count, count * service_expectation(prepared, name).load) for count, name in services]
        for name in scenario.training:
            found = training_expectation(prepared, name)
            loads.append((found.room, found.demand or 0.0))
    except ScenarioError:
        return False
    return all(math.isfinite(load) and room >= load + math.sqrt(load) for room, load in loads)
