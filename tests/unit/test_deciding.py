"""Schedulers in full form: what they see, and answers that are refused with the policy's name and the job."""

import pytest
from unit.job_runs import pool, requests, run, run_streams, spells

from sim.fleet.pool import FleetError
from sim.policies.protocols import Assign
from sim.training.job_plane import Stream
from sim.training.progress import Checkpoints
from sim.training.tenants import Tenant


class Scripted:
    """Answers what a function of the fleet says."""

    sees = "durations"

    def __init__(self, decide, interval=None):
        self.interval = interval
        self.decide = decide


def give(*answers):
    """Answer once, when everybody is there."""
    return Scripted(lambda fleet: list(answers) if len(fleet.waiting) + len(fleet.running) == 2 else [])


TWO = requests((0.0, 2, 10.0), (0.0, 3, 10.0))


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        ([Assign("0", "p", 2), Assign("0", "p", 2)], "gives 2 accelerators of p to job 0, which runs there already"),
        ([Assign("0", "p", 2), Assign("1", "p", 3)], "gives 3 accelerators of p to job 1, .* no room: 2 are free"),
        ([Assign("0", "p", 3)], "gives 3 accelerators of p to job 0, which runs on 2"),
        ([Assign("0", "q", 2)], "gives 2 accelerators of q to job 0, which runs on p only"),
        ([Assign("2", "p", 2)], "to job 2, which is not there"),
        (
            [Assign("0", "p", 2, [(0, 5)])],
            "Scripted gives 2 accelerators of p to job 0, where there is no such room: 5 on node 0",
        ),
        ([Assign("0", "p", 2, [(3, 2)])], "2 on node 3"),
    ],
)
def test_a_wrong_answer_is_refused_with_the_policy_and_the_job(answers, words):
    with pytest.raises(FleetError, match=words):
        run(TWO, give(*answers))


def test_a_policy_that_fails_is_named():
    with pytest.raises(FleetError, match="the scheduling policy Scripted failed: ZeroDivisionError"):
        run(TWO, Scripted(lambda _: [1 / 0]))


def test_what_must_not_be_preempted_is_not():
    policy = Scripted(lambda fleet: [Assign(fleet.waiting.kinds()[0].first().id, "p", 2), Assign("0", "p", 0)])
    with pytest.raises(FleetError, match="preempts job 0, which must not be preempted"):
        run(TWO[:1], policy, preemptible=False)


def test_an_answer_is_carried_out_before_the_next_is_asked_for():
    seen = []

    def decide(fleet):
        for job in fleet.waiting:
            seen.append((job.id, fleet.pools["p"].free, fleet.fits(job, "p", job.gang)))
            if fleet.fits(job, "p", job.gang):
                yield Assign(job.id, "p", job.gang)

    run(TWO, Scripted(decide))
    assert seen == [("0", 4, True), ("1", 2, False), ("1", 4, True)]


def test_a_job_may_be_resized_and_keeps_its_work():
    """Eight seconds on one accelerator leave six on two; two more go to saving and loading."""

    def decide(fleet):
        for job in [*fleet.waiting]:
            yield Assign(job.id, "p", 1)
        for job in fleet.running:
            if fleet.now == 8.0:
                yield Assign(job.id, "p", 2)

    elastic = requests((0.0, 2, 10.0), smallest=1, largest=4)
    jobs, _ = run(elastic, Scripted(decide, interval=8.0), checkpoints=Checkpoints(100.0, 0.5, 1.5))
    assert spells(jobs[0]) == [(0.0, 8.0), (8.0, 16.0)]
    assert (jobs[0].resizes, jobs[0].preemptions) == (1, 0)


def test_decisions_come_at_their_interval():
    instants = []

    def decide(fleet):
        instants.append(fleet.now)
        yield from (Assign(job.id, "p", job.gang) for job in [*fleet.waiting] if fleet.fits(job, "p", job.gang))

    jobs, _ = run(requests((1.0, 4, 3.0), (2.0, 4, 30.0)), Scripted(decide, interval=10.0))
    assert [spells(job) for job in jobs] == [[(10.0, 13.0)], [(20.0, 50.0)]]
    assert instants == [10.0, 20.0, 30.0, 40.0]


