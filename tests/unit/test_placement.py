"""Where each placement policy puts a gang, on nodes made by hand, and how long it takes over a large pool."""

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.fleet.pool import FleetError, PoolState, PoolTraits
from sim.fleet.pool_order import pools_in_order
from sim.policies.placement import BestFit, Cheapest, FirstFit, MostEfficient, PackByRack, Spread
from sim.policies.protocols import PoolOffer

EVERY = [FirstFit(), BestFit(), Spread(), PackByRack(), Cheapest(), MostEfficient()]
SIZE = 4


def placed(policy, gang, free, rack=None):
    """The nodes of a gang, on nodes of four accelerators each."""
    free = np.array(free)
    rack = np.zeros(len(free), int) if rack is None else np.array(rack)
    found = policy.place(gang, free, np.full(len(free), SIZE), rack)
    return None if found is None else [tuple(map(int, each)) for each in found]


@pytest.mark.parametrize(
    ("policy", "node"),
    [(FirstFit(), 0), (BestFit(), 2), (Spread(), 3), (PackByRack(), 2), (Cheapest(), 2), (MostEfficient(), 2)],
)
def test_one_node(policy, node):
    assert placed(policy, 2, [3, 1, 2, 4, 2]) == [(node, 2)]


@pytest.mark.parametrize("policy", EVERY)
def test_no_room(policy):
    assert placed(policy, 3, [2, 2, 0]) is None
    assert placed(policy, 5, [4, 3, 3]) is None
    assert placed(policy, 9, [4, 4, 3, 2]) is None


@pytest.mark.parametrize("policy", EVERY)
def test_a_large_gang_takes_whole_empty_nodes(policy):
    assert placed(policy, 6, [4, 3, 4, 0]) == [(0, 4), (2, 4)]


RACKS = [0, 0, 0, 1, 1, 1, 2, 2, 2]


def test_spread_takes_as_many_racks_as_there_are():
    assert placed(Spread(), 12, [4] * 9, RACKS) == [(0, 4), (3, 4), (6, 4)]
    assert placed(Spread(), 16, [0, 4, 4, 0, 0, 4, 4, 4, 4], RACKS) == [(1, 4), (5, 4), (6, 4), (2, 4)]
    assert placed(Spread(), 8, [4, 4, 4, 0, 0, 0, 0, 0, 0], RACKS) == [(0, 4), (1, 4)]


def test_pack_by_rack_takes_the_fullest_rack_that_holds_the_gang():
    assert placed(PackByRack(), 8, [4, 4, 4, 4, 4, 1, 4, 2, 2], RACKS) == [(3, 4), (4, 4)]
    assert placed(PackByRack(), 12, [4, 4, 4, 4, 4, 1, 4, 2, 2], RACKS) == [(0, 4), (1, 4), (2, 4)]


def test_pack_by_rack_takes_the_fewest_racks_where_none_holds_the_gang():
    free = [4, 4, 0, 4, 4, 4, 4, 0, 0]
    assert placed(PackByRack(), 16, free, RACKS) == [(3, 4), (4, 4), (5, 4), (6, 4)]


def test_pack_by_rack_leaves_empty_racks_to_large_gangs():
    assert placed(PackByRack(), 2, [4, 4, 4, 4, 4, 4, 0, 4, 0], RACKS) == [(7, 2)]
    assert placed(PackByRack(), 2, [2, 4, 4, 2, 0, 0, 0, 0, 0], RACKS) == [(3, 2)]


@given(st.lists(st.integers(0, SIZE), min_size=1, max_size=12), st.integers(1, 40), st.integers(1, 5), st.data())
def test_every_policy_places_a_gang_where_first_fit_does(free, gang, racks, data):
    """There is room or there is none, whatever the policy; and a gang lies on as few racks as can be, or as many."""
    rack = sorted(data.draw(st.lists(st.integers(0, racks), min_size=len(free), max_size=len(free))))
    found = {type(policy).__name__: placed(policy, gang, free, rack) for policy in EVERY}
    assert len({nodes is None for nodes in found.values()}) == 1
    for nodes in found.values():
        taken = dict(nodes or [])
        assert len(taken) == len(nodes or [])
        assert all(0 < count <= free[node] for node, count in taken.items())
        if nodes is not None and gang > SIZE:
            assert sum(taken.values()) == -(-gang // SIZE) * SIZE
    if found["FirstFit"] is not None and gang > SIZE:
        used = {name: len({rack[node] for node, _ in nodes}) for name, nodes in found.items()}
        assert used["PackByRack"] == min(used.values())
        assert used["Spread"] == max(used.values())
        empty = [rack[node] for node in range(len(free)) if free[node] == SIZE]
        assert used["Spread"] == min(len(set(empty)), -(-gang // SIZE))
        by_rack = sorted((empty.count(each) for each in set(empty)), reverse=True)
        assert used["PackByRack"] == 1 + int(np.searchsorted(np.cumsum(by_rack), -(-gang // SIZE)))


OFFERS = [
    PoolOffer("old", price=1.0, power=400.0, speed=1.0),
    PoolOffer("new", price=2.4, power=700.0, speed=3.0),
    PoolOffer("mine", price=None, power=300.0, speed=1.0),
    PoolOffer("twin", price=1.0, power=400.0, speed=1.0),
]


def test_pools_by_price_and_by_energy_for_the_work():
    assert Cheapest().order(OFFERS) == ["new", "old", "twin", "mine"]
    assert MostEfficient().order(OFFERS) == ["new", "mine", "old", "twin"]


def pools(placement):
    traits = {"dear": PoolTraits(price=3.0, power=100.0), "cheap": PoolTraits(price=1.0, power=200.0)}
    return [PoolState(name, 1, 8, 1, placement, each) for name, each in traits.items()]


def test_the_order_of_the_pools_of_a_job():
    assert pools_in_order(pools(FirstFit())) == ["dear", "cheap"]
    assert pools_in_order(pools(Cheapest())) == ["cheap", "dear"]
    assert pools_in_order(pools(Cheapest()), {"dear": 4.0, "cheap": 1.0}) == ["dear", "cheap"]
    assert pools_in_order(pools(MostEfficient())) == ["dear", "cheap"]


class Forgetful(FirstFit):
    def order(self, offers):
        return [offers[0].name]


class Broken(FirstFit):
    def order(self, offers):
        return 1 // 0


@pytest.mark.parametrize(("policy", "words"), [(Forgetful(), "orders dear, cheap as"), (Broken(), "ZeroDivision")])
def test_an_order_that_is_none_names_the_policy(policy, words):
    with pytest.raises(FleetError, match=f"{type(policy).__name__} .*{words}"):
        pools_in_order(pools(policy))


@pytest.mark.parametrize("policy", EVERY)
def test_a_large_pool_costs_little(policy):
    """5,000 nodes of which a third has room: well below a millisecond on any machine (tens of microseconds here)."""
    draws = np.random.default_rng(1)
    free = draws.choice([0, 1, 3, 8], 5000)
    arguments = free, np.full(5000, 8), np.arange(5000) * 100 // 5000
    for gang in (2, 64):
        durations = []
        for _ in range(50):
            begin = time.perf_counter()
            policy.place(gang, *arguments)
            durations.append(time.perf_counter() - begin)
        assert min(durations) < 1e-3, f"{type(policy).__name__} takes {min(durations):.2e} s for a gang of {gang}"
