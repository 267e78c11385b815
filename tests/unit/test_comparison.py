"""Systems side by side: pairs, samples apart, simultaneous levels, and the best of a few."""

import numpy as np
import pandas as pd
import pytest

from analysis.comparison import COLUMNS, compare, estimate
from analysis.histograms import Histograms
from analysis.sample import FigureError, Sample
from analysis.selection import best_of
from analysis.workers import Draw, Here

COST, LOAD = "fleet.cost_usd", "services.a.offered.work_per_s"
EMPTY = pd.DataFrame({"service": [], "metric": [], "low_s": [], "high_s": [], "count": []})


def sample(seeds, shift=0.0, noise=0.1, own=0, slope=1.0):
    """Costs that follow the load of a seed, and a noise of their own."""
    load = np.array([np.random.default_rng(seed).normal(5, 1) for seed in seeds])
    cost = 10 + shift + slope * (load - 5) + noise * np.random.default_rng(own).normal(size=len(load))
    return Sample({COST: cost, LOAD: load}, Histograms.of_each([EMPTY] * len(load)), tuple(seeds))


def test_one_row_for_each_system_and_metric():
    base = sample(range(20))
    frame = compare(base, {"same": base, "dearer": sample(range(20), 2.0, own=1)}, [COST, LOAD])
    assert list(frame.columns) == COLUMNS
    assert list(zip(frame["system"], frame["metric"], strict=True)) == [
        ("same", COST),
        ("same", LOAD),
        ("dearer", COST),
        ("dearer", LOAD),
    ]
    same, dearer = frame[frame["metric"] == COST].to_dict("records")
    assert same["difference"] == same["low"] == same["high"] == 0.0
    assert dearer["low"] <= 2.0 <= dearer["high"]
    assert dearer["value"] - dearer["baseline"] == pytest.approx(dearer["difference"])
    assert set(frame["method"]) == {"paired t"}
    assert set(frame["level"]) == {0.95}


def test_pairs_are_those_of_shared_seeds_in_any_order():
    frame = compare(sample(range(20)), {"other": sample(range(35, 9, -1), 2.0, own=1)}, [COST])
    assert frame["n"].item() == 10
    assert frame["method"].item() == "paired t"


def test_samples_apart_are_compared_by_welch():
    frame = compare(sample(range(20)), {"other": sample(range(100, 130), 2.0)}, [COST])
    assert frame["method"].item() == "Welch"
    assert frame["n"].item() == 50


def test_more_rows_make_wider_intervals():
    base, other = sample(range(20)), sample(range(20), 1.0, own=2)
    alone = compare(base, {"x": other}, [COST]).iloc[0]
    among = compare(base, dict.fromkeys("xyzuv", other), [COST]).iloc[0]
    assert among["high"] - among["low"] > 1.2 * (alone["high"] - alone["low"])


def test_controls_are_used_where_they_help():
    base, other = sample(range(30)), sample(range(30), 1.0, own=3, slope=2.0)
    plain, controlled = (compare(base, {"x": other}, [COST], known=known).iloc[0] for known in ({}, {LOAD: 5.0}))
    assert controlled["method"] == "paired t, control variates"
    assert controlled["high"] - controlled["low"] < 0.5 * (plain["high"] - plain["low"])
    assert controlled["low"] <= 1.0 <= controlled["high"]
    useless = compare(base, {"x": sample(range(30), 1.0, own=3)}, [COST], known={LOAD: 5.0}).iloc[0]
    assert useless["method"] == "paired t"


def test_controls_that_differ_between_the_systems_are_left_alone():
    other = sample(range(30), 1.0, own=3, slope=2.0)
    busier = Sample(other.figures | {LOAD: other.figures[LOAD] + 1}, other.latencies, other.seeds)
    assert compare(sample(range(30)), {"x": busier}, [COST], known={LOAD: 5.0})["method"].item() == "paired t"


def test_a_figure_by_itself_is_sharpened_too():
    found = estimate(sample(range(30)), COST, {LOAD: 5.0})
    assert found.method == "control variates"
    assert found.low <= 10 <= found.high
    assert estimate(sample(range(4)), COST, {LOAD: 5.0}).method == "t"


def test_levels_hold_for_differences_with_controls():
    """Using controls only where they seem to help must not cost coverage."""
    held = 0
    for trial in range(400):
        seeds = range(trial * 20, trial * 20 + 20)
        row = compare(
            sample(seeds, own=trial, noise=1.0),
            {"x": sample(seeds, 1.0, 1.0, 5000 + trial, 2.0)},
            [COST],
            known={LOAD: 5.0},
        ).iloc[0]
        held += row["low"] <= 1.0 <= row["high"]
    assert held / 400 >= 0.95 - 3 * 0.011


def test_what_cannot_be_compared_is_refused():
    base = sample(range(5))
    with pytest.raises(ValueError, match="share no seeds and have 5 and 1 replications"):
        compare(base, {"x": sample([77])}, [COST])
    with pytest.raises(ValueError, match="another system"):
        compare(base, {}, [COST])
    with pytest.raises(FigureError, match="no figure"):
        compare(base, {"x": base}, ["fleet.wrong"])
    lacking = Sample({LOAD: base.figures[LOAD]}, base.latencies, base.seeds)
    with pytest.raises(FigureError, match="x: the summary has no figure"):
        compare(base, {"x": lacking}, [COST])


class Named:
    """As much of a scenario as a made-up run needs."""

    def __init__(self, cost):
        self.cost, self.seed = cost, 3


def made_up(scenario, seed):
    noise = np.random.default_rng(seed).normal()
    return Draw(seed, {"fleet": {"cost_usd": scenario.cost + noise, "carbon_kg": None}}, EMPTY)


def test_the_best_is_named():
    systems = {"dear": Named(9.0), "cheap": Named(5.0), "middle": Named(7.0)}
    found = best_of(systems, COST, 0.5, run=made_up, executor=Here())
    assert found.system == "cheap"
    assert found.decided
    frame = found.frame.set_index("system")
    assert frame.loc["dear", "replications"] == 10
    assert frame.loc["dear", "mean"] - frame.loc["cheap", "mean"] == pytest.approx(4.0)
    assert best_of(systems, COST, 0.5, smallest=False, run=made_up, executor=Here()).system == "dear"


def test_a_figure_that_is_null_cannot_be_best():
    with pytest.raises(FigureError, match=r"dear: .* null with seed 3"):
        best_of({"dear": Named(9.0), "cheap": Named(5.0)}, "fleet.carbon_kg", 0.5, run=made_up, executor=Here())
    with pytest.raises(ValueError, match="nothing to choose"):
        best_of({}, COST, 0.5)