def test_quotas_hold_and_are_seen():
    def decide(fleet):
        yield from (Assign(job.id, "p", job.gang) for job in [*fleet.waiting] if fleet.fits(job, "p", job.gang))

    jobs = requests((0.0, 2, 10.0), (0.0, 1, 10.0), tenant="a")
    tenants = [Tenant("a", quota={"p": 2})]
    found, _ = run(jobs, Scripted(decide), tenants=tenants)
    assert [job.start for job in found] == [0.0, 10.0]
    with pytest.raises(FleetError, match="to job 1, but its nodes, or a quota, have no room"):
        run(jobs, give(Assign("0", "p", 2), Assign("1", "p", 1)), tenants=[Tenant("a", quota={"p": 2})])


def test_a_gang_beyond_the_quota_never_runs():
    jobs, _ = run(requests((0.0, 3, 10.0), tenant="a"), give(), tenants=[Tenant("a", quota={"p": 2})])
    assert jobs[0].reason == "a gang of 3 never fits: p has 4 for jobs, the quota of a is 2 of p"


def test_ids_that_two_streams_share_are_told_apart():
    streams = [Stream(name, requests((0.0, 1, 1.0)), ("p",)) for name in ("a", "b")]
    plane, _ = run_streams(streams, Scripted(lambda fleet: [Assign(job.id, "p", 1) for job in fleet.waiting]))
    assert list(plane.jobs) == ["0", "b/0"]


def test_a_job_moves_to_another_pool_at_another_speed():
    """Half of the work is done in 5 s; the other half takes a quarter of the time, and one second to load."""

    def decide(fleet):
        yield from (Assign(job.id, "p", 1) for job in [*fleet.waiting])
        yield from (Assign(job.id, "q", 1) for job in fleet.running if fleet.now == 5.0)

    jobs = requests((0.0, 1, 10.0), speed={"p": 1.0, "q": 4.0})
    pools = {"p": pool("p"), "q": pool("q")}
    checkpoints = Checkpoints(100.0, 0.0, 1.0)
    found, _ = run(jobs, Scripted(decide, interval=5.0), pools, ("p", "q"), checkpoints=checkpoints)
    assert spells(found[0]) == [(0.0, 5.0), (5.0, 7.25)]


def test_a_gang_that_fits_only_in_part_waits_for_those_who_resize():
    """Six on a fleet of four: whoever starts whole gangs alone can never run it."""
    jobs = requests((0.0, 6, 10.0), smallest=3, largest=6)

    def decide(fleet):
        yield from (Assign(job.id, "p", 4) for job in [*fleet.waiting])

    assert run(jobs, Scripted(decide))[0][0].reason == "a gang of 6 never fits: p has 4 for jobs"
    policy = Scripted(decide)
    policy.resizes = True
    assert spells(run(jobs, policy)[0][0]) == [(0.0, 15.0)]


def test_an_answer_of_another_kind_is_refused():
    with pytest.raises(FleetError, match="the scheduling policy Scripted answers 'start', which is no `Assign`"):
        run(TWO, Scripted(lambda _: ["start"]))


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda job: Assign(job, "p", 2), "for some job that `job` is a JobView, and not its id"),
        (lambda job: Assign(job.id, ["p"], 2), r"for job 0 that `pool` is \['p'\]"),
        (lambda job: Assign(job.id, "p", "2"), "`accelerators` is '2', and not a whole number"),
        (lambda job: Assign(job.id, "p", 2.5), "`accelerators` is 2.5"),
        (lambda job: Assign(job.id, "p", None), "`accelerators` is None"),
        (lambda job: Assign(job.id, "p", -2), "`accelerators` is -2"),
        (lambda job: Assign(job.id, "p", 0), "job 0, which holds nothing"),
        (lambda job: Assign(job.id, "p", 2, 5), "`nodes` is 5"),
        (lambda job: Assign(job.id, "p", 2, [(0,)]), r"`nodes` is \[\(0,\)\]"),
        (lambda job: Assign(job.id, "p", 2, "ab"), "`nodes` is 'ab'"),
        (lambda job: Assign(job.id, "p", 2, [(0.5, 2)]), r"`nodes` is \[\(0.5, 2\)\]"),
    ],
)
def test_what_is_wrong_with_an_answer_is_said(answer, words):
    with pytest.raises(FleetError, match=words):
        run(requests((0.0, 2, 5.0)), Scripted(lambda fleet: [answer(job) for job in fleet.waiting]))


def test_a_view_changes_nothing():
    def decide(fleet):
        for job in fleet.waiting:
            job.speed["q"] = 1.0
        return []

    with pytest.raises(FleetError, match="the scheduling policy Scripted failed: TypeError"):
        run(requests((0.0, 2, 5.0)), Scripted(decide))
