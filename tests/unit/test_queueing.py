"""Closed forms: against a table of values from elsewhere, against each other, and where they must meet."""

import csv
import math
from pathlib import Path

import numpy as np
import pytest

from analysis import queueing as q

TABLE = Path(__file__).parents[2] / ".." / "shared" / "data" / "theory" / "closed_forms.csv"
VALUES = [
    (q.mmc_wait(9.0, 1.0, 10), 0.66873152),
    (q.mmc_wait_quantile(0.95, 9.0, 1.0, 10), 2.5933597),
    (q.mmc_wait_quantile(0.99, 9.0, 1.0, 10), 4.2027976),
    (q.mmc_wait(980.0, 1.0, 1000), 0.020610015),
    (q.pollaczek_khinchine(0.8, 1.0, 0.0), 2.0),
    (q.pollaczek_khinchine(0.8, 1.0, 4.0), 10.0),
    (q.erlang_b(8.0, 10), 0.12166106),
    (q.kaufman_roberts(16, [(4, 1), (2, 2), (1, 4)])[0][2], 0.29052025),
    (q.two_servers_saturated(0.5, 1.0).throughput, 8 / 7),
    (q.dynamic_batches(0.4, [2.0 + b for b in range(1, 9)]).response, 6.1303841),
    (q.dynamic_batches(0.4, [2.0 + b for b in range(1, 9)]).batch, 1.7355203),
    (q.bulk_service(3.0, 1.0, 4).wait, 2.5524987),
    (q.shorter_of_two_response(0.9), 5.4749128),
    (q.gm1_wait(q.gamma_gaps(0.8, 4.0), 1.0), 2.2673836),
    (q.exponential_patience(12.0, 1.0, 10, 2.0).left, 0.19565594),
    (q.mean_power(8, 5.0, 60.0, 400.0), 2180.0),
    (q.setup_response(0.6, 1.0, 2.0), 4.5),
    (q.setup_shares(0.6, 1.0, 2.0).off, 2 / 11),
    (q.setup_shares(0.6, 1.0, 2.0).setup, 0.21818181818),
    (q.joules_per_request(5.0, 8, 5.0, 60.0, 400.0), 436.0),
]
"""What the project's list of figures to meet says, by value."""


@pytest.mark.parametrize(("found", "expected"), VALUES, ids=[str(value) for _, value in VALUES])
def test_values(found, expected):
    assert found == pytest.approx(expected, rel=1e-7)


