"""What fails and when, who is hit, what is down, and which spare takes its place."""

import math
from itertools import takewhile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracles.job_plane import run_plane
from unit.job_runs import spells

from sim.fleet.environment import FleetEnvironment
from sim.fleet.failures import Failures
from sim.fleet.health import Health, regions
from sim.fleet.ledger import UNASSIGNED, Ledger, PoolPower, State
from sim.fleet.pool import FleetError, PoolState, PoolTraits
from sim.policies.backfill import EasyBackfill
from sim.policies.conservative import ConservativeBackfill
from sim.policies.placement import BestFit, FirstFit, PackByRack, Spread
from sim.scenario import failures as scenario
from sim.workload.failures import Failure, failure_source, first_lifetimes, lifetime
from sim.workload.trace_files import TraceError


def pool(nodes=3, per_node=4, racks=1, spare=0, placement=None):
    return PoolState("p", nodes, per_node, racks, placement or FirstFit(), PoolTraits(spare_nodes=spare))


class Ward:
    """A pool, its health, and holders who leave when they are interrupted."""

    def __init__(self, state):
        self.pool, self.health, self.left = state, Health(state), []

    def leave(self, holding):
        self.left.append(holding.holder)
        self.pool.release(holding)

    def fail(self, per, number, end=math.inf):
        return self.health.fail(regions(self.pool, per)[number], end, self.leave)

    def repair(self, per, number, end=math.inf):
        return self.health.repair(regions(self.pool, per)[number], end)


def test_units_of_a_pool():
    state = pool(nodes=5, per_node=2, racks=2)
    assert [len(regions(state, per)) for per in ("accelerator", "node", "rack")] == [10, 5, 2]
    counted = np.zeros((5, 2), int)
    for per in ("accelerator", "node", "rack"):
        for region in regions(state, per):
            counted[region] += 1
    assert (counted == 3).all()
    assert len(regions(pool(nodes=2, racks=5), "rack")) == 2


def test_an_accelerator_takes_with_it_whom_it_belongs_to():
    ward = Ward(pool())
    first, second = ward.pool.try_hold("first", 1), ward.pool.try_hold("second", 2)
    assert first.nodes[0][0] == second.nodes[0][0] == 0
    assert ward.fail("accelerator", 3) == 1  # the free one
    assert (ward.left, ward.pool.free.tolist()) == ([], [0, 4, 4])
    assert ward.fail("accelerator", 2) == 1
    assert (ward.left, ward.pool.free.tolist()) == (["second"], [1, 4, 4])
    assert ward.fail("accelerator", 0) == 1
    assert (ward.left, ward.pool.usable_total) == (["second", "first"], 9)


def test_a_gang_of_several_nodes_is_hit_once():
    ward = Ward(pool())
    ward.pool.try_hold("gang", 12)
    assert ward.fail("rack", 0) == 12
    assert (ward.left, ward.pool.free_total, ward.pool.usable_total) == (["gang"], 0, 0)


def test_what_fails_together_is_down_together():
    ward = Ward(pool())
    assert [ward.fail("accelerator", 1), ward.fail("node", 0), ward.fail("rack", 0)] == [1, 3, 8]
    assert [ward.repair("node", 0), ward.pool.usable_total] == [0, 0]
    assert [ward.repair("rack", 0), ward.pool.free.tolist()] == [11, [3, 4, 4]]
    assert [ward.repair("accelerator", 1), ward.pool.free.tolist()] == [1, [4, 4, 4]]


def test_a_large_gang_takes_no_node_that_is_not_whole():
    ward = Ward(pool())
    ward.fail("accelerator", 4)
    assert ward.pool.try_hold("large", 8).nodes == ((0, 4), (2, 4))
    assert ward.pool.could_hold(12)  # when it is repaired


def test_a_holder_that_stays_is_an_error():
    ward = Ward(pool())
    ward.pool.try_hold("stays", 4)
    with pytest.raises(FleetError, match="node 0 of p has no"):
        ward.health.fail(regions(ward.pool, "node")[0], math.inf, lambda _: None)


def test_what_is_down_is_up_when_the_last_of_its_causes_is_mended():
    ward = Ward(pool())
    ward.fail("accelerator", 1, 30.0)
    ward.fail("node", 0, 20.0)
    ward.fail("node", 2, 20.0)
    assert ward.health.repairs() == [(20.0, ((0, 3), (2, 4))), (30.0, ((0, 1),))]
    ward.repair("node", 0, 20.0)
    ward.repair("node", 2, 20.0)
    assert ward.health.repairs() == [(30.0, ((0, 1),))]
    assert Ward(pool()).health.repairs() == []


