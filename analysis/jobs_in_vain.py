"""Jobs that are submitted in vain: they can never run, or failures hardly ever let them end."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache

from analysis.wording import number
from sim.preparation import Prepared
from sim.scenario.training import TrainingStream
from sim.workload.jobs import JobRequest

ATTEMPTS = 1000.0
"""A job that is expected to need more to get from one checkpoint to the next is said to be stuck."""


def known_in_vain(prepared: Prepared) -> Iterator[str]:
    """Say which jobs of traces and named ones are in vain. Drawn jobs are not looked at."""
    for name, spec in prepared.scenario.training.items():
        if spec.arrivals is None:
            jobs = list(prepared.jobs[name])
            for text in in_vain(impossible_jobs(prepared, spec, jobs), stuck_jobs(prepared, spec, jobs)):
                yield str(prepared.scenario.problem(f"training.{name}", text))


def in_vain(impossible: Mapping[str, Sequence[str]], stuck: Sequence[str], of_all: str = "") -> Iterator[str]:
    """Say so of jobs that can never run, by reason, and of those that are stuck."""
    for reason, names in impossible.items():
        yield f"{number(len(names))} jobs{of_all} can never run and will be rejected: {_first_of(names)} ({reason})"
    if stuck:
        why = f"failures interrupt them more than {number(ATTEMPTS)} times before they reach a checkpoint or their end"
        yield f"{number(len(stuck))} jobs{of_all} hardly ever end: {_first_of(stuck)} ({why})"


def _first_of(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")


def speeds(spec: TrainingStream, job: JobRequest) -> Mapping[str, float]:
    """By pool, where a job can run."""
    return dict.fromkeys(spec.pools, 1.0) if job.speed is None else job.speed


def impossible_jobs(prepared: Prepared, spec: TrainingStream, jobs: Iterable[JobRequest]) -> dict[str, list[str]]:
    """The jobs that can never run, by reason."""
    never, found = _never_runs(prepared, spec), dict[str, list[str]]()
    for job in jobs:
        if reason := never(job):
            found.setdefault(reason, []).append(job.job_id)
    return found


def stuck_jobs(prepared: Prepared, spec: TrainingStream, jobs: Iterable[JobRequest]) -> list[str]:
    """The jobs that need too many attempts in every pool that could hold them."""
    if not any(prepared.scenario.pools[pool].failures for pool in spec.pools):
        return []
    rate = cache(lambda pool, gang: _failure_rate(prepared, pool, gang))
    could_hold = cache(lambda pool, gang: prepared.pools[pool].could_hold(gang))

    def attempts(job: JobRequest, pool: str, speed: float) -> float:
        """How often it starts on average until it gets from one saved state to the next, were failures Poisson."""
        stretch, checkpoint = job.duration / speed, spec.checkpoint
        if checkpoint is not None:
            stretch = checkpoint.restart + min(stretch, checkpoint.interval + checkpoint.cost)
        return math.exp(min(stretch * rate(pool, job.accelerators), 700.0))

    def least(job: JobRequest) -> float:
        usable = [pool for pool in speeds(spec, job).items() if could_hold(pool[0], job.accelerators)]
        return min((attempts(job, *pool) for pool in usable), default=0.0)

    return [job.job_id for job in jobs if least(job) > ATTEMPTS]


def _failure_rate(prepared: Prepared, pool: str, gang: int) -> float:
    """Failures that interrupt a gang (1/s), those of a trace left out."""
    state, rate = prepared.pools[pool], 0.0
    nodes = -(-gang // state.per_node)
    racks = -(-nodes * (int(state.rack[-1]) + 1) // len(state.rack))
    units = {"accelerator": gang, "node": nodes, "rack": racks}
    for spec in prepared.scenario.pools[pool].failures:
        if spec.mtbf is not None:
            rate += units[spec.per] / spec.mtbf
    return rate


def _never_runs(prepared: Prepared, spec: TrainingStream) -> Callable[[JobRequest], str]:
    """Make what says why a job can never run; empty where it can."""
    could_hold = cache(lambda pool, gang: prepared.pools[pool].could_hold(gang))
    resizes = getattr(prepared.policies["scheduling"], "resizes", False)

    def reason(job: JobRequest) -> str:
        least = job.smallest if resizes and job.smallest is not None else job.accelerators
        pools = [pool for pool in spec.pools if pool in speeds(spec, job)]
        if not pools:
            return "too little memory in every pool" if spec.models else "no pool in which they can run"
        pools = [pool for pool in pools if could_hold(pool, least)]
        if not pools:
            return "too large for every pool"
        tenant = prepared.scenario.tenants.get(job.tenant or "")
        within = tenant is None or any(tenant.quota.get(pool, least) >= least for pool in pools)
        return "" if within else "beyond the quota of their tenant"

    return reason
