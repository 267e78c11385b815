"""What each scheduler does, on cases small enough to follow by hand: four accelerators, unless said."""

import pytest
from unit.job_runs import pool, requests, run, spells

from sim.fleet.pool import FleetError, PoolState, PoolTraits
from sim.policies.backfill import EasyBackfill
from sim.policies.conservative import ConservativeBackfill
from sim.policies.least_attained import Las
from sim.policies.placement import FirstFit
from sim.policies.scheduling import FifoFirstFit, Priority, Sjf, Srsf, Srtf
from sim.training.progress import Checkpoints
from sim.training.tenants import Tenant
from sim.workload.jobs import JobRequest

EASY, CONSERVATIVE = EasyBackfill(), ConservativeBackfill()


def starts(jobs):
    return [job.start for job in jobs]


def job(name, submit, gang, duration, **options):
    return JobRequest(name, submit, gang, duration, **options)


def test_sjf_starts_the_shortest_and_blocks_behind_it():
    """At 10 s three accelerators are free: the shortest needs four, so that the longer one waits with it."""
    rows = [(0.0, 3, 10.0), (0.0, 1, 20.0), (1.0, 4, 5.0), (2.0, 2, 6.0)]
    assert starts(run(requests(*rows), Sjf())[0]) == [0.0, 0.0, 20.0, 25.0]


def test_sjf_goes_by_estimates_where_it_sees_those():
    rows = [job("first", 0.0, 4, 5.0), job("short", 1.0, 4, 1.0, estimate=9.0), job("long", 2.0, 4, 8.0, estimate=2.0)]
    assert starts(run(rows, Sjf())[0]) == [0.0, 5.0, 6.0]
    assert starts(run(rows, Sjf(sees="estimates"))[0]) == [0.0, 13.0, 5.0]


def test_srtf_preempts_the_longest_to_go_and_no_work_is_lost():
    jobs, _ = run(requests((0.0, 2, 10.0), (0.0, 2, 3.0), (1.0, 2, 4.0)), Srtf())
    assert [spells(each) for each in jobs] == [[(0.0, 1.0), (3.0, 12.0)], [(0.0, 3.0)], [(1.0, 5.0)]]
    assert [each.preemptions for each in jobs] == [1, 0, 0]


def test_who_is_served_later_but_still_fits_keeps_running():
    """The newcomer needs two; of the running ones the last must go, and the one before it may stay."""
    jobs, _ = run(requests((0.0, 2, 20.0), (0.0, 2, 30.0), (1.0, 2, 4.0)), Srtf())
    assert [spells(each) for each in jobs] == [[(0.0, 20.0)], [(0.0, 1.0), (5.0, 34.0)], [(1.0, 5.0)]]


def test_srsf_counts_accelerators_too():
    """Eight accelerator-seconds go before twelve, though they take longer."""
    jobs, _ = run(requests((0.0, 4, 3.0), (0.0, 1, 8.0)), Srsf())
    assert starts(jobs) == [8.0, 0.0]


def test_a_preempted_job_saves_and_loads_its_state():
    """One of its ten seconds is done; half a second of saving and two of loading come before the other nine."""
    jobs, _ = run(requests((0.0, 4, 10.0), (1.0, 4, 2.0)), Srtf(), checkpoints=Checkpoints(60.0, 0.5, 2.0))
    assert spells(jobs[0]) == [(0.0, 1.0), (3.0, 14.5)]


def test_what_is_not_preemptible_stays():
    jobs, _ = run(requests((0.0, 4, 10.0), (1.0, 4, 2.0)), Srtf(), preemptible=False)
    assert starts(jobs) == [0.0, 10.0]


@pytest.mark.parametrize(("preempts", "expected"), [(False, [0.0, 15.0, 10.0]), (True, [0.0, 12.0, 2.0])])
def test_priority_with_and_without_preemption(preempts, expected):
    rows = [job("low", 0.0, 4, 10.0), job("lower", 1.0, 4, 5.0, priority=-1), job("high", 2.0, 4, 5.0, priority=1)]
    jobs, _ = run(rows, Priority(preempts=preempts))
    assert starts(jobs) == ([0.0, 15.0, 10.0] if not preempts else [0.0, 15.0, 2.0])
    assert jobs[0].end == (15.0 if preempts else 10.0)