def test_no_repair_is_awaited_of_a_node_that_will_be_the_spare():
    ward = Ward(pool(spare=1))
    ward.fail("node", 0, 20.0)
    assert ward.health.repairs() == []
    ward.fail("node", 1, 30.0)
    assert ward.health.repairs() == [(30.0, ((1, 4),))]


def test_a_spare_node_takes_the_place_of_one_that_is_down():
    ward = Ward(pool(spare=1))
    ward.pool.try_hold("gang", 4)
    ward.fail("node", 0)
    assert (ward.left, ward.pool.free.tolist()) == (["gang"], [0, 4, 4])
    ward.fail("node", 1)
    assert ward.pool.free.tolist() == [0, 0, 4]
    ward.repair("node", 1)  # in its own place, as there was no other spare
    assert ward.pool.free.tolist() == [0, 4, 4]
    ward.repair("node", 0)  # now the spare
    assert ward.pool.free.tolist() == [0, 4, 4]
    ward.fail("node", 2)
    assert ward.pool.free.tolist() == [4, 4, 0]


def test_a_repaired_spare_takes_the_place_of_a_node_that_waits_for_one():
    ward = Ward(pool(spare=1))
    ward.fail("node", 2)
    ward.fail("node", 0)
    assert ward.pool.free.tolist() == [0, 4, 0]
    ward.repair("node", 2)
    assert ward.pool.free.tolist() == [0, 4, 4]


def test_one_accelerator_down_calls_no_spare():
    ward = Ward(pool(spare=1))
    ward.fail("accelerator", 0)
    assert ward.pool.free.tolist() == [3, 4, 0]


STEPS = st.lists(st.tuples(st.sampled_from(["hold", "release", "fail", "repair"]), st.integers(0, 99)), max_size=60)


