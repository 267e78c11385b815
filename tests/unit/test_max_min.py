"""Max-min fairness over unlike pools: the program against brute force, and rounds by hand."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from unit.job_runs import pool, requests, run, spells

from sim.fleet.environment import FleetEnvironment, Phase
from sim.fleet.ledger import Ledger, PoolPower, State
from sim.policies.max_min import Alike, MaxMinHeterogeneous, max_min_shares
from sim.policies.registry import PolicyError, resolve
from sim.training.job_plane import JobPlane, Stream
from sim.training.progress import Checkpoints
from sim.training.tenants import Tenant
from sim.workload.jobs import JobRequest

SPEEDS = st.sampled_from([0.25, 0.5, 1.0, 1.5, 3.0])


def test_each_has_the_pool_in_which_it_is_better():
    a, b = Alike(1, (("p", 4.0), ("q", 1.0))), Alike(1, (("p", 1.0), ("q", 4.0)))
    shares = max_min_shares({a: 1, b: 1}, {"p": 1, "q": 1})
    assert shares == {a: pytest.approx({"p": 1.0, "q": 0.0}), b: pytest.approx({"p": 0.0, "q": 1.0})}


def test_jobs_that_are_alike_share_alike():
    one = Alike(1, (("p", 1.0),))
    assert max_min_shares({one: 3}, {"p": 2}) == {one: pytest.approx({"p": 2 / 3})}


def test_a_gang_of_two_is_due_half_the_time_of_one():
    one, two = Alike(1, (("p", 1.0),)), Alike(2, (("p", 1.0),))
    shares = max_min_shares({one: 2, two: 2}, {"p": 2})
    assert shares == {one: pytest.approx({"p": 0.5}), two: pytest.approx({"p": 0.25})}


def test_who_has_twice_the_weight_is_due_twice_the_time():
    light, heavy = Alike(1, (("p", 1.0),)), Alike(1, (("p", 1.0),), weight=2.0)
    shares = max_min_shares({light: 1, heavy: 1}, {"p": 1})
    assert shares == {light: pytest.approx({"p": 1 / 3}), heavy: pytest.approx({"p": 2 / 3})}


@given(st.tuples(*[SPEEDS] * 4), st.tuples(*[st.integers(1, 3)] * 2), st.tuples(*[st.integers(1, 4)] * 2))
@settings(deadline=None, max_examples=80)
def test_the_least_progress_is_that_of_the_best_vertex(speeds, gangs, sizes):
    """Two jobs, two pools: all 252 choices of five tight constraints of ten."""
    kinds = [
        Alike(gang, (("p", first), ("q", second)))
        for gang, first, second in zip(gangs, speeds[::2], speeds[1::2], strict=True)
    ]
    room = np.array(sizes, float)
    table = np.array(speeds).reshape(2, 2)
    gain = np.array(gangs)[:, None] * table / (table @ room / room.sum())[:, None]
    g, h = gangs
    limits = np.array(
        [
            [-gain[0, 0], -gain[0, 1], 0, 0, 1],
            [0, 0, -gain[1, 0], -gain[1, 1], 1],
            [1, 1, 0, 0, 0],
            [0, 0, 1, 1, 0],
            [g, 0, h, 0, 0],
            [0, g, 0, h, 0],
            *(-np.eye(5)[:4]),
        ]
    )
    right = np.array([0, 0, 1, 1, *sizes, 0, 0, 0, 0], float)
    best = 0.0
    for tight in map(list, combinations(range(10), 5)):
        if abs(np.linalg.det(limits[tight])) > 1e-9:
            corner = np.linalg.solve(limits[tight], right[tight])
            if (limits @ corner <= right + 1e-9).all():
                best = max(best, corner[-1])
    counts = {kinds[0]: 2} if kinds[0] == kinds[1] else dict.fromkeys(kinds, 1)
    shares = max_min_shares(counts, dict(zip("pq", sizes, strict=True)))
    found = [sum(gain[n, k] * shares[kind][name] for k, name in enumerate("pq")) for n, kind in enumerate(kinds)]
    assert min(found) == pytest.approx(best, abs=1e-9)
    used = [sum(shares[kind][name] * kind.gang for kind in kinds) for name in "pq"]
    assert (np.array(used) <= room + 1e-9).all()


def test_three_jobs_on_one_accelerator_take_turns():
    policy = MaxMinHeterogeneous(round="10 s", reallocation="1 h")
    jobs, _ = run(requests(*[(0.0, 1, 20.0)] * 3), policy, {"p": pool(per_node=1)})
    assert [spells(job) for job in jobs] == [[(0, 10), (30, 40)], [(10, 20), (40, 50)], [(20, 30), (50, 60)]]


def test_tenants_have_time_by_their_weight():
    jobs = [JobRequest(name, 0.0, 1, 1000.0, tenant=name) for name in ("light", "heavy")]
    tenants = [Tenant("light", weight=1.0), Tenant("heavy", weight=2.0)]
    policy = MaxMinHeterogeneous(round="10 s", reallocation="1 h")
    light, heavy = run(jobs, policy, {"p": pool(per_node=1)}, tenants=tenants)[0]
    had = sum(min(end, heavy.end) - start for start, end in spells(light) if start < heavy.end)
    assert had == pytest.approx(500.0, abs=10.0)


def test_time_before_a_failure_counts_as_had():
    """Both are due half of the time. The first fails after 6 of 10 s, and has had more than the second."""
    environment, pools = FleetEnvironment(), {"p": pool(per_node=1)}
    policy = MaxMinHeterogeneous(round="10 s", reallocation="1 h")
    stream = Stream("jobs", requests(*[(0.0, 1, 100.0)] * 2), ("p",))
    ledger = Ledger({"p": PoolPower(1, 50.0, {("jobs", State.BUSY): 300.0})}, ["jobs"])
    plane = JobPlane(environment, pools, ledger, policy, [stream])
    fails = environment.at(6.0, Phase.REPAIR)
    fails.callbacks.append(lambda _: plane.interrupt(stream.jobs[0].spells[-1].holding))
    environment.run(until=35.0)
    first, second = stream.jobs
    assert [(spell.start, spell.end) for spell in first.spells[:2]] == [(0.0, 6.0), (20.0, 30.0)]
    assert [spell.start for spell in second.spells] == [10.0, 30.0]


def test_who_stays_where_it_is_goes_on_undisturbed():
    jobs, _ = run(
        requests(*[(0.0, 2, 100.0)] * 2), MaxMinHeterogeneous("10 s", "10 s"), checkpoints=Checkpoints(1e6, 1.0, 1.0)
    )
    assert [spells(job) for job in jobs] == [[(0.0, 100.0)]] * 2


def test_what_a_job_leaves_stands_idle_until_the_next_round():
    jobs, _ = run(requests((0.0, 4, 3.0), (1.0, 4, 5.0)), MaxMinHeterogeneous("10 s"))
    assert [spells(job) for job in jobs] == [[(0.0, 3.0)], [(10.0, 15.0)]]


def test_unlike_pools_are_used_where_it_pays():
    """The agnostic form has both jobs change places; the aware one leaves each where it is fast."""
    fast = {"a": {"p": 1.0, "q": 0.25}, "b": {"p": 0.25, "q": 1.0}}
    jobs = [JobRequest(name, 0.0, 1, 100.0, speed=speed) for name, speed in fast.items()]

    def ends(*, aware):
        pools = {name: pool(name, per_node=1) for name in "pq"}
        policy = MaxMinHeterogeneous("10 s", heterogeneity_aware=aware)
        return [job.end for job in run(jobs, policy, pools, ("p", "q"))[0]]

    assert ends(aware=True) == [100.0, 100.0]
    assert min(ends(aware=False)) > 150.0


def test_what_must_not_be_preempted_stays():
    jobs, _ = run(requests(*[(0.0, 3, 25.0)] * 2), MaxMinHeterogeneous("10 s"), preemptible=False)
    assert [spells(job) for job in jobs] == [[(0.0, 25.0)], [(30.0, 55.0)]]


def test_a_gang_too_large_for_one_pool_is_given_time_in_the_other():
    pools = {"p": pool("p", per_node=2), "q": pool("q", per_node=4)}
    jobs, _ = run(requests((0.0, 4, 10.0), (0.0, 1, 10.0)), MaxMinHeterogeneous("10 s"), pools, ("p", "q"))
    assert [job.spells[0].holding.pool for job in jobs] == ["q", "p"]
    assert [job.start for job in jobs] == [0.0, 0.0]


@pytest.mark.parametrize("options", [{"round": "0 s"}, {"round": "240 W"}, {"reallocation": "0 s"}])
def test_bad_options_are_refused(options):
    with pytest.raises(PolicyError, match="max_min_heterogeneous"):
        resolve("scheduling", "max_min_heterogeneous", options)


def under_a_trickle(tenants, gangs=12, hours=8):
    """Accelerator-seconds of equal jobs on room for two, while jobs of a second come and go; by tenant, sorted."""
    jobs = [JobRequest(f"long {each}", 0.0, 1, 1e9, tenant=tenants[each % len(tenants)].name) for each in range(gangs)]
    trickle = [JobRequest(f"short {each}", 600.0 * each + 5.0, 1, 1.0) for each in range(6 * hours)]
    jobs = sorted([*jobs, *trickle], key=lambda job: job.submit)
    found, _ = run(jobs, MaxMinHeterogeneous(), {"p": pool(per_node=2)}, tenants=tenants, until=3600.0 * hours)
    had = {tenant.name: [] for tenant in tenants}
    for job in found:
        if job.tenant is not None:
            had[job.tenant].append(job.attained(3600.0 * hours))
    return {name: sorted(seconds) for name, seconds in had.items()}


def test_nobody_starves_while_others_come_and_go():
    (had,) = under_a_trickle([Tenant("all")]).values()
    assert had[0] > 0.8 * sum(had) / len(had)
    assert had[-1] < 1.2 * sum(had) / len(had)


def test_weights_hold_while_others_come_and_go():
    had = under_a_trickle([Tenant("light", 1.0), Tenant("heavy", 3.0)])
    assert sum(had["heavy"]) / sum(had["light"]) == pytest.approx(3.0, rel=0.1)
