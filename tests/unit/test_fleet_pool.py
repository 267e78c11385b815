"""Nodes, gangs and who holds them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.fleet.pool import FleetError, PoolState
from sim.policies.placement import BestFit, FirstFit


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


@given(st.lists(st.integers(1, 20), max_size=40), st.data(), st.sampled_from([FirstFit(), BestFit()]))
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