def test_on_nodes_a_job_whose_place_is_taken_moves_or_waits():
    """Two nodes of two. The newcomer takes the first node: of the two there one finds room on the other."""
    rows = [(0.0, 1, 9.0), (0.25, 1, 8.0), (0.5, 1, 7.0), (1.0, 2, 4.0)]
    jobs, _ = run(requests(*rows), Srtf(), {"p": pool(nodes=2, per_node=2)})
    assert [spells(each) for each in jobs] == [
        [(0.0, 1.0), (5.0, 13.0)],
        [(0.25, 1.0), (1.0, 8.25)],
        [(0.5, 7.5)],
        [(1.0, 5.0)],
    ]
    assert jobs[1].spells[1].holding.nodes == ((1, 1),)


def test_a_quota_is_made_room_for_by_the_tenant_itself():
    rows = [
        job("other", 0.0, 2, 50.0, tenant="b"),
        job("long", 0.0, 2, 40.0, tenant="a"),
        job("short", 1.0, 2, 4.0, tenant="a"),
    ]
    jobs, _ = run(rows, Srtf(), tenants=[Tenant("a", quota={"p": 2})])
    assert [spells(each) for each in jobs] == [[(0.0, 50.0)], [(0.0, 1.0), (5.0, 44.0)], [(1.0, 5.0)]]


def test_las_demotes_exactly_at_the_threshold():
    """The first falls into the second queue at 4 s, behind the newcomer, which falls at 8 s behind the first."""
    jobs, _ = run(requests((0.0, 4, 10.0), (1.0, 4, 6.0)), Las(["4 s"]))
    assert [spells(each) for each in jobs] == [[(0.0, 4.0), (8.0, 14.0)], [(4.0, 8.0), (14.0, 16.0)]]


def test_las_by_accelerator_time_demotes_gangs_sooner():
    jobs, _ = run(requests((0.0, 4, 10.0), (1.0, 4, 2.0)), Las(["8 s"], by="accelerator_time"))
    assert [spells(each) for each in jobs] == [[(0.0, 2.0), (4.0, 12.0)], [(2.0, 4.0)]]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"thresholds": ["2 s", "1 s"]}, "ascending"),
        ({"thresholds": ["0 s"]}, "positive"),
        ({"thresholds": [3600]}, "with their units"),
        ({"thresholds": "1 h"}, "is a list of times"),
        ({"by": "steps"}, "time or"),
    ],
)
def test_las_refuses_what_makes_no_queues(options, words):
    with pytest.raises(ValueError, match=words):
        Las(**options)


@pytest.mark.parametrize(("duration", "start"), [(9.0, 1.0), (9.5, 15.0)])
def test_easy_starts_a_later_job_that_ends_before_the_first_can_start(duration, start):
    rows = [(0.0, 3, 10.0), (0.5, 4, 5.0), (1.0, 1, duration)]
    assert starts(run(requests(*rows), EASY)[0]) == [0.0, 10.0, start]


def test_easy_starts_a_later_job_on_what_the_first_leaves_over():
    rows = [(0.0, 3, 10.0), (0.5, 3, 5.0), (1.0, 1, 100.0)]
    assert starts(run(requests(*rows), EASY)[0]) == [0.0, 10.0, 1.0]


def test_easy_looks_at_nodes_and_not_at_counts_alone():
    """Two nodes of two; the gang of two waits for a node. One on the other node delays it, though counts would do."""
    nodes = {"p": pool(nodes=2, per_node=2)}
    rows = [(0.0, 1, 4.0), (0.0, 2, 10.0), (1.0, 2, 5.0), (2.0, 1, 20.0)]
    assert starts(run(requests(*rows), EASY, nodes)[0]) == [0.0, 0.0, 4.0, 9.0]


def test_easy_goes_by_estimates_where_it_sees_those():
    """The running job is expected to end at 20 s, so that ten seconds fit before; in truth it ends at 5 s."""
    rows = [job("a", 0.0, 3, 5.0, estimate=20.0), job("b", 0.0, 4, 5.0), job("c", 1.0, 1, 10.0)]
    assert starts(run(rows, EasyBackfill(sees="estimates"))[0]) == [0.0, 11.0, 1.0]
    assert starts(run(rows, EASY)[0]) == [0.0, 5.0, 10.0]


def test_easy_and_conservative_differ_on_the_second_in_line():
    """The last one leaves the first its room; the second, which has a reservation only with conservative, it delays."""
    rows = [(0.0, 2, 10.0), (0.25, 3, 5.0), (0.5, 4, 5.0), (0.75, 1, 30.0)]
    assert starts(run(requests(*rows), EASY)[0]) == [0.0, 10.0, 30.75, 0.75]
    assert starts(run(requests(*rows), ConservativeBackfill())[0]) == [0.0, 10.0, 15.0, 20.0]


def test_conservative_reserves_anew_when_a_job_ends_early():
    rows = [job("a", 0.0, 4, 5.0, estimate=20.0), job("b", 1.0, 4, 5.0), job("c", 2.0, 4, 5.0)]
    assert starts(run(rows, ConservativeBackfill(sees="estimates"))[0]) == [0.0, 5.0, 10.0]


