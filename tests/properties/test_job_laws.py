"""What holds of jobs under every scheduler, whatever comes: judged from the spells alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracles.job_plane import run_plane
from oracles.jobs import Checkpoints, Failure
from properties.test_jobs_equal_oracle import SCHEDULERS, SETTINGS, WHOLE, workloads

from sim.fleet.ledger import State
from sim.policies.scheduling import Fifo

NODES, PER_NODE = 3, 4
FAILURES = st.lists(
    st.builds(Failure, st.integers(1, 80).map(float), st.integers(0, NODES - 1), WHOLE), max_size=6, unique=True
)


@pytest.mark.parametrize("scheduler", SCHEDULERS)
@given(workloads(largest=NODES * PER_NODE), FAILURES, st.sampled_from([None, Checkpoints(3.0, 0.5, 1.0)]))
@SETTINGS
def test_whatever_comes(scheduler, rows, failures, checkpoints):
    failures = [failure._replace(time=failure.time + rows[0][0]) for failure in failures]
    policy = SCHEDULERS[scheduler][0]()
    jobs, ledger = run_plane(policy, rows, NODES, PER_NODE, failures=failures, checkpoints=checkpoints)
    assert [(job.status, job.submit) for job in jobs] == [("completed", row[0]) for row in rows]
    held = []
    for job in jobs:
        _gangs_are_whole(job)
        _work_is_conserved(job)
        _one_spell_at_a_time(job)
        held += [(spell.start, spell.end, dict(spell.holding.nodes)) for spell in job.spells]
    _nothing_is_held_twice(held)
    down = [(each.time, each.time + each.repair, {each.node: PER_NODE}) for each in failures]
    _nothing_down_is_held(held, down)
    worked = sum(spell.accelerators * (spell.end - spell.start) for job in jobs for spell in job.spells)
    assert ledger.seconds[0, ledger.owners["jobs"], State.BUSY] == pytest.approx(worked, rel=1e-12, abs=1e-9)


def _gangs_are_whole(job):
    for spell in job.spells:
        nodes = dict(spell.holding.nodes)
        assert spell.accelerators == job.gang
        assert sum(nodes.values()) - spell.holding.unused == job.gang
        if job.gang <= PER_NODE:
            assert list(nodes.values()) == [job.gang]
        else:
            assert set(nodes.values()) == {PER_NODE}
            assert spell.holding.unused < PER_NODE


def _work_is_conserved(job):
    """The seconds held are those of the work asked for, of what failures undid, of checkpoints and of restarts."""
    held = sum(spell.end - spell.start for spell in job.spells)
    beside = sum(spell.lost + spell.checkpointing + spell.restarting for spell in job.spells)
    assert held == pytest.approx(job.duration + beside, rel=1e-12, abs=1e-9)
    assert len(job.spells) == 1 + job.preemptions + job.failures


def _one_spell_at_a_time(job):
    edges = [job.submit, *(edge for spell in job.spells for edge in (spell.start, spell.end))]
    assert edges == sorted(edges)


def _nothing_is_held_twice(held):
    instants = sorted({start for start, _, _ in held})
    for instant in instants:
        for node in range(NODES):
            assert sum(on.get(node, 0) for start, end, on in held if start <= instant < end) <= PER_NODE


def _nothing_down_is_held(held, down):
    for start, end, on in held:
        assert not any(max(start, fails) < min(end, up) and on.keys() & at.keys() for fails, up, at in down)


@given(workloads(largest=1), st.integers(1, 6))
@SETTINGS
def test_more_accelerators_start_no_job_later_where_each_takes_one(rows, accelerators):
    fewer, more = (run_plane(Fifo(), rows, 1, count)[0] for count in (accelerators, accelerators + 1))
    assert all(after.start <= before.start for before, after in zip(fewer, more, strict=True))
