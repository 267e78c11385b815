"""What common random numbers and control variates save: M/M/10 against M/M/11 at the same requests.

Ratios of variances over R replications have a relative standard error of some 1.4 / sqrt(R). `pytest -s` prints them.
"""

import sys

import numpy as np
import pytest
from validation.single_queue import RESPONSE, WAIT, many, queue

from analysis.comparison import compare, estimate
from analysis.known_means import known_means
from analysis.statistics.comparisons import control_variates
from analysis.workers import draw, sample_of

LOAD = "services.s.offered.work_per_s"
THEORY = {10: 0.66873152, 11: 0.21523512}
"""Waits by Erlang C."""


@pytest.fixture(scope="module")
def replications():
    """Of so many replications: M/M/10, M/M/11 at the same requests, and M/M/11 at others."""
    known = {}

    def of(number):
        if number not in known:
            ten, eleven = (queue(9.0, 2e4, warmup=300.0, servers=servers) for servers in (10, 11))
            seeds, others = range(1000, 1000 + number), range(5000, 5000 + number)
            runs = many(
                draw, [*((ten, i) for i in seeds), *((eleven, i) for i in seeds), *((eleven, i) for i in others)]
            )
            parts = runs[:number], runs[number : 2 * number], runs[2 * number :]
            known[number] = known_means(ten), *map(sample_of, parts)
        return known[number]

    return of


def reductions(known, ten, eleven, apart, metric):
    a, b, c = (sample.pseudo_values(metric) for sample in (ten, eleven, apart))
    mean = np.array([known[LOAD]])
    control, other = (sample.figures[LOAD][:, None] for sample in (ten, apart))
    independent = np.var(c - a, ddof=1)
    alone = [control_variates(values, controls, mean).reduction for values, controls in ((a, control), (c, other))]
    controlled = np.var(a, ddof=1) / alone[0] + np.var(c, ddof=1) / alone[1]
    paired = control_variates(b - a, control, mean).reduction
    crn = independent / np.var(b - a, ddof=1)
    found = {
        "common random numbers": crn,
        "controls of an independent difference": (np.var(a, ddof=1) + np.var(c, ddof=1)) / controlled,
        "controls of a paired difference": paired,
        "both together": crn * paired,
        "controls of the mean of M/M/10": alone[0],
    }
    for name, value in found.items():
        sys.stdout.write(f"  {metric:26s} {name:40s} {value:5.2f}x\n")
    return found


@pytest.mark.slow
def test_the_variance_falls_as_far_as_promised(replications):
    for metric in (f"{WAIT}.mean", f"{RESPONSE}.mean"):
        found = reductions(*replications(400), metric)
        assert found["common random numbers"] >= 1.6
        assert found["controls of an independent difference"] >= 1.8
        assert found["controls of a paired difference"] >= 1.8


def test_differences_are_exact_and_sharper_in_pairs(replications):
    known, ten, eleven, apart = replications(40)
    found = reductions(known, ten, eleven, apart, f"{RESPONSE}.mean")
    assert found["common random numbers"] > 1.2
    assert found["both together"] > 1.6
    frame = compare(ten, {"same": eleven, "others": apart}, [f"{WAIT}.mean"], known=known).set_index("system")
    assert list(frame["method"]) == ["paired t, control variates", "Welch"]
    difference = THEORY[11] - THEORY[10]
    assert (frame["low"] <= difference).all()
    assert (difference <= frame["high"]).all()
    widths = frame["high"] - frame["low"]
    assert widths["same"] < 0.8 * widths["others"]
    sharper = estimate(ten, f"{WAIT}.mean", known)
    assert sharper.method == "control variates"
    assert abs(sharper.mean - THEORY[10]) < 2 * sharper.half_width
