"""The queue in order of submission finds by its tree what a scan of all jobs finds."""

import math

from hypothesis import given, settings
from hypothesis import strategies as st

from sim.training.job import Job
from sim.training.queue import Queue
from sim.workload.jobs import JobRequest

MOVES = st.lists(st.tuples(st.sampled_from("anr"), st.integers(0, 30), st.integers(0, 9)), max_size=60)
"""(a job is added anew, comes back, or is removed; which; the seconds that remain)."""


def job(number, gang):
    return Job(str(number), number, JobRequest(str(number), float(number), gang, 1.0), "s", {"p": 1.0})


@given(MOVES, st.integers(0, 10), st.integers(-1, 30))
@settings(deadline=None)
def test_the_first_within_a_length_is_that_of_a_scan(moves, within, after):
    queue = Queue(lambda each: each.view(0.0, "nothing"))
    known, waiting = [], {}
    for move, which, remaining in moves:
        if move == "a":
            known.append(job(len(known), 1 + which % 3))
            one = known[-1]
        elif not known:
            continue
        else:
            one = known[which % len(known)]
        if one.number in waiting:
            queue.remove(one, None)
            del waiting[one.number]
        if move != "r":
            queue.add(one, None, float(remaining))
            waiting[one.number] = float(remaining)
    assert [view.number for view in queue] == sorted(waiting)
    assert len(queue) == len(waiting)
    last = known[after].view(0.0, "nothing") if 0 <= after < len(known) else None
    for kind in queue.kinds():
        for bound in (float(within), math.inf):
            mine = [n for n in sorted(waiting) if known[n].gang == kind.gang and waiting[n] <= bound]
            expected = [n for n in mine if last is None or n > last.number][:1]
            found = kind.first(bound, last)
            assert ([] if found is None else [found.number]) == expected
