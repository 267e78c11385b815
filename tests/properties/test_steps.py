"""The steps that a timeline shows: those of the oracle, each replica's one after another, and all of its busy time."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracles.comparison import choose, rule_of, run_oracle
from oracles.fleets import SETTINGS, disaggregated_service, fleets, generative_service, single_pass_service
from oracles.request_plane import Oracle
from oracles.setups import Listed

from sim.serving import layout
from sim.serving.request_plane import RequestPlane
from sim.serving.service_plan import ServicePlan
from sim.serving.steps import steps_under_way

KINDS = {layout.PREFILL: "prefill", layout.DECODE: "decode", layout.PASS: "pass", layout.SWAP: "swap"}
EVERY = fleets([generative_service, single_pass_service, disaggregated_service])
PHASES = {layout.PREFILL: "prefill", layout.DECODE: "decode", layout.PASS: "batch", layout.SWAP: "decode"}


class Recording(Oracle):
    """An oracle that writes down what its replicas begin, iteration by iteration."""

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.steps = []

    def dispatch(self, replica):
        super().dispatch(replica)
        if replica.doing in KINDS.values() and replica.ends < math.inf:
            computed = replica.computing if replica.doing == "prefill" else 0
            step = (replica.number, replica.doing, replica.ends, len(replica.batch), computed)
            self.steps.append((self.now, *step))


def run_with_steps(fleet, stops=(), end=1e6, **options):
    """The steps that have ended `end` seconds after the start, by replica, and the plane."""
    start, plans, lists = fleet
    plans = [
        ServicePlan(**plan | {"name": f"s{number}", "arrivals": Listed(own), "rule": rule_of(plan)})
        for number, (plan, own) in enumerate(zip(plans, lists, strict=True))
    ]
    found = []
    plane = RequestPlane(plans, start=start, on_steps=found.append, **options)
    for stop in (*sorted(stops), start + end):
        plane.advance(stop)
        plane.settle()
    return by_replica([np.zeros(0, layout.STEP), *found]), plane


def by_replica(blocks):
    steps = np.concatenate(blocks)
    return steps[np.argsort(steps["replica"], kind="stable")]


def assert_busy(steps, plane):
    """Steps of a replica do not overlap, and together they are its busy time."""
    for number, replica in enumerate(plane.plane.replicas):
        own = steps[steps["replica"] == number]
        assert (own["end"] >= own["start"]).all()
        assert (own["start"][1:] >= own["end"][:-1]).all()
        for phase in layout.PHASES:
            mine = own[np.isin(own["state"], [state for state, name in PHASES.items() if name == phase])]
            assert (mine["end"] - mine["start"]).sum() == pytest.approx(replica[f"busy_{phase}"], rel=1e-6, abs=1e-6)


def joined(steps):
    """Runs of iterations of one batch, however they were cut: replica, kind, begin, end, batch, computed tokens."""
    found = []
    for start, replica, kind, end, batch, computed in steps:
        last = found[-1] if found else None
        if kind == "decode" and last and last[:2] == [replica, kind] and last[3:5] == [start, batch]:
            last[3] = end
        else:
            found.append([replica, kind, start, end, batch, computed])
    return found


def of_kernel(steps):
    prefilled = np.where(steps["state"] == layout.PREFILL, steps["tokens"], 0)
    kinds = [KINDS[state] for state in steps["state"]]
    columns = (steps["start"], steps["replica"], kinds, steps["end"], steps["batch"], prefilled)
    return joined(zip(*columns, strict=True))


@given(EVERY, st.data())
@SETTINGS
def test_steps_are_those_of_the_oracle_wherever_the_plane_stood(fleet, data):
    start, plans, lists = fleet
    finished, oracle = run_oracle(plans, lists, start, Recording)
    block = data.draw(st.sampled_from([1, 7, 999]))
    steps, plane = run_with_steps(fleet, choose(data, finished, start), step_block=block)
    in_order = sorted(oracle.steps, key=lambda step: step[1])
    assert of_kernel(steps) == joined(in_order)
    decoded = steps[steps["state"] == layout.DECODE]
    assert (decoded["tokens"] == decoded["batch"] * decoded["iterations"]).all()
    assert_busy(steps, plane)


@given(EVERY, st.floats(0.0, 6.0), st.floats(0.01, 6.0))
@SETTINGS
def test_a_window_holds_the_steps_that_lie_at_least_partly_in_it(fleet, begin, length):
    start = fleet[0]
    within = (start + begin, start + begin + length)
    every, _ = run_with_steps(fleet)
    some, _ = run_with_steps(fleet, steps_within=within)
    inside = every[(every["end"] > within[0]) & (every["start"] < within[1])]
    np.testing.assert_array_equal(some, inside)


@given(EVERY, st.floats(0.0, 6.0))
@SETTINGS
def test_steps_under_way_complete_the_busy_time(fleet, offset):
    steps, plane = run_with_steps(fleet, end=offset)
    assert_busy(by_replica([steps, steps_under_way(plane.plane)]), plane)
