"""Nodes, gangs and who holds them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.fleet.pool import FleetError, PoolState, PoolTraits
from sim.policies.placement import BestFit, FirstFit, PackByRack, Spread


def pool(nodes=4, per_node=8, placement=None):
    return PoolState("p", nodes, per_node, 1, placement or FirstFit())


def test_a_small_gang_takes_one_node():
    state = pool()
    state.try_hold("a", 5)
    assert state.try_hold("b", 5).nodes == ((1, 5),)
    assert state.try_hold("c", 3).nodes == ((0, 3),)


def test_best_fit_fills_the_fullest_node_that_has_room():
    state = pool(placement=BestFit())
    first, second = state.try_hold("a", 2), state.try_hold("b", 7)
    assert (first.nodes, second.nodes) == (((0, 2),), ((1, 7),))
    assert state.try_hold("c", 1).nodes == ((1, 1),)
    assert state.try_hold("d", 6).nodes == ((0, 6),)
    assert state.try_hold("e", 1).nodes == ((2, 1),)


@pytest.mark.parametrize("placement", [FirstFit(), BestFit()])
def test_a_large_gang_takes_whole_empty_nodes_and_reports_what_it_cannot_use(placement):
    state = pool(placement=placement)
    state.try_hold("small", 1)
    holding = state.try_hold("large", 12)
    assert holding.nodes == ((1, 8), (2, 8))
    assert (holding.accelerators, holding.unused) == (16, 4)
    assert state.try_hold("again", 9) is None


@pytest.mark.parametrize(("gang", "possible"), [(1, True), (8, True), (32, True), (33, False)])
def test_what_could_ever_be_held(gang, possible):
    assert pool().could_hold(gang) is possible


def test_whole_nodes_count_for_what_could_be_held():
    assert not PoolState("p", 3, 6, 1, FirstFit()).could_hold(19)
    assert PoolState("p", 3, 6, 1, FirstFit()).could_hold(17)


def test_what_services_hold_for_good_is_not_there_for_jobs():
    state = pool(nodes=2)
    state.hold_for_good("service", 3)
    assert (state.could_hold(5), state.could_hold(8), state.could_hold(9)) == (True, True, False)
    state.hold_for_good("service", 8)
    assert (state.could_hold(5), state.could_hold(6)) == (True, False)


def test_releasing_twice_is_an_error_that_names_the_holder():
    state = pool()
    holding = state.try_hold("job-7", 8)
    state.release(holding)
    with pytest.raises(FleetError, match="job-7"):
        state.release(holding)


class Overbooking:
    def place(self, accelerators, free, capacity, rack):
        return [(0, int(capacity[0]) + 1)]


class Doubling:
    def place(self, accelerators, free, capacity, rack):
        return [(0, 1), (0, accelerators - 1)]


@pytest.mark.parametrize("placement", [Overbooking(), Doubling()])
def test_a_placement_that_holds_too_much_is_named(placement):
    with pytest.raises(FleetError, match=type(placement).__name__):
        pool(placement=placement).try_hold("job", 8)


@given(
    st.lists(st.integers(1, 20), max_size=40),
    st.data(),
    st.sampled_from([FirstFit(), BestFit(), Spread(), PackByRack()]),
)
def test_no_accelerator_is_held_twice(gangs, data, placement):
    state, held = pool(5, 4, placement), []
    for number, gang in enumerate(gangs):
        holding = state.try_hold(str(number), gang)
        if holding is not None:
            assert holding.accelerators - holding.unused == gang
            held.append(holding)
        taken = np.zeros(5, int)
        for each in held:
            for node, count in each.nodes:
                taken[node] += count
        assert (taken + state.free == state.capacity).all()
        assert state.free_total == state.free.sum()
        if held and data.draw(st.booleans()):
            state.release(held.pop(data.draw(st.integers(0, len(held) - 1))))


TPU = PoolTraits(slices=(1, 4, 8, 16))


@pytest.mark.parametrize(("gang", "held"), [(1, 1), (2, 4), (4, 4), (5, 8), (9, 16), (16, 16)])
def test_a_gang_is_given_the_smallest_slice_that_holds_it(gang, held):
    state = PoolState("tpu", 8, 4, 1, FirstFit(), TPU)
    assert state.could_hold(gang)
    holding = state.try_hold("job", gang)
    assert (holding.accelerators, holding.unused) == (held, held - gang)


def test_a_gang_beyond_the_largest_slice_never_fits():
    state = PoolState("tpu", 8, 4, 1, FirstFit(), TPU)
    assert not state.could_hold(17)
    assert state.try_hold("job", 17) is None


def test_work_is_slower_across_nodes_and_across_racks():
    state = PoolState("p", 4, 8, 2, Spread(), PoolTraits(across_nodes=1.1, across_racks=1.3))
    one, two = state.try_hold("one", 8), state.try_hold("two", 16)
    assert (one.nodes, two.nodes) == (((0, 8),), ((1, 8), (2, 8)))
    assert (state.slowdown_on(one.nodes), state.slowdown_on(two.nodes)) == (1.0, 1.3)
    state.release(one)
    state.release(two)
    state.placement = FirstFit()
    assert state.slowdown_on(state.try_hold("two", 16).nodes) == 1.1


def test_spare_nodes_are_not_given_out():
    state = PoolState("p", 3, 8, 1, FirstFit(), PoolTraits(spare_nodes=1))
    assert (state.free_total, state.usable_total, state.total) == (16, 16, 24)
    assert not state.could_hold(17)
    assert state.try_hold("a", 16).nodes == ((0, 8), (1, 8))
    assert state.try_hold("b", 1) is None


def test_what_is_left_of_a_place_can_be_held():
    state = pool()
    gone = state.try_hold("gone", 8)
    state.release(gone)
    state.change_usable(0, -3)
    waiting = state.hold_where("waits", gone.nodes)
    assert (waiting.nodes, waiting.unused) == (((0, 5),), 5)
    assert state.hold_where("waits", gone.nodes) is None


def test_only_free_accelerators_go_out_of_use():
    state = pool()
    state.try_hold("a", 8)
    with pytest.raises(FleetError, match="node 0 of p has no 1"):
        state.change_usable(0, -1)
    state = pool()
    with pytest.raises(FleetError, match="node 0 of p has no 1"):
        state.change_usable(0, 1)


def test_how_long_accelerators_were_free_and_on_free_nodes():
    state, now = pool(nodes=2), [0.0]
    state.clock = lambda: now[0]
    now[0] = 10.0
    one = state.try_hold("one", 3)
    now[0] = 30.0
    two = state.try_hold("two", 8)
    now[0] = 35.0
    state.release(one)
    state.release(two)
    now[0] = 36.0
    free = state.settle()
    assert free.free == 10 * 16 + 20 * 13 + 5 * 5 + 16
    assert free.whole == 10 * 16 + 20 * 8 + 0 + 16
