"""Jobs a second: a whole trace of 82,247 jobs, and a queue that only grows. Each beside a plain loop over a heap."""

import heapq
import math
import sys
import time
from collections import deque
from pathlib import Path

import numpy as np
import pytest
from oracles.job_plane import run_plane

from sim.policies.backfill import EasyBackfill
from sim.policies.scheduling import FifoFirstFit
from sim.workload.job_formats import philly

DATA = Path(__file__).parents[2] / ".." / "shared" / "data" / "philly"

pytestmark = pytest.mark.slow


def plain_first_fit(rows, accelerators):
    """Ends of jobs in a heap, those that wait in a list that is gone through at each event. The starts."""
    free, ends, waiting, starts, coming = accelerators, [], [], [], deque(sorted(rows))
    while coming or ends:
        now = min(coming[0][0] if coming else math.inf, ends[0][0] if ends else math.inf)
        while ends and ends[0][0] == now:
            free += heapq.heappop(ends)[1]
        while coming and coming[0][0] == now:
            waiting.append(coming.popleft())
        left = []
        for place, (submit, gang, duration) in enumerate(waiting):
            if free == 0:
                left += waiting[place:]
                break
            if gang > free:
                left.append((submit, gang, duration))
                continue
            free -= gang
            starts.append(now)
            heapq.heappush(ends, (now + duration, gang))
        waiting = left
    return starts


def seconds(work):
    """Of processor time: the clock on the wall also counts what else the machine does."""
    began = time.process_time()
    found = work()
    return time.process_time() - began, found


@pytest.mark.skipif(not DATA.exists(), reason="the Philly trace is not here")
@pytest.mark.parametrize("policy", [FifoFirstFit, EasyBackfill])
def test_a_whole_trace_takes_half_a_minute_at_most(policy):
    jobs = philly.read(DATA / "philly_jobs.csv").jobs
    rows = [(float(round(job.submit)), job.accelerators, float(round(job.duration))) for job in jobs]
    rows.sort(key=lambda row: row[0])
    ours, (found, _) = seconds(lambda: run_plane(policy(), rows, 1, 2490))
    plain, starts = seconds(lambda: plain_first_fit(rows, 2490))
    assert len(found) == len(starts) == 82_247
    assert all(job.status == "completed" for job in found)
    rate = f"{len(rows) / ours:.0f} jobs/s, {ours:.1f} s; a plain loop {plain:.1f} s, ratio {ours / plain:.0f}"
    sys.stdout.write(f"\nPhilly under {policy.__name__}: {rate}\n")
    assert ours <= 30.0


def test_the_cost_of_a_job_does_not_grow_with_the_queue():
    """A hundred thousand jobs of one accelerator on 64, under backfill: overload at most four times as long as 0.8."""
    generator = np.random.default_rng(1)
    gaps, lengths = generator.exponential(1.0, 100_000), np.round(generator.exponential(64.0, 100_000) * 2**20) / 2**20
    taken = []
    for load in (0.8, 1.3):
        submits = np.round(np.cumsum(gaps / load) * 2**20) / 2**20
        rows = [(submit, 1, length) for submit, length in zip(submits.tolist(), lengths.tolist(), strict=True)]
        ours, (found, _) = seconds(lambda rows=rows: run_plane(EasyBackfill(), rows, 1, 64))
        plain, starts = seconds(lambda rows=rows: plain_first_fit(rows, 64))
        assert [job.start for job in found] == starts  # of equal gangs the first comes first
        sys.stdout.write(f"\nload {load}: {ours:.1f} s; a plain loop {plain:.2f} s, ratio {ours / plain:.0f}\n")
        taken.append(ours)
    assert taken[1] <= 4.0 * taken[0]
