"""From what jobs hold to what they are to hold: who moves, who stays, and in which order."""

from unit.job_runs import pool, requests, run, spells

from sim.policies.arranging import Room, Share, arrange
from sim.training.tenants import Tenant
from sim.workload.jobs import JobRequest


class Timetable:
    """Says at each instant who holds what: {instant: {job: (pool, accelerators)}}."""

    sees = "nothing"
    interval = 10.0

    def __init__(self, timetable):
        self._timetable = timetable

    def decide(self, fleet):
        wanted = self._timetable.get(fleet.now)
        if wanted is not None:
            jobs = [job for job in Room(fleet).jobs() if job.id in wanted]
            yield from arrange(fleet, [Share(job, *wanted[job.id], job.gang_min) for job in jobs])


def places(job):
    return [(spell.holding.pool, [tuple(each) for each in spell.holding.nodes]) for spell in job.spells]


def test_jobs_that_change_places_do_so_at_once():
    """One of them is preempted to make room; the other moves."""
    both = requests(*[(0.0, 4, 30.0)] * 2)
    plan = {0.0: {"0": ("p", 4), "1": ("q", 4)}, 10.0: {"0": ("q", 4), "1": ("p", 4)}}
    jobs, _ = run(both, Timetable(plan), {name: pool(name) for name in "pq"}, ("p", "q"))
    assert [spells(job) for job in jobs] == [[(0.0, 10.0), (10.0, 30.0)]] * 2
    assert [[pool for pool, _ in places(job)] for job in jobs] == [["p", "q"], ["q", "p"]]
    assert sum(job.preemptions for job in jobs) == 1
    assert sum(job.resizes for job in jobs) == 1


def test_who_is_left_out_is_preempted_and_who_stays_is_not_touched():
    plan = {0.0: {"0": ("p", 2), "1": ("p", 2)}, 10.0: {"1": ("p", 2), "2": ("p", 2)}, 40.0: {"0": ("p", 2)}}
    jobs, _ = run(requests(*[(0.0, 2, 25.0)] * 3), Timetable(plan))
    assert [spells(job) for job in jobs] == [[(0.0, 10.0), (40.0, 55.0)], [(0.0, 25.0)], [(10.0, 35.0)]]


def test_a_large_gang_has_a_small_one_move():
    """Two small ones stand on a node each; the large one needs a whole node."""
    pools = {"p": pool(nodes=2, per_node=4)}
    jobs = requests((0.0, 3, 50.0), (0.0, 2, 50.0), (0.0, 2, 50.0), (0.0, 4, 10.0))
    plan = {0.0: {"0": ("p", 3), "1": ("p", 2)}, 10.0: {"1": ("p", 2), "2": ("p", 2), "3": ("p", 4)}}
    found, _ = run(jobs, Timetable(plan), pools, until=15.0)
    assert [job.status for job in found] == ["queued", "running", "running", "running"]
    assert places(found[3]) == [("p", [(0, 4)])]


def test_a_share_that_nodes_have_no_room_for_is_made_smaller():
    elastic = [JobRequest(str(n), 0.0, 3, 10.0, smallest=1, largest=3) for n in range(3)]
    plan = {0.0: {str(n): ("p", 3) for n in range(3)}}
    found, _ = run(elastic, Timetable(plan), {"p": pool(nodes=2, per_node=4)}, until=5.0)
    assert [job.spells[0].accelerators for job in found] == [3, 3, 1]


def test_quotas_count_what_comes_free():
    jobs = requests((0.0, 3, 50.0), (0.0, 4, 10.0), tenant="a")
    plan = {0.0: {"0": ("p", 3)}, 10.0: {"1": ("p", 4), "0": ("p", 3)}}
    found, _ = run(jobs, Timetable(plan), {"p": pool(per_node=8)}, tenants=[Tenant("a", quota={"p": 4})], until=15.0)
    assert [job.status for job in found] == ["queued", "running"]


def test_within_a_quota_one_shrinks_before_the_other_grows():
    elastic = [JobRequest(str(n), 0.0, 2, 100.0, tenant="a", smallest=1, largest=4) for n in range(2)]
    plan = {0.0: {"0": ("p", 1), "1": ("p", 3)}, 10.0: {"0": ("p", 3), "1": ("p", 1)}}
    tenants = [Tenant("a", quota={"p": 4})]
    found, _ = run(elastic, Timetable(plan), {"p": pool(per_node=8)}, tenants=tenants, until=15.0)
    assert [[spell.accelerators for spell in job.spells] for job in found] == [[1, 3], [3, 1]]
    assert [job.preemptions for job in found] == [0, 0]
