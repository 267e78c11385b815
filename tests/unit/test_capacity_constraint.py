"""Constraints: how they are read, what decides them, and what no data are taken for."""

import numpy as np
import pandas as pd
import pytest

from analysis.capacity.constraint import ConstraintError, read_constraint
from analysis.histograms import Histograms
from analysis.sample import Sample, over


@pytest.mark.parametrize(
    ("text", "metric", "operator", "limit"),
    [
        ("services.chat.ttft_s.p99 <= 2 s", "services.chat.ttft_s.p99", "<=", 2.0),
        ("services.chat.ttft_s.p99<=200 ms", "services.chat.ttft_s.p99", "<=", 0.2),
        ("training.finetune.jct_s.p90 <= 8 h", "training.finetune.jct_s.p90", "<=", 28800.0),
        ("services.chat.ttft_s.mean <= 1.5", "services.chat.ttft_s.mean", "<=", 1.5),
        ("services.chat.slo.attainment >= 0.99", "services.chat.slo.attainment", ">=", 0.99),
        ("services.chat.slo.attainment >= 99 %", "services.chat.slo.attainment", ">=", 0.99),
        ("sites.west.power_w.peak <= 1.2 MW", "sites.west.power_w.peak", "<=", 1.2e6),
        ("services.chat.slo.goodput_per_s >= 12/s", "services.chat.slo.goodput_per_s", ">=", 12.0),
        ("fleet.cost_usd_per_h <= 120", "fleet.cost_usd_per_h", "<=", 120.0),
    ],
)
def test_a_constraint_is_read_in_the_unit_of_its_figure(text, metric, operator, limit):
    constraint = read_constraint(text)
    assert (constraint.metric, constraint.operator) == (metric, operator)
    assert constraint.limit == pytest.approx(limit)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("services.chat.ttft_s.p99", "not a constraint"),
        ("services.chat.ttft_s.p99 < 2 s", "not a constraint"),
        ("services.chat.ttft_s.p99 <= fast", "not a duration"),
        ("services.chat.ttft_s.p99 <= 2 W", "not a unit of time"),
        ("services.chat.ttft_s.p99 >= 2 s", "limited from above"),
        ("fleet.energy_kwh <= lots", "not a number"),
        ("fleet.energy_kwh <= nan", "not a number"),
    ],
)
def test_a_constraint_that_cannot_be_read_says_why(text, words):
    with pytest.raises(ConstraintError, match=words):
        read_constraint(text)


def test_a_quantile_is_decided_on_the_share_beyond_its_limit():
    constraint = read_constraint("services.s.e2e_s.p95 <= 1 s")
    assert constraint.block == "services.s.e2e_s"
    assert constraint.allowed == pytest.approx(0.05)
    assert read_constraint("services.s.e2e_s.mean <= 1 s").block == ""


def sample(shares, count=1000):
    """Replications with these shares of requests over one second; all of their latencies lie in one bucket."""
    m = len(shares)
    rows = {"service": ["s"], "metric": ["e2e_s"], "low_s": [0.5], "high_s": [0.6], "count": [count]}
    figures = {
        over("services.s.e2e_s", 1.0): np.array(shares),
        "services.s.e2e_s.count": np.full(m, float(count)),
        "services.s.e2e_s.mean": np.full(m, 0.55),
        "training.t.jct_s.p90": np.full(m, np.nan),
        "fleet.energy_kwh": np.linspace(9.0, 11.0, m),
    }
    return Sample(figures, Histograms.of_each([pd.DataFrame(rows)] * m), tuple(range(m)))


@pytest.mark.parametrize(
    ("shares", "verdict"),
    [
        ([0.01, 0.012, 0.009, 0.011], "met"),
        ([0.09, 0.1, 0.11, 0.095], "not_met"),
        ([0.02, 0.09, 0.03, 0.06], "undecided"),
    ],
)
def test_the_verdict_waits_for_the_interval(shares, verdict):
    judged = read_constraint("services.s.e2e_s.p95 <= 1 s").judge(sample(shares), 0.01)
    assert judged.verdict == verdict
    assert judged.share_over.mean == pytest.approx(np.mean(shares))


def test_none_beyond_the_limit_is_not_certainty():
    """Of 4 x 10 requests none was late: that is no proof that fewer than 5 % are."""
    constraint = read_constraint("services.s.e2e_s.p95 <= 1 s")
    few = constraint.judge(sample([0.0] * 4, count=10), 0.01)
    many = constraint.judge(sample([0.0] * 4, count=1000), 0.01)
    assert few.verdict == "undecided"
    assert few.share_over.high == pytest.approx(1 - 0.01 ** (1 / 40))
    assert many.verdict == "met"


def test_an_unknown_figure_keeps_no_promise():
    assert read_constraint("training.t.jct_s.p90 <= 1 h").judge(sample([0.0] * 4), 0.01).verdict == "not_met"


@pytest.mark.parametrize(("limit", "verdict"), [(20, "met"), (5, "not_met"), (10.1, "undecided")])
def test_a_mean_is_decided_on_its_own_interval(limit, verdict):
    assert read_constraint(f"fleet.energy_kwh <= {limit}").judge(sample([0.0] * 4), 0.01).verdict == verdict


def test_the_margin_is_relative_and_positive_on_the_right_side():
    kept = read_constraint("fleet.energy_kwh <= 20").judge(sample([0.0] * 4), 0.01)
    broken = read_constraint("fleet.energy_kwh >= 20").judge(sample([0.0] * 4), 0.01)
    assert kept.margin == pytest.approx(0.5)
    assert broken.margin == pytest.approx(-0.5)