def covered():
    """What the functions say of the rows that they cover, by (id, parameters, quantity)."""
    batches = {
        "lam=0.5 tau(b)=2.0+1.0b, bmax=inf": q.dynamic_batches(0.5, [2.0 + b for b in range(1, 301)]),
        "lam=0.7 tau(b)=2.0+1.0b, bmax=inf": q.dynamic_batches(0.7, [2.0 + b for b in range(1, 301)]),
        "lam=0.4 tau(b)=2.0+1.0b, bmax=8": q.dynamic_batches(0.4, [2.0 + b for b in range(1, 9)]),
    }
    for servers, rate in ((2, 1.4), (10, 9.0), (100, 95.0), (1000, 980.0)):
        params = f"c={servers} lam={rate:g} mu=1"
        yield ("mmc", params, "P(wait)"), q.erlang_c(rate, servers)
        yield ("mmc", params, "E[Wq]"), q.mmc_wait(rate, 1.0, servers)
        yield ("mmc", params, "E[N]"), rate * (1.0 + q.mmc_wait(rate, 1.0, servers))
        for level in (0.95, 0.99):
            yield ("mmc", params, f"Wq quantile {level}"), q.mmc_wait_quantile(level, rate, 1.0, servers)
    for level in (0.5, 0.95, 0.99):
        yield ("mm1", "lam=.8 mu=1", f"Wq quantile {level}"), q.mmc_wait_quantile(level, 0.8, 1.0, 1)
    yield ("mm1", "lam=.8 mu=1", "E[Wq]"), q.pollaczek_khinchine(0.8, 1.0, 1.0)
    for servers, load in ((10, 8), (100, 95)):
        yield ("erlb", f"c={servers} a={load}", "P(block)"), q.erlang_b(load, servers)
    lost, busy = q.kaufman_roberts(16, [(4, 1), (2, 2), (1, 4)])
    for gang, share in zip((1, 2, 4), lost, strict=True):
        yield ("kauf", "c=16; (a=4,b=1),(2,2),(1,4)", f"P(block), b={gang}"), share
    yield ("kauf", "c=16; (a=4,b=1),(2,2),(1,4)", "E[busy slots]"), busy
    limited = q.mmck(0.9, 1.0, 1, 10)
    yield ("mm1k", "rho=.9 K=10", "P(block)"), limited.lost
    yield ("mm1k", "rho=.9 K=10 mu=1", "E[T | accepted]"), limited.wait + 1.0
    yield ("md1", "lam=.8 S=1", "E[Wq]"), q.mdc_wait(0.8, 1.0, 1)
    yield ("me2", "lam=.8 E[S]=1 scv=.5", "E[Wq]"), q.pollaczek_khinchine(0.8, 1.0, 0.5)
    yield ("mln", "lam=.8 E[S]=1 scv=4 (sigma^2=ln5, mu=-ln5/2)", "E[Wq]"), q.pollaczek_khinchine(0.8, 1.0, 4.0)
    for queues in (2, 4, 10):
        yield ("rr", f"k={queues} per-queue rho=.8 mu=1", "E[Wq]"), q.gm1_wait(q.gamma_gaps(0.8, queues), 1.0)
    bulk = q.bulk_service(3.0, 1.0, 4)
    yield ("bulk", "lam=3 mu=1 b=4", "E[Wq]"), bulk.wait
    yield ("bulk", "lam=3 mu=1 b=4", "P(server idle)"), bulk.idle
    yield ("bulk", "lam=3 mu=1 b=4", "root r"), bulk.root
    for params, found in batches.items():
        yield ("dynb", params, "E[T]"), found.response
        yield ("dynb", params, "P(idle)"), 1.0 - found.busy
        yield ("dynb", params, "E[batch]"), found.batch
    for load in (0.5, 0.8, 0.9):
        yield ("jsq2", f"rho={load} mu=1", "E[T]"), q.shorter_of_two_response(load)
    for load in (0.7, 0.9, 0.95, 0.99):
        yield ("po2", f"rho={load} mu=1", "E[T]"), q.power_of_two_response(load)
    yield ("erla", "c=10 lam=12 mu=1 theta=.5", "P(abandon)"), q.exponential_patience(12.0, 1.0, 10, 2.0).left
    power = "c=8 lam=5 E[S]=1 idle 60 W busy 400 W"
    yield ("energy", power, "mean power [W]"), q.mean_power(8, 5.0, 60.0, 400.0)
    yield ("energy", "same", "J per job (s units)"), q.joules_per_request(5.0, 8, 5.0, 60.0, 400.0)
    gangs = q.two_servers_saturated(0.5, 1.0)
    yield ("gang", "p=.5", "max throughput"), gangs.throughput
    yield ("gang", "p=.5", "server utilisation at saturation"), gangs.utilization


@pytest.mark.skipif(not TABLE.exists(), reason="the table of closed forms is not here")
def test_every_value_of_the_table_that_is_covered():
    with TABLE.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    values = {(row["id"], row["params"], row["quantity"]): float(row["value"]) for row in rows}
    found = dict(covered())
    assert len(found) > 50
    assert found == pytest.approx({key: values[key] for key in found}, rel=1e-9)


@pytest.mark.skipif(not TABLE.exists(), reason="the table of closed forms is not here")
def test_waits_of_fixed_service_have_the_quantiles_of_the_table():
    with TABLE.open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["id"] == "md1" and "quantile" in row["quantity"]]
    assert len(rows) == 3
    for row in rows:
        level = float(row["quantity"].split()[-1])
        assert q.mdc_wait_over(float(row["value"]), 0.8, 1.0, 1) == pytest.approx(1.0 - level, rel=1e-9)


def test_thousands_of_servers():
    assert q.erlang_b(9000.0, 10_000) == pytest.approx(0.0, abs=1e-20)
    assert 0.0 < q.erlang_c(9950.0, 10_000) < 1.0
    assert q.erlang_b(1e6, 10) == pytest.approx(1.0 - 10 / 1e6, rel=1e-4), "far more than is carried"
    assert q.erlang_b(1.0, 100_000) == 0.0, "too small a number to be told from zero"


def test_no_load_and_too_much():
    assert (q.erlang_b(0.0, 3), q.erlang_c(0.0, 3), q.erlang_c(3.0, 3)) == (0.0, 0.0, 1.0)
    assert q.mmc_wait_quantile(0.5, 1.0, 1.0, 10) == 0.0, "half of them do not wait"