def test_conservative_waits_for_a_job_that_outlives_its_estimate():
    rows = [job("a", 0.0, 4, 30.0, estimate=5.0), job("b", 1.0, 4, 5.0), job("c", 2.0, 4, 5.0)]
    assert starts(run(rows, ConservativeBackfill(sees="estimates"))[0]) == [0.0, 30.0, 35.0]


@pytest.mark.parametrize("policy", [EasyBackfill, ConservativeBackfill, FifoFirstFit])
def test_who_waits_for_a_quota_holds_up_nobody_else(policy):
    rows = [
        job("first", 0.0, 2, 10.0, tenant="a"),
        job("second", 1.0, 2, 10.0, tenant="a"),
        job("other", 2.0, 2, 30.0, tenant="b"),
    ]
    jobs, _ = run(rows, policy(), tenants=[Tenant("a", quota={"p": 3})])
    assert starts(jobs) == [0.0, 10.0, 2.0]


def test_the_queue_of_one_pool_does_not_hold_up_another():
    pools = {"p": pool("p"), "q": pool("q")}
    speed = {"p": 1.0}
    rows = [
        job("a", 0.0, 4, 10.0, speed=speed),
        job("b", 1.0, 4, 10.0, speed=speed),
        job("c", 2.0, 4, 10.0, speed={"q": 1.0}),
        job("d", 3.0, 2, 5.0),
    ]
    for policy in (EASY, ConservativeBackfill(), FifoFirstFit()):
        assert starts(run(rows, policy, pools, ("p", "q"))[0])[:3] == [0.0, 10.0, 2.0]


@pytest.mark.parametrize("policy", [Sjf, EasyBackfill, ConservativeBackfill])
def test_a_policy_that_goes_by_lengths_must_see_them(policy):
    with pytest.raises(ValueError, match="estimates or durations"):
        policy(sees="nothing")


@pytest.mark.parametrize("policy", [EasyBackfill, ConservativeBackfill])
def test_backfill_knows_that_work_across_nodes_takes_longer(policy):
    """Three nodes of two: eight seconds on two nodes take sixteen, and would delay the one that starts at 10 s."""
    nodes = PoolState("p", 3, 2, 1, FirstFit(), PoolTraits(across_nodes=2.0))
    rows = [(0.0, 2, 10.0), (1.0, 6, 2.0), (2.0, 4, 8.0)]
    assert starts(run(requests(*rows), policy(), {"p": nodes})[0]) == [0.0, 10.0, 14.0]


def test_jobs_of_one_priority_do_not_give_way_to_one_another():
    """A waits for all of it since 1 s, B has run on half since 2 s; when the other half is free, B goes on."""
    rows = [(0.0, 2, 100.0), (1.0, 4, 10.0), (2.0, 2, 200.0)]
    jobs, _ = run(requests(*rows), Priority(preempts=True))
    assert [spells(job) for job in jobs] == [[(0.0, 100.0)], [(202.0, 212.0)], [(2.0, 202.0)]]


class Own:
    blocks = False
    preempts = True
    sees = "nothing"

    def __init__(self, key=0.0, jump=None):
        self.own_key, self.jump = key, jump

    def key(self, job):
        return (self.own_key,)

    def next_change(self, job):
        return 1 / 0 if self.jump == "fails" else self.jump


@pytest.mark.parametrize(
    ("policy", "words"),
    [
        (Own(key=float("nan")), r"policy Own gives job 0 a key of \(nan,\)"),
        (Own(jump="fails"), "policy Own failed on job 0: ZeroDivisionError"),
        (Own(jump="soon"), "has the key of job 0 jump 'soon' s from now"),
        (Own(jump=-1.0), "has the key of job 0 jump -1.0 s from now"),
        (Own(jump=float("nan")), "has the key of job 0 jump nan s from now"),
    ],
)
def test_what_an_order_of_ones_own_says_wrongly_is_named(policy, words):
    with pytest.raises(FleetError, match=words):
        run(requests((0.0, 2, 5.0)), policy)


def test_a_key_that_jumps_at_once_jumps_at_the_next_instant():
    jobs, _ = run(requests((1e7, 2, 2.0**-14)), Own(jump=1e-300))
    assert spells(jobs[0]) == [(1e7, 1e7 + 2.0**-14)]


def test_a_key_that_jumps_never_may_say_so():
    jobs, _ = run(requests((0.0, 2, 5.0)), Own(jump=float("inf")))
    assert spells(jobs[0]) == [(0.0, 5.0)]