@given(STEPS, st.sampled_from([FirstFit(), BestFit(), Spread(), PackByRack()]), st.integers(0, 2))
def test_no_accelerator_is_held_twice_or_while_it_is_down(steps, placement, spare):
    ward = Ward(pool(nodes=5, per_node=3, racks=2, spare=spare, placement=placement))
    state, failed, size = ward.pool, [], 15
    for step, number in steps:
        held = list(state.holdings.values())
        if step == "hold":
            gang = 1 + number % 8
            holding = state.try_hold(str(number), gang)
            if holding is not None:
                assert holding.accelerators - holding.unused == gang
                assert len(holding.nodes) == (1 if gang <= 3 else -(-gang // 3))
        elif step == "release" and held:
            state.release(held[number % len(held)])
        elif step == "fail":
            per = ("accelerator", "node", "rack")[number % 3]
            failed.append((per, number % len(regions(state, per))))
            ward.fail(*failed[-1])
        elif step == "repair" and failed:
            ward.repair(*failed.pop(number % len(failed)))
        taken = np.zeros(5, int)
        for holding in state.holdings.values():
            for node, count in holding.nodes:
                taken[node] += count
        up = (ward.health.causes == 0).sum(axis=1)
        assert (state.usable == np.where(ward.health.spare, 0, up)).all()
        assert (taken + state.free == state.usable).all()
        assert (state.free >= 0).all()
        assert state.free_total == state.free.sum() <= size
        assert ward.health.spare.sum() == spare


MACHINES = {"p": PoolPower(12, 0.0, {})}


def simulate(failures, until, per="node", state=None):
    """Run recorded failures on a pool that nobody uses; accelerator-seconds down."""
    state = state or pool()
    environment, ledger, seen = FleetEnvironment(), Ledger(MACHINES, []), []
    sources = {"p": [(per, iter(failures))]}
    Failures(
        environment,
        {"p": state},
        ledger,
        sources,
        interrupted=state.release,
        changed=lambda _: seen.append(environment.now),
    )
    environment.run(until=until)
    ledger.settle(until)
    assert ledger.seconds.sum() == pytest.approx(12 * until, rel=1e-12)
    return ledger.seconds[0, ledger.owners[UNASSIGNED], State.DOWN], seen, state


def test_time_down_is_booked_once():
    failures = [Failure(10.0, 0, 20.0), Failure(15.0, 0, 5.0), Failure(25.0, 1, 100.0)]
    down, seen, state = simulate(failures, 100.0)
    assert down == 4 * 20.0 + 4 * 75.0
    assert (seen, state.failures) == ([10.0, 15.0, 20.0, 25.0, 30.0], 3)


def test_a_repair_may_take_no_time():
    state = pool()
    state.try_hold("gang", 4)
    down, seen, state = simulate([Failure(10.0, 0, 0.0)], 100.0, state=state)
    assert (down, seen, state.free_total, state.failures) == (0.0, [10.0, 10.0], 12, 1)


@pytest.mark.parametrize("policy", [EasyBackfill(), ConservativeBackfill()])
def test_a_gang_as_large_as_the_pool_has_a_reservation_while_a_node_is_down(policy):
    """A node is down from 5 to 15 s. Whoever would still run on the other then must wait, although it is free."""
    jobs = [(6.0, 8, 10.0), (7.0, 4, 20.0), (7.0, 4, 8.0)]
    found, _ = run_plane(policy, jobs, 2, 4, [(5.0, 1, 10.0)])
    assert [spells(job) for job in found] == [[(15.0, 25.0)], [(25.0, 45.0)], [(7.0, 15.0)]]


def drawn(units, until, seed=1, **spec):
    source = failure_source(scenario.Failures(per="node", **spec), units, seed=seed, path=("p",), folder=None)
    return list(takewhile(lambda failure: failure.time < until, source))


def test_units_fail_by_themselves_whatever_their_number():
    few, many = drawn(10, 1e6, mtbf="1 d", repair="2 h"), drawn(20, 1e6, mtbf="1 d", repair="2 h")
    assert few == [failure for failure in many if failure.unit < 10]
    assert [failure.time for failure in many] == sorted(failure.time for failure in many)
    assert few != drawn(10, 1e6, seed=2, mtbf="1 d", repair="2 h")


@pytest.mark.parametrize("shape", [0.5, 1.0, 3.0])
def test_lifetimes_are_weibull(shape):
    from scipy.stats import kstest, weibull_min

    generator = np.random.default_rng(5)
    lives = [lifetime(100.0, shape, generator) for _ in range(20_000)]
    law = weibull_min(shape, scale=100.0 / math.gamma(1 + 1 / shape))
    assert law.mean() == pytest.approx(100.0)
    assert kstest(lives, law.cdf).pvalue > 1e-4


@pytest.mark.parametrize("shape", [0.5, 1.0, 3.0])
def test_the_first_lifetimes_are_what_is_left_of_old_ones(shape):
    """Their density is the share that survives over the mean (the equilibrium law of renewal theory)."""
    from scipy.integrate import quad
    from scipy.stats import kstest, weibull_min

    law = weibull_min(shape, scale=100.0 / math.gamma(1 + 1 / shape))
    left = first_lifetimes(100.0, shape, 2_000, 5, ("x",))
    distribution = np.vectorize(lambda time: quad(law.sf, 0.0, time, limit=200)[0] / 100.0)
    assert kstest(left, distribution).pvalue > 1e-4


@pytest.mark.parametrize("shape", [0.7, 1.0, 2.0])
def test_the_number_of_failures_is_what_the_mean_time_says(shape):
    """Expected from time 0 on: units x time / mtbf; Poisson has the variance where the shape is 1."""
    counts = [len(drawn(50, 50.0, seed=seed, mtbf="100 s", shape=shape)) for seed in range(200)]
    mean, error = np.mean(counts), np.std(counts, ddof=1) / math.sqrt(len(counts))
    assert abs(mean - 25.0) < 4 * error
    if shape == 1.0:  # the variance of a sample variance of a Poisson number
        assert abs(np.var(counts, ddof=1) - 25.0) < 4 * math.sqrt((25 + 2 * 25**2) / len(counts))


TRACES = {
    "no column": ("time_s,unit\n1,0\n", "trace.csv:1: the column repair_s is missing"),
    "no such unit": ("time_s,unit,repair_s\n1,0,5\n2,3,5\n", "trace.csv:3: there is no unit `3`.* 0 to 2"),
    "half a unit": ("time_s,unit,repair_s\n1,0.5,5\n", "trace.csv:2: there is no unit `0.5`"),
    "unsorted": ("time_s,unit,repair_s\n2,0,5\n1,1,5\n", "trace.csv:3: .*sort the file by time"),
}


@pytest.mark.parametrize(("content", "words"), TRACES.values(), ids=TRACES)
def test_a_broken_trace(tmp_path, content, words):
    (tmp_path / "trace.csv").write_text(content)
    spec = scenario.Failures(per="node", trace="trace.csv")
    with pytest.raises(TraceError, match=words):
        failure_source(spec, 3, seed=1, path=(), folder=tmp_path)


def test_a_trace_is_what_it_says(tmp_path):
    (tmp_path / "trace.csv").write_text("unit,repair_s,time_s,cause\n2,60,10,fan\n0,0,20.5,unknown\n")
    spec = scenario.Failures(per="node", trace="trace.csv")
    source = failure_source(spec, 3, seed=1, path=(), folder=tmp_path)
    assert list(source) == [Failure(10.0, 2, 60.0), Failure(20.5, 0, 0.0)]