def test_one_law_is_a_case_of_another():
    assert q.mdc_wait(0.8, 1.0, 1) == pytest.approx(q.pollaczek_khinchine(0.8, 1.0, 0.0), rel=1e-9)
    assert q.gm1_wait(q.gamma_gaps(0.8, 1.0), 1.0) == pytest.approx(4.0, rel=1e-9)
    assert q.gm1_wait_over(2.0, q.gamma_gaps(0.8, 1.0), 1.0) == pytest.approx(q.mmc_wait_over(2.0, 0.8, 1.0, 1))
    assert q.gm1_wait(q.gamma_gaps(0.8, 1e6), 1.0) == pytest.approx(q.gm1_wait(q.equal_gaps(0.8), 1.0), rel=1e-5)
    assert q.gm1_wait(q.interrupted_gaps(0.8, 1e9, 1e-9), 1.0) == pytest.approx(4.0, rel=1e-6), "never interrupted"
    assert q.batch_arrivals_wait(0.8, 1.0, 0.0, 1.0, 1.0) == pytest.approx(4.0)
    assert q.batch_arrivals_wait(0.2, 4.0, 0.0, 1.0) == pytest.approx(11.5), "rho (E[X^2]/E[X] + 1) / 2 (1 - rho)"
    assert q.dynamic_batches(0.8, [1.0]).response == pytest.approx(3.0, rel=1e-9), "M/D/1"
    assert q.bulk_service(0.8, 1.0, 1).wait == pytest.approx(4.0, rel=1e-9), "M/M/1"
    assert q.mmck(8.0, 1.0, 10, 10).lost == pytest.approx(q.erlang_b(8.0, 10), rel=1e-12)
    assert q.mmck(9.0, 1.0, 10, 2000).wait == pytest.approx(q.mmc_wait(9.0, 1.0, 10), rel=1e-9)
    assert q.kaufman_roberts(10, [(8.0, 1)])[0] == pytest.approx([q.erlang_b(8.0, 10)])


def test_patience_without_end_and_without_beginning():
    endless = q.fixed_patience(4.0, 1.0, 5, 60.0)
    assert endless.left == pytest.approx(0.0, abs=1e-12)
    assert endless.waited == pytest.approx(q.erlang_c(4.0, 5), rel=1e-9)
    assert q.fixed_patience(4.0, 1.0, 5, 1e-9).left == pytest.approx(q.erlang_b(4.0, 5), rel=1e-6)


def test_priorities_move_waits_from_one_class_to_another():
    """Kleinrock's conservation law: the sum of load times wait is that of first come, first served."""
    rates, services, scvs = (0.2, 0.3, 0.1), (1.0, 0.5, 3.0), (1.0, 0.0, 4.0)
    loads = [rate * service for rate, service in zip(rates, services, strict=True)]
    waits = q.priority_waits(rates, services, scvs)
    second = sum(r * s**2 * (1 + v) for r, s, v in zip(rates, services, scvs, strict=True))
    together = second / 2 / (1 - sum(loads))
    assert waits == sorted(waits)
    assert np.dot(loads, waits) == pytest.approx(sum(loads) * together)
    several = q.mmc_priority_waits(rates, 5.0, 4)
    assert np.dot(rates, several) == pytest.approx(sum(rates) * q.mmc_wait(sum(rates), 5.0, 4))
    assert q.mmc_priority_waits((0.8,), 1.0, 1) == pytest.approx(q.priority_waits((0.8,), (1.0,), (1.0,)))


def test_company():
    together = q.waiting_for_company(2.0, 4, 1e9)
    assert together == pytest.approx((0.75, 4.0)), "the first waits for three gaps, the last for none"
    assert q.waiting_for_company(2.0, 4, 0.0) == pytest.approx((0.0, 1.0))


def test_shapes_of_work():
    assert q.moments((1.0, 3.0), (0.5, 0.5)) == pytest.approx((2.0, 0.25))
    assert q.hyperexponential_scv((0.75, 0.25), (0.5, 2.5)) == pytest.approx(2.5)
    assert q.hyperexponential_scv((1.0,), (7.0,)) == pytest.approx(1.0)


def test_approximations_are_exact_where_they_must_be():
    assert q.kingman(0.8, 1.0, 1.0, 4.0) == pytest.approx(q.pollaczek_khinchine(0.8, 1.0, 4.0))
    assert q.allen_cunneen(9.0, 1.0, 10, 1.0, 1.0) == pytest.approx(q.mmc_wait(9.0, 1.0, 10))
    assert q.allen_cunneen(3.2, 1.0, 4, 1.0, 0.0) == pytest.approx(q.mdc_wait(3.2, 1.0, 4), rel=0.1)


def test_a_truncation_that_cuts_off_what_counts_is_refused():
    with pytest.raises(ArithmeticError, match="allow more"):
        q.mdc_wait(0.99, 1.0, 1, states=100)
    with pytest.raises(ArithmeticError, match="more than 800 states"):
        q.mdc_wait_over(1000.0, 0.5, 1.0, 1)


def test_gangs_of_one_alone_keep_two_servers_busy():
    found = q.two_servers_saturated(1e-9, 2.0)
    assert found.utilization == pytest.approx(1.0, abs=1e-6)
    assert found.throughput == pytest.approx(1.0, abs=1e-6)
    assert math.isclose(q.two_servers_saturated(1.0, 2.0).throughput, 0.5)
