"""What must hold between the parts of a scenario, beyond what each part checks of itself."""

from collections.abc import Iterable, Iterator

from sim.scenario.distributions import Quantiles
from sim.scenario.errors import Problem
from sim.scenario.rows import RowError
from sim.scenario.scenario import JOBS_DONE, Scenario
from sim.scenario.training import TrainingStream, gang_sizes

UNASSIGNED = "unassigned"
LONGEST = 2.0**33
"""Seconds up to which sums of control-plane times are exact."""


def check(scenario: Scenario) -> list[Problem]:
    """Everything that does not fit together."""
    found = (_rows, _work, _owners, _clock, _gangs, _named_jobs, _reservations, _failing_groups)
    return [problem for check_part in found for problem in check_part(scenario)]


def _rows(scenario: Scenario) -> Iterator[Problem]:
    for section, names, read in (
        ("accelerators", scenario.accelerators, scenario.accelerator),
        ("models", scenario.models, scenario.model),
    ):
        for name in names:
            try:
                read(name)
            except RowError as error:
                path = f"{section}.'{name}'" + (f".{error.key}" if error.key else "")
                yield scenario.problem(path, error.message, error.hint)


def _work(scenario: Scenario) -> Iterator[Problem]:
    if not scenario.services and not scenario.training:
        yield scenario.problem("name", "there is nothing to simulate", "services or training needed")
    if scenario.horizon == JOBS_DONE and not scenario.training:
        yield scenario.problem("horizon", "`jobs_done` needs training jobs")


def _owners(scenario: Scenario) -> Iterator[Problem]:
    """Accelerators are counted by the name of who holds them."""
    for name in scenario.services.keys() & scenario.training.keys():
        yield scenario.problem(f"training.'{name}'", f"`{name}` is a service too", "another name")
    for section, names in (("services", scenario.services), ("training", scenario.training)):
        if UNASSIGNED in names:
            yield scenario.problem(f"{section}.{UNASSIGNED}", f"`{UNASSIGNED}` is what nobody holds", "another name")


def _clock(scenario: Scenario) -> Iterator[Problem]:
    if not isinstance(scenario.horizon, str) and scenario.horizon > LONGEST:
        yield scenario.problem("horizon", "the clock does not reach that far", "at most 270 y")
    if isinstance(scenario.horizon, str) or isinstance(scenario.warmup, str):
        return
    if scenario.warmup >= scenario.horizon:
        yield scenario.problem("warmup", "the warm-up leaves nothing of the horizon")
    window = scenario.output.timeline
    if not isinstance(window, bool) and window.at >= scenario.horizon:
        yield scenario.problem("output.timeline.at", "the run has ended by then", "less than the horizon")


def _gangs(scenario: Scenario) -> Iterator[Problem]:
    for name, stream in scenario.training.items():
        room = max(scenario.pools[pool].accelerators_in_use for pool in stream.pools)
        largest = _largest(stream)
        if largest > room:
            message = f"a gang of {largest:g} accelerators fits no pool: the largest has {room}"
            yield scenario.problem(f"training.'{name}'.accelerators", message)


def _named_jobs(scenario: Scenario) -> Iterator[Problem]:
    for name, stream in scenario.training.items():
        room = max(scenario.pools[pool].accelerators_in_use for pool in stream.pools)
        seen: set[str] = set()
        for place, (job_id, job) in enumerate(stream.named_jobs(name)):
            path = f"training.'{name}'.jobs[{place}]"
            if job_id in seen:
                key = f"{path}.id" if job.id else path
                yield scenario.problem(key, f"`{job_id}` is the id of a job above", "another id")
            if not isinstance(scenario.horizon, str) and job.submit >= scenario.horizon:
                yield scenario.problem(f"{path}.submit", "the run has ended by then", "less than the horizon")
            if job.accelerators > room:
                message = f"a gang of {job.accelerators} accelerators fits no pool: the largest has {room}"
                yield scenario.problem(f"{path}.accelerators", message)
            seen.add(job_id)


def _reservations(scenario: Scenario) -> Iterator[Problem]:
    reserving = {name: stream for name, stream in scenario.training.items() if stream.reservation is not None}
    for name, stream in reserving.items():
        path, room = f"training.'{name}'.reservation", scenario.pools[stream.pools[0]].accelerators_in_use
        if not stream.reserved:
            yield scenario.problem(path, "`accelerators` is missing: no gang of the stream is named", "accelerators: 8")
        elif stream.reserved > room:
            yield scenario.problem(path, f"{stream.pools[0]} has {room} accelerators, and {stream.reserved} are asked")
        elif (together := _reserved_as_it_begins(stream, reserving.values())) > room:
            message = f"{together} accelerators are reserved at once, with others, of the {room} of {stream.pools[0]}"
            yield scenario.problem(path, message, "another time, or fewer `accelerators`")


def _reserved_as_it_begins(stream: TrainingStream, others: Iterable[TrainingStream]) -> int:
    """How many accelerators of its pool are reserved at the instant at which a stream's reservation begins."""
    begins = stream.reservation.from_ if stream.reservation else 0.0
    at_once = (
        each.reserved
        for each in others
        if each.reservation is not None
        and each.pools[0] == stream.pools[0]
        and each.reservation.from_ <= begins < each.reservation.from_ + each.reservation.for_
    )
    return sum(at_once)


def _failing_groups(scenario: Scenario) -> Iterator[Problem]:
    for name, service in scenario.services.items():
        if service.groups and scenario.fails_in(name):
            message = "groups of replicas in a pool whose accelerators fail arrive in a later version"
            yield scenario.problem(f"services.'{name}'.groups", message, "a pool without `failures`")


def _largest(stream: TrainingStream) -> float:
    """Return the largest gang that is named; streams without an upper bound are judged job by job."""
    gang = stream.accelerators
    return max(gang.values if isinstance(gang, Quantiles) else gang_sizes(gang), default=0.0)
