"""Several single-pass models on the same replicas: the compiled plane equals the oracle."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracles.comparison import assert_little, assert_same_classes, check, check_in_pieces
from oracles.fleets import SETTINGS, fleets, shared_service, single_pass_service, with_classes

from sim.serving import layout


@given(fleets([shared_service, shared_service, with_classes(single_pass_service)]))
@SETTINGS
def test_switching(fleet):
    plane, oracle = check(fleet)
    assert_little(plane)
    assert_same_classes(plane, oracle, fleet)
    assert plane.plane.services["switches"].sum() == sum(replica.switches for replica in oracle.replicas)
    assert not plane.plane.lengths.any()
    assert (plane.plane.tails == layout.NONE).all()
    for record, replica in zip(plane.plane.replicas, oracle.replicas, strict=True):
        assert record["loaded"] == replica.loaded
        assert record["busy_batch"] + record["busy_switch"] == pytest.approx(replica.busy, rel=1e-6, abs=1e-6)
        assert record["joules_batch"] + record["joules_switch"] == pytest.approx(replica.joules, rel=1e-9, abs=1e-9)


@given(fleets([shared_service]), st.data())
@SETTINGS
def test_stops_and_blocks_change_nothing(fleet, data):
    plane, _, straight = check_in_pieces(fleet, data)
    np.testing.assert_array_equal(plane.plane.services["switches"], straight.plane.services["switches"])
