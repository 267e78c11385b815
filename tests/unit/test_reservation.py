"""Accelerators kept free for a stream: who gives way, who starts there, and what is left to others."""

import pytest
from unit.job_runs import pool, requests, run_streams, spells

import sim
from sim.fleet.ledger import UNASSIGNED, State
from sim.fleet.pool import PoolState, PoolTraits
from sim.policies.backfill import EasyBackfill
from sim.policies.conservative import ConservativeBackfill
from sim.policies.max_min import MaxMinHeterogeneous
from sim.policies.placement import FirstFit
from sim.policies.scheduling import Fifo, FifoFirstFit, Priority, Srtf
from sim.training.job_plane import Stream


def run(mine, others, policy=None, reserved=(2, 10.0, 30.0), nodes=None, **options):
    streams = [
        Stream("mine", requests(*mine), ("p",), reserved=reserved),
        Stream("others", requests(*others), ("p",), **options),
    ]
    plane, ledger = run_streams(streams, policy or FifoFirstFit(), {"p": nodes or pool()})
    return [[spells(job) for job in plane.streams[name].jobs] for name in ("mine", "others")], ledger


@pytest.mark.parametrize("policy", [FifoFirstFit(), Fifo(), EasyBackfill(), ConservativeBackfill()])
def test_others_leave_what_is_reserved_until_it_ends(policy):
    """Two of four are kept free from 10 s to 30 s; from then on the second fits too."""
    (mine, others), ledger = run([(12.0, 2, 5.0)], [(10.0, 2, 100.0), (11.0, 2, 8.0)], policy)
    assert mine == [[(12.0, 17.0)]]
    assert others == [[(10.0, 110.0)], [(30.0, 38.0)]]
    assert ledger.seconds[0, ledger.owners[UNASSIGNED], State.IDLE] == 110 * 4 - 2 * 5 - 2 * 100 - 2 * 8


def test_the_last_to_start_gives_way_when_it_begins():
    (mine, others), _ = run([(10.0, 2, 30.0)], [(0.0, 2, 20.0), (1.0, 2, 20.0)])
    assert mine == [[(10.0, 40.0)]]
    assert others == [[(0.0, 20.0)], [(1.0, 10.0), (20.0, 31.0)]]


def test_those_who_must_not_be_preempted_are_waited_for():
    (mine, others), _ = run(
        [(10.0, 4, 3.0)], [(0.0, 4, 15.0), (11.0, 4, 2.0)], reserved=(4, 10.0, 30.0), preemptible=False
    )
    assert mine == [[(15.0, 18.0)]]
    assert others == [[(0.0, 15.0)], [(30.0, 32.0)]]


def test_what_is_free_already_is_kept_while_others_are_waited_for():
    """One of four runs on until 15 s and must not be preempted; nobody takes the other three from 10 s on."""
    (mine, others), _ = run(
        [(10.0, 4, 3.0)], [(0.0, 1, 15.0), (11.0, 2, 20.0)], reserved=(4, 10.0, 30.0), preemptible=False
    )
    assert mine == [[(15.0, 18.0)]]
    assert others == [[(0.0, 15.0)], [(30.0, 50.0)]]


def test_slices_are_kept_though_no_slice_is_so_large():
    nodes = PoolState("p", 2, 8, 1, FirstFit(), PoolTraits(slices=(1, 4, 8)))
    (mine, others), _ = run([(12.0, 4, 5.0)] * 3, [(11.0, 4, 2.0)], reserved=(12, 10.0, 30.0), nodes=nodes)
    assert mine == [[(12.0, 17.0)]] * 3
    assert others == [[(11.0, 13.0)]]


def test_a_job_of_the_stream_that_runs_already_counts():
    """Two are reserved, and the stream's job holds two of four: the other two are anybody's."""
    (mine, others), _ = run([(0.0, 2, 25.0)], [(11.0, 2, 5.0)])
    assert mine == [[(0.0, 25.0)]]
    assert others == [[(11.0, 16.0)]]


def test_in_a_scenario_the_laws_hold():
    scenario = sim.load(
        {
            "fleetsim": 1,
            "name": "reserved",
            "horizon": "2 d",
            "pools": {
                "p": {
                    "accelerator": "A100-SXM-80GB",
                    "nodes": 4,
                    "failures": {"mtbf": "100 h", "repair": "1 h", "per": "node"},
                }
            },
            "training": {
                "pretrain": {
                    "pools": ["p"],
                    "jobs": [{"submit": "11 h", "accelerators": 16, "duration": "5 h"}],
                    "reservation": {"from": "10 h", "for": "8 h"},
                },
                "rest": {
                    "pools": ["p"],
                    "arrivals": {"process": "poisson", "rate": "4/h"},
                    "accelerators": {"choice": {1: 0.5, 8: 0.5}},
                    "duration": {"exponential": {"mean": "2 h"}},
                },
            },
        }
    )
    result = sim.run(scenario)
    assert [law for law in result.summary["audit"] if not law["holds"]] == []
    job = result.jobs[result.jobs["stream"] == "pretrain"].iloc[0]
    assert job["start_s"] == 11 * 3600


