"""Elastic gangs: who grows, who gives way, and when a resize pays; by hand, and against the best of all splits."""

from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from unit.job_runs import pool, run, spells

from sim.policies.elastic import GoodputElastic
from sim.policies.registry import PolicyError, resolve
from sim.training.progress import Checkpoints
from sim.workload.jobs import JobRequest

LONG = 1e5


def elastic(name, submit=0.0, gang=1, length=LONG, smallest=1, largest=4, scaling=lambda n: n**-0.5, **options):
    return JobRequest(name, submit, gang, length, smallest=smallest, largest=largest, efficiency=scaling, **options)


def sizes(jobs):
    """(start, accelerators) of each spell of each job."""
    return [[(spell.start, spell.accelerators) for spell in job.spells] for job in jobs]


def held_at_first(jobs, pools=None, **options):
    found, _ = run(jobs, GoodputElastic(), pools, until=1.0, **options)
    return [job.spells[0].accelerators if job.spells else 0 for job in found]


def test_what_is_left_goes_where_it_adds_most():
    """The second scales perfectly, the first does not: 2 would add 0.41 to its rate of 1."""
    assert held_at_first([elastic("0"), elastic("1", scaling=None)]) == [1, 3]


def test_alike_jobs_have_alike_gangs():
    assert held_at_first([elastic("0"), elastic("1")]) == [2, 2]


def test_a_step_over_a_poor_size_is_found():
    """Three are worse than two, four are twice as good: the step goes from two to four."""
    rates = {1: 1.0, 2: 1.5, 3: 1.4, 4: 3.0}
    assert held_at_first([elastic("0", scaling=lambda n: rates[n] / n)]) == [4]
    assert held_at_first([elastic("0", scaling=lambda n: rates[n] / n)], {"p": pool(per_node=3)}) == [2]


def test_smallest_gangs_come_first_in_order_of_submission():
    jobs = [elastic("0", gang=2, smallest=2), elastic("1", gang=3, smallest=3), elastic("2"), elastic("3")]
    assert held_at_first(jobs) == [2, 0, 1, 1]


def test_jobs_of_one_size_are_started_where_they_fit():
    jobs = [JobRequest(str(n), 0.0, gang, 30.0) for n, gang in enumerate((3, 2, 1))]
    found, _ = run(jobs, GoodputElastic())
    assert [spells(job) for job in found] == [[(0.0, 30.0)], [(60.0, 90.0)], [(0.0, 30.0)]]


def test_a_newcomer_has_its_smallest_gang_and_the_others_grow_again_when_it_ends():
    """Work of 360 at a rate of n: 60 s on four, 60 s on three and 0 on one, 60 s on four leave it done at 165 s."""
    jobs = [elastic("old", length=600.0, scaling=None), elastic("new", submit=30.0, length=60.0, largest=1)]
    found, _ = run(jobs, GoodputElastic())
    assert sizes(found) == [[(0.0, 4), (60.0, 3), (120.0, 4)], [(60.0, 1)]]
    assert found[0].end == 120.0 + (600.0 - 60 * 4 - 60 * 3) / 4
    assert (found[0].resizes, found[0].preemptions) == (2, 0)


@pytest.mark.parametrize(("horizon", "grows"), [("60 s", False), ("79 s", False), ("81 s", True)])
def test_a_running_job_grows_only_where_that_pays(horizon, grows):
    """From 3 to 4 the rate grows by a third: 20 s that are lost pay after 80 s."""
    jobs = [elastic("old", scaling=None), elastic("new", length=1.0, largest=1)]
    checkpoints = Checkpoints(1e6, 15.0, 5.0)
    found, _ = run(jobs, GoodputElastic(horizon=horizon), checkpoints=checkpoints, until=100.0)
    assert sizes(found)[0] == [(0.0, 3), (60.0, 4)][: 1 + grows]


def test_who_does_not_change_is_not_touched():
    jobs = [elastic(str(n), length=300.0, largest=2) for n in range(2)] + [elastic("late", 10.0, length=300.0)]
    found, _ = run(jobs, GoodputElastic(), {"p": pool(nodes=3, per_node=2)}, until=150.0)
    assert sizes(found) == [[(0.0, 2)], [(0.0, 2)], [(60.0, 2)]]


def test_what_must_not_be_preempted_keeps_its_size():
    jobs = [elastic("0", scaling=None), elastic("1", submit=1.0)]
    found, _ = run(jobs, GoodputElastic(), preemptible=False, until=500.0)
    assert sizes(found) == [[(0.0, 4)], []]


@given(
    gains=st.lists(st.lists(st.floats(0.01, 1.0), min_size=4, max_size=4), min_size=1, max_size=3),
    room=st.integers(1, 8),
)
@settings(deadline=None, max_examples=60)
def test_where_each_accelerator_adds_less_than_the_last_no_split_is_better(gains, room):
    tables = [[0.0, 1.0] for _ in gains]
    for table, steps in zip(tables, gains, strict=True):
        for step in sorted(steps, reverse=True):
            table.append(table[-1] + step)
    jobs = [
        elastic(str(n), largest=5, scaling=lambda size, table=table: table[size] / size)
        for n, table in enumerate(tables)
    ]
    held = held_at_first(jobs, {"p": pool(per_node=room)})
    started = min(room, len(jobs))
    assert [size > 0 for size in held] == [n < started for n in range(len(jobs))]
    splits = (split for split in product(range(1, 6), repeat=started) if sum(split) <= room)
    best = max(sum(tables[n][size] for n, size in enumerate(split)) for split in splits)
    assert sum(tables[n][size] for n, size in enumerate(held)) == pytest.approx(best, rel=1e-6)


@pytest.mark.parametrize("options", [{"interval": "0 s"}, {"horizon": "nothing"}])
def test_bad_options_are_refused(options):
    with pytest.raises(PolicyError, match="goodput_elastic"):
        resolve("scheduling", "goodput_elastic", options)
