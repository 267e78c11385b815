"""Jobs on small fleets of their own: what every test of the job plane runs."""

from sim.fleet.environment import FleetEnvironment
from sim.fleet.ledger import Ledger, PoolPower, State
from sim.fleet.pool import PoolState
from sim.policies.placement import FirstFit
from sim.training.job_plane import JobPlane, Stream
from sim.workload.jobs import JobRequest


def requests(*rows, **options):
    return [JobRequest(str(number), *row, **options) for number, row in enumerate(rows)]


def pool(name="p", nodes=1, per_node=4, placement=None):
    return PoolState(name, nodes, per_node, 1, placement or FirstFit())


def run_streams(streams, policy, pools=None, tenants=(), until=None):
    """Run streams to their end, or to an instant; the plane, and the ledger of what they took."""
    pools = pools or {"p": pool()}
    environment = FleetEnvironment()
    power = {
        name: PoolPower(each.total, 50.0, {(stream.name, State.BUSY): 300.0 for stream in streams})
        for name, each in pools.items()
    }
    ledger = Ledger(power, [stream.name for stream in streams])
    plane = JobPlane(environment, pools, ledger, policy, streams, tenants)
    environment.run(until=plane.done if until is None else until)
    ledger.settle(environment.now)
    return plane, ledger


def run(jobs, policy, pools=None, allowed=("p",), tenants=(), until=None, **options):
    """Run the jobs of one stream; the jobs, and the ledger."""
    stream = Stream("jobs", jobs, allowed, **options)
    _, ledger = run_streams([stream], policy, pools, tenants, until)
    return stream.jobs, ledger


def spells(job):
    """(start, end) of each spell."""
    return [(spell.start, spell.end) for spell in job.spells]
