"""Jobs on the control plane: order within an instant, queue limits, checkpoints, jobs that can never run."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from unit import job_runs
from unit.job_runs import requests

from sim.fleet.environment import TICK, FleetEnvironment, Phase, on_grid
from sim.fleet.ledger import Ledger, PoolPower, State
from sim.fleet.pool import PoolState
from sim.policies.placement import FirstFit
from sim.policies.scheduling import Fifo, FifoFirstFit
from sim.training.job_plane import JobPlane, Stream
from sim.training.progress import Checkpoints, whole_length


def run(rows, ordering=None, pools=None, allowed=("p",), **options):
    return job_runs.run(requests(*rows), ordering or Fifo(), pools, allowed, **options)


def starts(jobs):
    return [job.start for job in jobs]


def test_fifo_blocks_at_the_head_and_first_fit_does_not():
    rows = [(0.0, 3, 10.0), (1.0, 2, 10.0), (2.0, 1, 10.0)]
    assert starts(run(rows)[0]) == [0.0, 10.0, 10.0]
    assert starts(run(rows, FifoFirstFit())[0]) == [0.0, 10.0, 2.0]


def test_completions_come_before_arrivals_and_the_pass_comes_last():
    """At 10 s the first job ends and two arrive: both find what it held, and the smaller does not overtake."""
    rows = [(0.0, 4, 10.0), (10.0, 3, 5.0), (10.0, 1, 5.0)]
    assert starts(run(rows)[0]) == [0.0, 10.0, 10.0]


def test_one_pass_sees_all_arrivals_of_an_instant():
    class Shortest(Fifo):
        sees = "durations"

        def key(self, job):
            return (job.remaining,)

    assert starts(run([(0.0, 4, 9.0), (0.0, 4, 1.0)], Shortest())[0]) == [1.0, 0.0]


def test_jobs_of_no_length_end_at_once_and_the_pass_goes_on():
    assert starts(run([(0.0, 4, 0.0), (0.0, 4, 0.0), (0.0, 4, 5.0)])[0]) == [0.0, 0.0, 0.0]


def test_a_blocked_pool_does_not_block_another():
    pools = {name: PoolState(name, 1, 4, 1, FirstFit()) for name in ("p", "q")}
    environment = FleetEnvironment()
    ledger = Ledger({name: PoolPower(4, 50.0, {}) for name in pools}, ["only_p", "both"])
    only_p = Stream("only_p", requests((0.0, 4, 10.0), (1.0, 4, 10.0)), ("p",))
    both = Stream("both", requests((2.0, 4, 10.0)), ("p", "q"))
    plane = JobPlane(environment, pools, ledger, Fifo(), [only_p, both])
    environment.run(until=plane.done)
    assert starts(only_p.jobs) == [0.0, 10.0]
    assert (both.jobs[0].start, both.jobs[0].spells[0].holding.pool) == (2.0, "q")


def test_the_first_pool_with_room_is_taken():
    pools = {name: PoolState(name, 1, 4, 1, FirstFit()) for name in ("p", "q")}
    jobs, _ = run([(0.0, 4, 10.0), (1.0, 4, 10.0)], pools=pools, allowed=("p", "q"))
    assert [job.spells[0].holding.pool for job in jobs] == ["p", "q"]


def test_jobs_that_can_never_run_are_rejected_with_the_reason():
    jobs, _ = run([(0.0, 5, 10.0), (1.0, 4, 10.0)])
    assert [job.status for job in jobs] == ["rejected", "completed"]
    assert jobs[0].reason == "a gang of 5 never fits: p has 4 for jobs"


@pytest.mark.parametrize(("limit", "statuses"), [(0, "crr"), (1, "ccr"), (None, "ccc")])
def test_a_queue_limit_counts_those_that_wait_after_the_pass(limit, statuses):
    jobs, _ = run([(0.0, 4, 10.0), (1.0, 4, 10.0), (1.0, 4, 10.0)], queue_limit=limit)
    assert "".join(job.status[0] for job in jobs) == statuses


def test_with_no_room_to_wait_a_job_that_fits_still_starts():
    jobs, _ = run([(0.0, 4, 10.0), (10.0, 4, 10.0)], queue_limit=0)
    assert [job.status for job in jobs] == ["completed", "completed"]


@pytest.mark.parametrize(("duration", "expected"), [(0.0, 0.0), (10.0, 0.0), (10.5, 2.0), (20.0, 2.0), (30.5, 6.0)])
def test_checkpoints_come_after_each_full_interval_but_the_last(duration, expected):
    assert whole_length(duration, 0.0, Checkpoints(10.0, 2.0)) == duration + expected


def test_checkpoints_lengthen_a_job():
    jobs, ledger = run([(0.0, 2, 30.0)], checkpoints=Checkpoints(10.0, 1.5))
    assert jobs[0].end == 33.0
    assert ledger.seconds[0, 0, State.BUSY] == 66.0


def test_unused_accelerators_of_whole_nodes_stand_idle_at_their_holders_cost():
    _, ledger = run([(0.0, 6, 10.0)], pools={"p": PoolState("p", 3, 4, 1, FirstFit())})
    assert ledger.seconds[0, 0, State.BUSY] == 60.0
    assert ledger.seconds[0, 0, State.IDLE] == 20.0


def test_phases_fix_the_order_of_every_pair_of_events_at_one_instant():
    environment, seen = FleetEnvironment(), []
    for phase in reversed(Phase):
        environment.at(5.0, phase).callbacks.append(lambda _, phase=phase: seen.append(phase))
    environment.run(until=6.0)
    assert seen == sorted(Phase)


@given(st.floats(0, 8e9))
def test_control_plane_times_lie_on_the_grid(time):
    assert (on_grid(time) / TICK).is_integer()
    assert 0.0 <= on_grid(time) - time <= TICK


ROWS = st.lists(st.tuples(st.integers(0, 20), st.integers(1, 6), st.integers(0, 15)), min_size=1, max_size=25)


@given(ROWS, st.sampled_from([Fifo(), FifoFirstFit()]), st.integers(1, 3))
@settings(deadline=None)
def test_scheduling_equals_a_plain_scan_of_the_queue(rows, ordering, nodes):
    rows = sorted(((float(submit), gang, float(duration)) for submit, gang, duration in rows), key=lambda row: row[0])
    jobs, _ = run(rows, ordering, {"p": PoolState("p", nodes, 2, 1, FirstFit())})
    expected = plain_scan(rows, ordering.blocks, nodes, 2)
    assert [(job.start if job.status == "completed" else None) for job in jobs] == expected


def plain_scan(rows, blocks, nodes, per_node):
    """All starts, by looking at every waiting job at every instant."""
    free, waiting, running, start = [per_node] * nodes, [], [], [None] * len(rows)
    arrivals = list(range(len(rows)))
    while arrivals or running:
        now = min([rows[j][0] for j in arrivals[:1]] + [end for end, _, _ in running])
        while True:
            for entry in [r for r in running if r[0] <= now]:
                running.remove(entry)
                for node, count in entry[2]:
                    free[node] += count
            while arrivals and rows[arrivals[0]][0] <= now:
                job = arrivals.pop(0)
                if -(-rows[job][1] // per_node) <= nodes:
                    waiting.append(job)
            began = False
            for job in list(waiting):
                nodes_taken = take(free, rows[job][1], per_node)
                if nodes_taken:
                    waiting.remove(job)
                    start[job], began = now, began or rows[job][2] == 0.0
                    running.append((now + rows[job][2], job, nodes_taken))
                elif blocks:
                    break
            if not began:
                break
    return start


def take(free, gang, per_node):
    if gang <= per_node:
        nodes = [(n, gang) for n, room in enumerate(free) if room >= gang][:1]
    else:
        empty = [(n, per_node) for n, room in enumerate(free) if room == per_node]
        nodes = empty[: -(-gang // per_node)] if len(empty) >= -(-gang // per_node) else []
    for node, count in nodes:
        free[node] -= count
    return nodes
