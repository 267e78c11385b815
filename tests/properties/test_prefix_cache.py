"""Prompts of which replicas keep blocks: the compiled plane equals the oracle, and keeps what it keeps."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from oracles.comparison import assert_little, check, check_in_pieces
from oracles.fleets import SETTINGS, fleets, generative_service, prefix_service, with_classes

from sim.serving import layout


def kept_by(plane, replica):
    """The hashes that a replica keeps, from the one used longest ago on."""
    cache = plane.prefixes[plane.replicas[replica]["prefix"]]
    blocks = plane.blocks[cache["first"] : cache["first"] + cache["slots"]]
    found, at = [], cache["oldest"]
    while at != layout.NONE:
        found.append(int(blocks[at]["hash"]))
        at = blocks[at]["newer"]
    assert len(found) == cache["used"] == np.count_nonzero(blocks["held"] != layout.NONE)
    return found


@given(fleets([prefix_service, with_classes(prefix_service), generative_service]))
@SETTINGS
def test_prefixes(fleet):
    plane, oracle = check(fleet)
    assert_little(plane)
    for number, replica in enumerate(oracle.replicas):
        if replica.service.plan.prefix_blocks:
            assert kept_by(plane.plane, number) == list(replica.kept)
    services = plane.plane.services
    for name in ("admitted_tokens", "skipped_tokens"):
        assert services[name].sum() == (getattr(oracle, name) if plane.plane.full is not None else 0)


@given(fleets([prefix_service]), st.data())
@SETTINGS
def test_stops_and_blocks_change_nothing(fleet, data):
    plane, _, straight = check_in_pieces(fleet, data)
    np.testing.assert_array_equal(plane.plane.services["skipped_tokens"], straight.plane.services["skipped_tokens"])
