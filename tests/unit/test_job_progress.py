"""How far a job comes in a spell, and what of it a failure leaves."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.training.progress import Checkpoints, Progress, progress, whole_length

EVERY_TEN = Checkpoints(10.0, 2.0, 5.0)


@pytest.mark.parametrize(
    ("elapsed", "worked", "saved", "restarting", "checkpointing"),
    [
        (3.0, 0.0, 0.0, 3.0, 0.0),  # still loading
        (5.0, 0.0, 0.0, 5.0, 0.0),
        (12.0, 7.0, 0.0, 5.0, 0.0),
        (16.0, 10.0, 0.0, 5.0, 1.0),  # half of a checkpoint saves nothing
        (17.0, 10.0, 10.0, 5.0, 2.0),
        (30.0, 21.0, 20.0, 5.0, 4.0),
    ],
)
def test_loading_work_and_checkpoints_follow_one_another(elapsed, worked, saved, restarting, checkpointing):
    assert progress(elapsed, 5.0, EVERY_TEN) == Progress(worked, saved, restarting, checkpointing)


def test_without_checkpoints_nothing_is_saved():
    assert progress(30.0, 5.0, None) == Progress(25.0, 0.0, 5.0, 0.0)


SECONDS = st.integers(0, 2**20).map(lambda number: number / 64.0)


@given(SECONDS, SECONDS, st.integers(1, 4096), st.integers(0, 512))
def test_all_time_is_accounted_for_and_the_end_is_where_the_work_is_done(elapsed, delay, interval, cost):
    checkpoints = Checkpoints(interval / 64.0, cost / 64.0)
    found = progress(elapsed, delay, checkpoints)
    assert found.worked + found.restarting + found.checkpointing == elapsed
    assert 0.0 <= found.worked - found.saved <= checkpoints.interval
    assert found.saved == checkpoints.interval * round(found.saved / checkpoints.interval)
    # A spell with just so much work is over by now, and not before it is done.
    assert whole_length(found.worked, delay, checkpoints) <= max(elapsed, delay)