def test_nobody_gives_way_where_that_would_not_do():
    """One of the four must not be preempted, so that four are not to be had: the others go on."""
    streams = [
        Stream("mine", requests((1.0, 4, 5.0)), ("p",), reserved=(4, 10.0, 15.0)),
        Stream("fixed", requests((0.0, 1, 40.0)), ("p",), preemptible=False),
        Stream("others", requests((0.0, 3, 30.0)), ("p",)),
    ]
    plane, _ = run_streams(streams, FifoFirstFit())
    assert spells(plane.streams["others"].jobs[0]) == [(0.0, 30.0)]
    assert spells(plane.streams["mine"].jobs[0]) == [(40.0, 45.0)]


def test_a_whole_pool_may_be_reserved_beside_conservative_backfill():
    streams = [
        Stream("mine", requests(), ("p",), reserved=(4, 0.0, 60.0)),
        Stream("others", requests((10.0, 4, 5.0)), ("p",)),
    ]
    plane, _ = run_streams(streams, ConservativeBackfill())
    assert spells(plane.streams["others"].jobs[0]) == [(60.0, 65.0)]


def test_what_is_reserved_at_one_time_must_fit():
    def stream(begins, accelerators):
        return {
            "pools": ["p"],
            "jobs": [{"submit": 0, "accelerators": 1, "duration": "1 h"}],
            "reservation": {"from": begins, "for": "2 h", "accelerators": accelerators},
        }

    def loaded(second):
        pools = {"p": {"accelerator": "A100-SXM-80GB", "nodes": 1}}
        training = {"a": stream("1 h", 5), "b": stream(second, 4)}
        return sim.load({"fleetsim": 1, "name": "two", "horizon": "1 d", "pools": pools, "training": training})

    assert loaded("3 h")
    with pytest.raises(sim.ScenarioError, match=r"training\.b\.reservation: 9 accelerators are reserved at once"):
        loaded("2.5 h")


def reserving(policy, mine, others, reserved=(4, 0.0, 50.0), **options):
    return run(mine, others, policy, reserved, **options)[0]


@pytest.mark.parametrize("policy", [Srtf, lambda: Priority(preempts=True), MaxMinHeterogeneous])
def test_nobody_preempts_the_jobs_of_a_reservation_while_it_lasts(policy):
    """Shorter jobs would have room before it. After 50 s it is like any other."""
    (mine, others) = reserving(policy(), [(0.0, 4, 45.0)], [(1.0, 4, 5.0), (2.0, 2, 5.0)])
    assert mine == [[(0.0, 45.0)]]
    assert min(start for job in others for start, _ in job) >= 45.0


def test_two_reservations_leave_each_other_alone():
    """Two of four are not to be had: the first keeps what it has, whoever else comes, and the second is after it."""
    streams = [
        Stream("fixed", requests((0.0, 2, 200.0)), ("p",), preemptible=False),
        Stream("first", requests((10.0, 2, 40.0)), ("p",), reserved=(2, 10.0, 60.0)),
        Stream("second", requests((10.0, 2, 40.0)), ("p",), reserved=(2, 10.0, 120.0)),
        Stream("others", requests((20.0, 1, 1.0), (30.0, 1, 1.0)), ("p",)),
    ]
    plane, _ = run_streams(streams, FifoFirstFit(), {"p": pool(nodes=2, per_node=2)})
    assert spells(plane.streams["first"].jobs[0]) == [(10.0, 50.0)]
    assert spells(plane.streams["second"].jobs[0]) == [(60.0, 100.0)]


def test_a_gang_larger_than_its_reservation_takes_what_is_free_besides():
    (mine, _) = reserving(FifoFirstFit(), [(5.0, 4, 10.0)], [], reserved=(2, 0.0, 50.0))
    assert mine == [[(5.0, 15.0)]]


def test_where_there_is_no_room_for_all_of_it_others_give_way_to_the_gangs_that_wait():
    """One of four must not be preempted; of the other three two are for the gang that waits."""
    streams = [
        Stream("mine", requests((1.0, 2, 5.0)), ("p",), reserved=(4, 10.0, 60.0)),
        Stream("fixed", requests((0.0, 1, 40.0)), ("p",), preemptible=False),
        Stream("others", requests((0.0, 3, 30.0)), ("p",)),
    ]
    plane, _ = run_streams(streams, FifoFirstFit())
    assert spells(plane.streams["mine"].jobs[0]) == [(10.0, 15.0)]
