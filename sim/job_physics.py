"""Training as hardware allows it: how long a model's jobs take on each pool, and the gangs that hold it nowhere."""

from collections.abc import Iterator
from functools import cache

from sim.hardware import (
    HardwareError,
    least_training_gang,
    model_flops_utilization,
    training_state,
    training_step_seconds,
)
from sim.scenario import Problem, Scenario, paths
from sim.scenario.training import TrainingStream, gang_sizes
from sim.workload.computed_jobs import Physics

GB = 1e9


def job_physics(scenario: Scenario) -> Physics:
    """What the jobs of a scenario take to train its models. Its laws raise HardwareError: see `physics_problems`."""

    @cache
    def seconds_per_token(model: str, pool: str, gang: int) -> float:
        accelerator = scenario.accelerator(scenario.pools[pool].accelerator)
        return training_step_seconds(accelerator, scenario.model(model), tokens=1.0, accelerators=gang)

    @cache
    def least_gang(model: str, pool: str) -> int | None:
        return least_training_gang(scenario.accelerator(scenario.pools[pool].accelerator), scenario.model(model))

    return Physics(seconds_per_token, least_gang, efficiency)


def efficiency(accelerators: int) -> float:
    """Work of an accelerator in a gang, relative to one that is alone."""
    return model_flops_utilization(accelerators) / model_flops_utilization(1)


def physics_problems(scenario: Scenario, name: str, physics: Physics) -> Iterator[Problem]:
    """What keeps a stream's models from being trained on its pools, as far as gangs can be named."""
    spec = scenario.training[name]
    for path, model, gangs in _trained(name, spec):
        try:
            for pool in spec.pools:
                physics.seconds_per_token(model, pool, 1)
        except HardwareError as error:
            yield scenario.problem(paths.join((*path, "model")), str(error), "another pool, or `duration`")
            return
        least = {pool: number for pool in spec.pools if (number := physics.least_gang(model, pool)) is not None}
        for gang in gangs:
            if all(gang < number for number in least.values()):
                state = (
                    f"{training_state(scenario.model(model)) / GB:,.0f} GB of weights, gradients and optimizer state"
                )
                needs = " or ".join(f"{number:,} on {pool}" for pool, number in least.items())
                message = f"{model} does not fit on a gang of {gang} in training: it has {state}"
                hint = f"at least {needs}" if needs else "its activations alone exceed an accelerator"
                yield scenario.problem(paths.join((*path, "accelerators")), message, hint)


def _trained(name: str, spec: TrainingStream) -> Iterator[tuple[paths.Path, str, list[int]]]:
    """Each model that is trained: where that stands, and on which gangs."""
    if spec.model is not None:
        yield ("training", name), spec.model, [int(gang) for gang in gang_sizes(spec.accelerators)]
    for place, job in enumerate(spec.jobs or ()):
        if job.model is not None:
            yield ("training", name, "jobs", place), job.model, [job.accelerators]
