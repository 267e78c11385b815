"""Groups of replicas for prefill and decode: the compiled plane equals the oracle."""

from hypothesis import given
from hypothesis import strategies as st
from oracles.comparison import assert_little, assert_same_classes, check, check_in_pieces
from oracles.fleets import SETTINGS, disaggregated_service, fleets, generative_service, with_classes


@given(fleets([disaggregated_service]))
@SETTINGS
def test_disaggregation(fleet):
    plane, oracle = check(fleet)
    assert_little(plane)
    for stage in plane.plane.services:
        assert stage["transferring"] == 0
    held = plane.plane.replicas
    assert not held["pinned"].any()
    assert not held["kv_held"].any()
    assert not held["members"].any()
    assert not oracle.returns


@given(fleets([with_classes(disaggregated_service), disaggregated_service, generative_service]), st.data())
@SETTINGS
def test_stops_and_blocks_change_nothing(fleet, data):
    plane, oracle, _ = check_in_pieces(fleet, data)
    assert_same_classes(plane, oracle, fleet)
