"""Arrivals are the same in blocks of any size, keep their pairing when rates change, and follow their curves."""

import itertools
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from sim.scenario.arrivals import Arrivals
from sim.workload import shapes
from sim.workload.arrivals import RandomArrivals, arrival_source
from sim.workload.distributions import FloatArray

HOUR, DAY = 3600.0, 86400.0
DAILY = {"daily": {"peak_to_trough": 3.5, "peak_at": "14:00"}}
PROCESSES: dict[str, dict[str, Any]] = {
    "poisson": {"process": "poisson"},
    "deterministic": {"process": "deterministic"},
    "gamma": {"process": "gamma", "burstiness": 0.4},
    "weibull": {"process": "weibull", "burstiness": 0.6},
    "mmpp": {"process": "mmpp", "rates": ["1/s", "5/s", "0/s"], "switching_rates": ["0.05/s", "0.2/s", "0.1/s"]},
    "on_off": {"process": "on_off", "on_mean": "23 s", "off_mean": "53 s"},
    "cox": {"process": "cox", "rate_cv": 0.5, "correlation_time": "40 s"},
    "batch": {"process": "batch", "size": {"uniform": {"low": 1, "high": 6}}},
    "shaped": {"process": "poisson", "shape": DAILY, "growth": "8%/month"},
    "shaped cox": {"process": "cox", "rate_cv": 0.5, "correlation_time": "40 s", "shape": {"hourly": [0, 1] * 12}},
}


def described(rate: str = "2/s", process: str = "poisson", **keys: Any) -> RandomArrivals:
    arrivals: Any = TypeAdapter(Arrivals).validate_python({"rate": rate, "process": process, **keys})
    return arrivals  # type: ignore[no-any-return]


def times(arrivals: RandomArrivals, until: float, seed: int = 1, size: int = 65536, start: float = 0.0) -> FloatArray:
    source = arrival_source(arrivals, seed=seed, path=("test",), start_of_day=start, until=until)
    blocks = itertools.takewhile(len, (source.next_block(size) for _ in itertools.count()))
    return np.concatenate([np.empty(0), *blocks])


@pytest.mark.parametrize("name", PROCESSES)
@given(size=st.integers(1, 400), start=st.floats(0, 7 * DAY))
@settings(max_examples=15, deadline=None)
def test_any_block_size_gives_the_same_arrivals(name: str, size: int, start: float) -> None:
    arrivals = described(**PROCESSES[name])
    whole = times(arrivals, 3000.0, start=start)
    assert times(arrivals, 3000.0, start=start, size=size).tobytes() == whole.tobytes()


@pytest.mark.parametrize("name", PROCESSES)
def test_times_ascend_and_end(name: str) -> None:
    arrivals = described(**PROCESSES[name])
    all_times = times(arrivals, 7200.0)
    assert (np.diff(all_times) >= 0).all()
    assert 0 <= all_times[0] <= all_times[-1] < 7200.0
    source = arrival_source(arrivals, seed=1, path=("test",), until=7200.0)
    assert len(source.next_block(10**6)) == len(all_times)
    assert len(source.next_block(10)) == 0


@pytest.mark.parametrize("name", PROCESSES)
def test_a_longer_horizon_only_adds(name: str) -> None:
    short, long = (times(described(**PROCESSES[name]), until) for until in (5000.0, 9000.0))
    assert np.array_equal(long[: len(short)], short)
    assert long[len(short)] >= 5000.0


@pytest.mark.parametrize("name", ["poisson", "deterministic", "gamma", "weibull"])
def test_twice_the_rate_halves_every_time(name: str) -> None:
    slow, fast = (
        times(described(rate, **PROCESSES[name]), until) for rate, until in (("2/s", 4000.0), ("4/s", 2000.0))
    )
    assert np.array_equal(slow, 2 * fast)


def test_a_shape_keeps_the_unit_times() -> None:
    flat = times(described(), 2 * DAY)
    shaped = times(described(shape=DAILY), 2 * DAY)
    at = np.array(list(itertools.takewhile(lambda piece: piece[0] <= 2 * DAY, shapes.daily(3.5, 14 * HOUR, 0.0))))
    cumulative = np.concatenate([[0.0], np.cumsum(2 * at[:, 1] * np.diff(at[:, 0], prepend=0.0))])
    back = np.interp(shaped, np.concatenate([[0.0], at[:, 0]]), cumulative)
    n = min(len(flat), len(shaped))
    np.testing.assert_allclose(back[:n], 2 * flat[:n], rtol=1e-9)


