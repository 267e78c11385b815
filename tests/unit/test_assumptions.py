"""The catalog figures that a summary lists are those that were in effect, with units that are theirs."""

import pytest

from sim.assumptions import assumptions
from sim.scenario import load


def listed(pool):
    jobs = {"pools": ["p"], "arrivals": {"process": "poisson", "rate": "1/h"}, "accelerators": 1, "duration": "1 h"}
    scenario = {"fleetsim": 1, "name": "listed", "horizon": "1 h", "pools": {"p": pool}, "training": {"t": jobs}}
    rows = assumptions(load(scenario))
    return {row["figure"]: row for row in rows}


def test_a_price_of_the_catalog_is_listed_with_its_range():
    price = listed({"accelerator": "H100-SXM", "nodes": 1})["price"]
    assert price["unit"] == "USD/h"
    assert price["low"] < price["value"] <= price["high"]
    assert price["source"]


@pytest.mark.parametrize(
    ("stated", "left_out", "kept"),
    [
        ({"price": "2 USD/h"}, {"price"}, {"accelerators_per_node", "host_idle_power"}),
        ({"accelerators_per_node": 4}, {"accelerators_per_node"}, {"price"}),
        ({"host_power": {"idle": "1 W", "busy": "2 W"}}, {"host_idle_power", "host_busy_power"}, {"price"}),
    ],
)
def test_what_the_pool_states_itself_is_no_assumption(stated, left_out, kept):
    figures = listed({"accelerator": "H100-SXM", "nodes": 1, **stated})
    assert not left_out & figures.keys()
    assert kept <= figures.keys()


def test_shares_have_no_unit_and_times_have_one():
    figures = listed({"accelerator": "H100-SXM", "nodes": 1})
    assert figures["efficiency.memory"]["unit"] == ""
    assert figures["efficiency.step_overhead"]["unit"] == "s"
    assert figures["memory"]["unit"] == "B"
