"""The simulator's job plane by itself: one pool, one stream, any policy, and nodes that fail at given instants."""

from oracles.jobs import Checkpoints

from sim.fleet.environment import FleetEnvironment
from sim.fleet.failures import Failures
from sim.fleet.ledger import Ledger, PoolPower, State
from sim.fleet.pool import PoolState
from sim.policies.placement import BestFit, FirstFit
from sim.training import progress
from sim.training.job_plane import JobPlane, Stream
from sim.workload.failures import Failure
from sim.workload.jobs import JobRequest

PLACEMENTS = {"first_fit": FirstFit, "best_fit": BestFit}


def run_plane(policy, jobs, nodes, per_node, failures=(), placement="first_fit", checkpoints=None):
    """The job plane's jobs after all have ended, and its ledger. See `jobs.simulate` for the rows of `jobs`."""
    requests = [_request(number, *row) for number, row in enumerate(jobs)]
    saved = progress.Checkpoints(*checkpoints) if isinstance(checkpoints, Checkpoints) else None
    environment = FleetEnvironment()
    pool = PoolState("p", nodes, per_node, 1, PLACEMENTS[placement]())
    ledger = Ledger({"p": PoolPower(pool.total, 50.0, {("jobs", State.BUSY): 300.0})}, ["jobs"])
    stream = Stream("jobs", requests, ("p",), checkpoints=saved)
    plane = JobPlane(environment, {"p": pool}, ledger, policy, [stream])
    Failures(
        environment,
        {"p": pool},
        ledger,
        {"p": [("node", iter([Failure(*failure) for failure in sorted(failures)]))]},
        interrupted=plane.interrupt,
        changed=lambda _: plane.call_pass(),
    )
    environment.run(until=plane.done)
    ledger.settle(environment.now)
    return stream.jobs, ledger


def _request(number, submit, gang, duration, priority=0, estimate=None):
    return JobRequest(str(number), submit, gang, duration, priority, estimate=estimate)


def outcome(jobs):
    """(spells, preemptions, failures) of each job of the job plane, as of the oracle."""
    return [
        ([(spell.start, spell.end, dict(spell.holding.nodes)) for spell in job.spells], job.preemptions, job.failures)
        for job in jobs
    ]


def expected(jobs):
    return [([tuple(spell[:3]) for spell in job.spells], job.preemptions, job.failures) for job in jobs]