def test_other_names_leave_a_stream_untouched() -> None:
    arrivals = described(**PROCESSES["cox"])
    alone = arrival_source(arrivals, seed=1, path=("services", "chat"), until=100.0)
    other = arrival_source(arrivals, seed=1, path=("services", "photos"), until=100.0)
    assert not np.array_equal(other.next_block(50), alone.next_block(50))
    again = arrival_source(arrivals, seed=1, path=("services", "chat"), until=100.0)
    again.next_block(50)
    assert np.array_equal(alone.next_block(50), again.next_block(50))


def test_deterministic_arrivals_stand_at_multiples() -> None:
    assert times(described("4/s", process="deterministic"), 2.0).tolist() == [0.25 * k for k in range(1, 8)]


def test_daily_curve() -> None:
    pieces = list(itertools.islice(shapes.daily(3.5, 14 * HOUR, 0.0), 288))
    factors = np.array([factor for _, factor in pieces])
    assert factors.max() / factors.min() == pytest.approx(3.5, rel=1e-3)
    assert factors.mean() == pytest.approx(1, abs=1e-12)
    highest = pieces[int(factors.argmax())][0]
    assert abs(highest - 14 * HOUR) <= shapes.DAILY_STEP


@pytest.mark.parametrize("start", [0.0, 5.5 * HOUR, 3 * DAY + 17.0])
def test_daily_peak_is_in_local_time(start: float) -> None:
    arrivals = described("1/s", process="deterministic", shape=DAILY)
    all_times = times(arrivals, DAY, start=start)
    counts = np.bincount((((all_times + start) % DAY) // HOUR).astype(int), minlength=24)
    assert counts.argmax() in {13, 14}
    assert counts.argmin() in {1, 2}
    assert counts.sum() == pytest.approx(DAY, rel=1e-4)


def test_weekly_values_start_on_monday() -> None:
    week = [0.0] * 168
    week[3 * 24 + 5] = 1.0  # Thursday, 05:00 to 06:00
    start = 2 * DAY + 12 * HOUR  # Wednesday noon
    all_times = times(described("1/h", process="poisson", shape={"hourly": week}), 14 * DAY, start=start)
    assert len(all_times) > 100
    assert set(((all_times + start) % (7 * DAY) // HOUR).astype(int)) == {3 * 24 + 5}


def test_growth_compounds() -> None:
    month = 30.4375 * DAY
    all_times = times(described("1000/h", process="deterministic", growth="50%/month"), 2 * month)
    first, second = np.histogram(all_times, [0, month, 2 * month])[0]
    assert second / first == pytest.approx(1.5, rel=1e-4)
    assert first == pytest.approx(1000 / HOUR * month * 0.5 / math.log(1.5), rel=1e-4)


def test_an_on_off_process_is_silent_when_off() -> None:
    gaps = np.diff(times(described("20/s", **PROCESSES["on_off"]), 20000.0))
    assert np.sum(gaps > 10) > 50


def test_a_batch_arrives_at_once() -> None:
    all_times = times(described("6/s", process="batch", size=3), 1000.0)
    _, sizes = np.unique(all_times, return_counts=True)
    assert set(sizes) == {3}


def test_a_long_horizon_costs_nothing_in_advance() -> None:
    source = arrival_source(described(shape=DAILY), seed=1, path=("test",), until=1e5 * DAY)
    assert len(source.next_block(1000)) == 1000
    assert len(source._time_change._rates) < 20  # type: ignore[attr-defined]


def test_the_mean_rate_of_states_need_not_be_given():
    """States of 1/s and 10/s that last 10 and 5 s: 4/s on average."""
    states = {"process": "mmpp", "rates": ["1/s", "10/s"], "switching_rates": ["0.1/s", "0.2/s"]}
    assert TypeAdapter(Arrivals).validate_python(states).rate == pytest.approx(4.0)
