"""Fair shares: who is served next, by hand; and that a pass looks at kinds of jobs, not at every job."""

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st
from unit.job_runs import pool, requests, run, run_streams, spells

from sim.policies.fair_share import FairShare
from sim.training.job_plane import Stream
from sim.training.tenants import Tenant
from sim.workload.jobs import JobRequest

LONG = 1000.0


def crowd(tenant, count, gang=1, length=LONG, **options):
    return [JobRequest(f"{tenant}{n}", 0.0, gang, length, tenant=tenant, **options) for n in range(count)]


def held_at(jobs, instant):
    """Accelerators by tenant and pool at an instant."""
    held = Counter()
    for job in jobs:
        for spell in job.spells:
            if spell.start <= instant < spell.end:
                held[job.tenant, spell.holding.pool] += spell.accelerators
    return held


def held_at_first(jobs, pools, tenants=(), allowed=("p",)):
    return held_at(run(jobs, FairShare(), pools, allowed, tenants, until=1.0)[0], 0.0)


def test_two_tenants_have_half_each_however_many_jobs_one_has():
    held = held_at_first(crowd("many", 20) + crowd("few", 4), {"p": pool(per_node=8)})
    assert held == {("many", "p"): 4, ("few", "p"): 4}


def test_what_one_does_not_want_the_others_have():
    held = held_at_first(crowd("many", 20) + crowd("few", 1), {"p": pool(per_node=8)})
    assert held == {("many", "p"): 7, ("few", "p"): 1}


def test_weights_divide():
    tenants = [Tenant("a", weight=3.0), Tenant("b")]
    held = held_at_first(crowd("a", 20) + crowd("b", 20), {"p": pool(per_node=8)}, tenants)
    assert held == {("a", "p"): 6, ("b", "p"): 2}


def test_jobs_of_nobody_are_a_tenant():
    held = held_at_first(crowd("a", 20) + requests(*[(0.0, 1, LONG)] * 20), {"p": pool(per_node=8)})
    assert held == {("a", "p"): 4, (None, "p"): 4}


def test_jobs_of_nobody_that_run_are_counted():
    """Nobody holds six of eight when a comes: what comes free goes to a until both hold four."""
    early = [JobRequest(f"n{n}", 0.0, 1, 10.0 + n) for n in range(6)]
    late = [JobRequest(f"m{n}", 1.0, 1, LONG) for n in range(20)] + [job._replace(submit=1.0) for job in crowd("a", 20)]
    jobs, _ = run(early + late, FairShare(), {"p": pool(per_node=8)}, until=30.0)
    counts = [(held_at(jobs, instant)[None, "p"], held_at(jobs, instant)["a", "p"]) for instant in (1.5, 10.5, 12.5)]
    assert counts == [(6, 2), (5, 3), (4, 4)]


def test_it_is_the_dominant_share_that_counts():
    """Three of four in q are as much as six of eight in p, however little of p the one who has them holds."""
    c = [JobRequest("c", 0.0, 3, LONG, tenant="c", speed={"q": 1.0}), *crowd("c", 20, speed={"p": 1.0})]
    pools = {"p": pool("p", per_node=8), "q": pool("q", per_node=4)}
    held = held_at_first(c + crowd("b", 20, speed={"p": 1.0}), pools, allowed=("p", "q"))
    assert held == {("c", "q"): 3, ("c", "p"): 2, ("b", "p"): 6}


def test_within_a_tenant_the_first_that_fits_starts():
    jobs = [JobRequest("large", 0.0, 5, LONG, tenant="a"), JobRequest("small", 0.0, 3, LONG, tenant="a")]
    found, _ = run(jobs, FairShare(), until=1.0)
    assert [job.status for job in found] == ["rejected", "running"]
    jobs = [JobRequest(str(n), 0.0, gang, LONG, tenant="a") for n, gang in enumerate((2, 4, 2))]
    found, _ = run(jobs, FairShare(), until=1.0)
    assert [job.status for job in found] == ["running", "queued", "running"]


def test_nobody_is_preempted_and_quotas_hold():
    tenants = [Tenant("a", quota={"p": 3}), Tenant("b")]
    jobs = crowd("a", 4, length=10.0) + [job._replace(submit=1.0) for job in crowd("b", 1, gang=2, length=10.0)]
    found, _ = run(jobs, FairShare(), tenants=tenants)
    assert [spells(job) for job in found] == [[(0.0, 10.0)]] * 3 + [[(10.0, 20.0)]] * 2


@given(
    jobs=st.lists(
        st.tuples(st.sampled_from("abc"), st.integers(1, 4), st.sampled_from(["p", "q", "pq"])), min_size=1, max_size=25
    ),
    weights=st.tuples(*[st.sampled_from([1.0, 2.0, 3.0])] * 3),
)
@settings(deadline=None, max_examples=60)
def test_a_pass_is_the_progressive_filling_of_the_paper(jobs, weights):
    """A scan of all jobs: again and again the first job that fits of the tenant with the least dominant share."""
    rows = [
        JobRequest(str(n), 0.0, gang, LONG, tenant=name, speed=dict.fromkeys(where, 1.0))
        for n, (name, gang, where) in enumerate(jobs)
    ]
    weight, free, total = dict(zip("abc", weights, strict=True)), {"p": 6, "q": 4}, {"p": 6, "q": 4}
    held, waiting = {name: Counter() for name in "abc"}, list(range(len(rows)))

    def first_fit(name):
        mine = (n for n in waiting if rows[n].tenant == name)
        return next(((n, p) for n in mine for p in rows[n].speed if rows[n].accelerators <= free[p]), None)

    while any(first_fit(name) for name in "abc"):
        able = [name for name in "abc" if first_fit(name)]
        name = min(able, key=lambda each: max([held[each][p] / total[p] for p in "pq"]) / weight[each])
        number, where = first_fit(name)
        shares = {each: max(held[each][p] / total[p] for p in "pq") / weight[each] for each in able}
        ties = [each for each in able if shares[each] == shares[name]]
        name = min(ties, key=lambda each: next(n for n in waiting if rows[n].tenant == each and _could(rows[n], free)))
        number, where = first_fit(name)
        held[name][where] += rows[number].accelerators
        free[where] -= rows[number].accelerators
        waiting.remove(number)
    pools = {"p": pool("p", per_node=6), "q": pool("q", per_node=4)}
    stream = Stream("jobs", rows, ("p", "q"))
    run_streams([stream], FairShare(), pools, [Tenant(name, weight[name]) for name in "abc"], until=1.0)
    found = [job.number for job in stream.jobs if job.status == "queued"]
    assert found == [n for n in waiting if rows[n].accelerators <= max(total[p] for p in rows[n].speed)]


def _could(job, free):
    return any(job.accelerators <= free[p] for p in job.speed)
