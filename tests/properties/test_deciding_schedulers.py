"""Whatever the jobs: schedulers that rearrange running jobs lose none, and hold nothing twice.

That nothing is held twice, nor beyond a quota, the engine checks at every answer: a wrong one would end the run.
"""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from unit.job_runs import pool, run

from sim.policies.elastic import GoodputElastic
from sim.policies.fair_share import FairShare
from sim.policies.max_min import MaxMinHeterogeneous
from sim.training.progress import Checkpoints
from sim.training.tenants import Tenant
from sim.workload.jobs import JobRequest

JOBS = st.lists(
    st.tuples(
        st.integers(0, 60),
        st.sampled_from([1, 2, 3, 4, 6, 8]),
        st.integers(1, 200),
        st.sampled_from([None, "a", "b"]),
        st.sampled_from([{"p": 1.0}, {"q": 1.0}, {"p": 1.0, "q": 0.5}, {"p": 1.0, "q": 3.0}]),
        st.booleans(),
    ),
    min_size=1,
    max_size=15,
)
POLICIES = {
    "fair_share": FairShare,
    "max_min": lambda: MaxMinHeterogeneous("20 s", "60 s"),
    "agnostic": lambda: MaxMinHeterogeneous("20 s", "60 s", heterogeneity_aware=False),
    "elastic": lambda: GoodputElastic("20 s"),
}


def requests(rows, *, elastic_too):
    ordered = sorted(rows, key=lambda row: row[0])
    for number, (submit, gang, length, tenant, speed, elastic) in enumerate(ordered):
        sizes = {"smallest": max(1, gang // 2), "largest": 2 * gang} if elastic and elastic_too else {}
        yield JobRequest(
            str(number), submit, gang, length, tenant=tenant, speed=speed, efficiency=lambda n: n**-0.3, **sizes
        )


@pytest.mark.parametrize("policy", POLICIES)
@given(JOBS)
@settings(deadline=None, max_examples=40)
def test_every_job_that_can_run_ends_with_its_work_done(policy, rows):
    pools = {"p": pool("p", nodes=2, per_node=4), "q": pool("q", nodes=1, per_node=3)}
    tenants = [Tenant("a", 2.0, {"p": 5, "q": 2}), Tenant("b")]
    asked, checkpoints = list(requests(rows, elastic_too=policy == "elastic")), Checkpoints(50.0, 1.0, 2.0)
    jobs, _ = run(asked, POLICIES[policy](), pools, ("p", "q"), tenants, until=1e5, checkpoints=checkpoints)
    for job in jobs:
        if job.status == "rejected":
            assert "never fits" in job.reason
            continue
        assert job.status == "completed"
        worked = sum(
            (spell.end - spell.start - spell.restarting - spell.checkpointing) * spell.rate for spell in job.spells
        )
        assert worked == pytest.approx(job.duration, abs=1e-4)
        assert all(one.end <= other.start for one, other in zip(job.spells, job.spells[1:], strict=False))
