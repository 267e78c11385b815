"""Finish-time fairness by hand: what jobs would have taken on a share of their own, and what they took."""

import pytest

from sim.training.fairness import finish_time_fairness, finish_times_alone
from sim.training.job import Job
from sim.training.progress import Checkpoints
from sim.workload.jobs import JobRequest


def jobs(*rows, speed=None, **options):
    """Jobs of (submit, gang, duration), and when they ended where that is the fourth."""
    found = []
    for number, (submit, gang, duration, *end) in enumerate(rows):
        request = JobRequest(str(number), submit, gang, duration)
        found.append(Job(str(number), number, request, "s", speed or {"p": 1.0}, **options))
        if end:
            found[-1].status, found[-1].end = "completed", end[0]
    return found


def test_jobs_alone_start_in_order_each_that_fits():
    assert finish_times_alone(jobs((0.0, 3, 10.0), (1.0, 2, 10.0), (2.0, 1, 5.0)), {"p": 4.0}) == [10.0, 20.0, 7.0]


def test_a_gang_larger_than_the_share_takes_all_of_it_and_longer():
    assert finish_times_alone(jobs((0.0, 4, 10.0), (0.0, 1, 3.0)), {"p": 2.0}) == [20.0, 23.0]
    assert finish_times_alone(jobs((0.0, 1, 10.0), (0.0, 1, 10.0)), {"p": 0.5}) == [20.0, 40.0]


def test_a_share_that_is_no_whole_number_comes_free_again():
    rows = [(0.0, gang, 1.0) for gang in (3, 1, 2, 5, 1, 4)] * 50
    ends = finish_times_alone(jobs(*rows), {"p": 16 / 3})
    assert all(0 < end <= 300.0 for end in ends)


def test_jobs_alone_go_to_the_first_pool_with_room_at_its_speed():
    mine = jobs((0.0, 2, 10.0), (0.0, 2, 10.0), (0.0, 2, 10.0), speed={"fast": 2.0, "slow": 1.0})
    assert finish_times_alone(mine, {"fast": 2.0, "slow": 2.0, "other": 8.0}) == [5.0, 10.0, 10.0]


def test_a_pool_of_which_nothing_is_left_for_jobs_is_passed_over():
    assert finish_times_alone(jobs((0.0, 2, 10.0), speed={"full": 1.0, "p": 1.0}), {"full": 0.0, "p": 2.0}) == [10.0]


def test_checkpoints_are_made_alone_as_well():
    mine = jobs((0.0, 2, 30.0), checkpoints=Checkpoints(10.0, 1.5))
    assert finish_times_alone(mine, {"p": 2.0}) == [33.0]


def test_who_goes_first_gains_and_who_goes_last_loses_nothing():
    """Two tenants, four accelerators, a job of four times ten seconds each: alone on half of them it takes twenty."""
    first, second = jobs((0.0, 4, 10.0, 10.0)), jobs((0.0, 4, 10.0, 20.0))
    assert finish_time_fairness(first, {"p": 2.0}, 20.0, (0.0, 20.0)) == 0.5
    assert finish_time_fairness(second, {"p": 2.0}, 20.0, (0.0, 20.0)) == 1.0


def test_jobs_cut_off_by_the_end_count_up_to_it_in_either_world():
    mine = jobs((0.0, 4, 10.0, 10.0), (5.0, 4, 10.0))
    assert finish_time_fairness(mine, {"p": 2.0}, 15.0, (0.0, 15.0)) == pytest.approx((10 + 10) / (15 + 10))


def test_jobs_from_before_the_window_stand_in_the_way_but_are_not_counted():
    mine = jobs((0.0, 2, 10.0, 10.0), (5.0, 2, 10.0, 15.0))
    assert finish_time_fairness(mine, {"p": 2.0}, 30.0, (5.0, 30.0)) == pytest.approx(10 / 15)
    assert finish_time_fairness(mine, {"p": 2.0}, 30.0, (20.0, 30.0)) is None
