"""Queues of jobs with a known answer: lost gangs, blocked gangs, waits job by job, and a whole cluster's trace.

Where an answer is a mean, theory must lie within four standard errors of the mean over the runs, and that error within
1 % of the figure, so that a case cannot pass for want of data.
"""

import heapq
import math
from pathlib import Path

import numpy as np
import pytest
from validation.single_queue import many

from sim.fleet.environment import FleetEnvironment
from sim.fleet.ledger import Ledger, PoolPower, State
from sim.fleet.pool import PoolState
from sim.policies.placement import FirstFit
from sim.policies.scheduling import Fifo, FifoFirstFit
from sim.training.job_plane import JobPlane, Stream
from sim.workload.job_formats import philly
from sim.workload.jobs import GRID, JobRequest

DATA = Path(__file__).parents[2] / ".." / "shared" / "data" / "philly"
SEEDS = range(1, 13)


def run(streams, ordering, nodes=1, per_node=8, until=None):
    """Run the jobs of some streams to their end, or to `until` (s)."""
    pool = PoolState("p", nodes, per_node, 1, FirstFit())
    environment = FleetEnvironment()
    ledger = Ledger({"p": PoolPower(pool.total, 50.0, {})}, [stream.name for stream in streams])
    plane = JobPlane(environment, {"p": pool}, ledger, ordering, streams)
    environment.run(until=plane.done if until is None else until)
    ledger.settle(environment.now)
    return environment.now, ledger


def on_grid(times):
    return (np.round(times * GRID) / GRID).tolist()


def requests(submits, gangs, durations):
    rows = zip(on_grid(submits), gangs, on_grid(durations), strict=True)
    return [JobRequest(str(n), submit, gang, length, 0, None, None) for n, (submit, gang, length) in enumerate(rows)]


def poisson_jobs(generator, rate, gang, horizon):
    count = generator.poisson(rate * horizon)
    submits = np.sort(generator.uniform(0.0, horizon, count))
    return requests(submits, [gang] * count, generator.exponential(1.0, count))


def hold_against_theory(figures, theory):
    figures = np.asarray(figures)
    errors = figures.std(axis=0, ddof=1) / math.sqrt(len(figures))
    deviations = (figures.mean(axis=0) - theory) / errors
    assert (errors < 0.01 * np.asarray(theory)).all(), f"too few jobs for a verdict: {errors / theory}"
    assert (abs(deviations) <= 4.0).all(), f"{deviations} standard errors from theory"


def kaufman_roberts(slots, classes):
    """The share of each class (load in erlangs, gang) that is lost: J. Kaufman and J. Roberts, 1981."""
    weight = [1.0]
    for used in range(1, slots + 1):
        weight.append(sum(load * gang * weight[used - gang] for load, gang in classes if gang <= used) / used)
    return [sum(weight[slots - gang + 1 :]) / sum(weight) for _, gang in classes]


def lost_shares(classes, horizon, seed):
    generator = np.random.default_rng(seed)
    streams = [
        Stream(str(gang), poisson_jobs(generator, load, gang, horizon), ("p",), queue_limit=0) for load, gang in classes
    ]
    run(streams, FifoFirstFit(), per_node=16)
    settled = [[job for job in stream.jobs if job.submit > 0.01 * horizon] for stream in streams]
    return [sum(job.status == "rejected" for job in jobs) / len(jobs) for jobs in settled]


@pytest.mark.slow
def test_gangs_that_may_not_wait_are_lost_as_kaufman_and_roberts_say():
    classes = [(4.0, 1), (2.0, 2), (1.0, 4)]
    theory = kaufman_roberts(16, classes)
    assert theory == pytest.approx([0.059293957, 0.12786857, 0.29052025], rel=1e-7)
    hold_against_theory(many(lost_shares, [(classes, 12000.0, seed) for seed in SEEDS]), theory)


def test_erlang_b():
    assert kaufman_roberts(10, [(8.0, 1)]) == pytest.approx([0.12166106], rel=1e-7)
    theory = kaufman_roberts(16, [(16.0, 1)])
    hold_against_theory(many(lost_shares, [([(16.0, 1)], 800.0, seed) for seed in SEEDS]), theory)


def test_gangs_of_one_and_two_that_block_each_other_saturate_two_servers_at_six_sevenths():
    """Gangs of 1 or 2 with equal chance, exponential, always some waiting: 8/7 of them a second, 6/7 of the servers."""
    figures = []
    for seed in SEEDS:
        generator = np.random.default_rng(seed)
        count = 3000
        gangs = generator.integers(1, 3, count).tolist()
        stream = Stream("s", requests(np.zeros(count), gangs, generator.exponential(1.0, count)), ("p",))
        now, ledger = run([stream], Fifo(), per_node=2, until=2000.0)
        completed = sum(job.status == "completed" for job in stream.jobs)
        figures.append([completed / now, ledger.seconds[0, 0, State.BUSY] / (2 * now)])
    hold_against_theory(figures, [8 / 7, 6 / 7])


def test_every_wait_of_first_come_first_served_at_eight_servers():
    """The wait of each job follows from the draws alone (Kiefer and Wolfowitz 1955): one server takes it when free."""
    generator = np.random.default_rng(5)
    submits, durations = np.cumsum(generator.exponential(1 / 6.4, 5000)), generator.exponential(1.0, 5000)
    rows = requests(submits, [1] * 5000, durations)
    free_at, starts = [0.0] * 8, []
    for row in rows:
        starts.append(max(row.submit, free_at[0]))
        heapq.heapreplace(free_at, starts[-1] + row.duration)
    for ordering in (Fifo(), FifoFirstFit()):
        stream = Stream("s", rows, ("p",))
        run([stream], ordering)
        assert [job.start for job in stream.jobs] == starts
    assert any(start > row.submit for start, row in zip(starts, rows, strict=True))


def test_work_of_no_length_makes_room_before_a_queue_limit_is_judged():
    gangs, lengths = [4, 4, 4, 4], [0.0, 0.0, 5.0, 5.0]
    stream = Stream("s", requests(np.zeros(4), gangs, np.array(lengths)), ("p",), queue_limit=0)
    run([stream], Fifo(), per_node=4)
    assert [job.status for job in stream.jobs] == ["completed", "completed", "completed", "rejected"]


@pytest.mark.skipif(not DATA.exists(), reason="the Philly trace is not here")
def test_the_whole_philly_trace_never_waits_on_the_accelerators_it_ran_on():
    """At most 1,243 accelerators are asked for at a time, so that 2,490 hold every job from its submission on."""
    jobs = philly.read(DATA / "philly_jobs.csv").jobs
    rows = requests(
        np.array([job.submit for job in jobs]),
        [job.accelerators for job in jobs],
        np.array([job.duration for job in jobs]),
    )
    stream = Stream("s", rows, ("p",))
    _, ledger = run([stream], FifoFirstFit(), per_node=2490)
    assert len(stream.jobs) == 82_247
    assert all(
        (job.status, job.start, job.end) == ("completed", job.submit, job.submit + job.duration) for job in stream.jobs
    )
    demanded = sum(row.accelerators * row.duration for row in rows)
    assert ledger.seconds[0, 0, State.BUSY] == pytest.approx(demanded, rel=1e-9)
