"""The interval between checkpoints: what Young's rule costs beside the best of a sweep (Young 1974)."""

import math
import sys

import pytest

import analysis
import sim

HOUR = 3600.0
FACTORS = (0.5, 0.7, 0.85, 1.0, 1.2, 1.45, 2.0)


def fleet(accelerators, per_node, gang, work_h, cost_min, mtbf_h, rate):
    """Jobs, each with room of its own; `mtbf_h` is that of a gang. Repairs and restarts take no time."""
    return sim.load(
        {
            "fleetsim": 1,
            "name": "checkpoints",
            "horizon": "jobs_done",
            "accelerators": {"gpu": {"kind": "gpu", "memory": "80 GB", "idle_power": "60 W", "busy_power": "700 W"}},
            "pools": {
                "p": {
                    "accelerator": "gpu",
                    "nodes": accelerators // per_node,
                    "accelerators_per_node": per_node,
                    "failures": {"per": "node", "mtbf": f"{mtbf_h * gang / per_node} h"},
                }
            },
            "training": {
                "t": {
                    "pools": ["p"],
                    "jobs": [
                        {"submit": f"{number / rate} h", "accelerators": gang, "duration": f"{work_h} h"}
                        for number in range(accelerators // gang)
                    ],
                    "checkpoint": {"interval": "1 h", "cost": f"{cost_min} min"},
                }
            },
            "output": {"telemetry": "365 d"},
        }
    )


def costs(spec, cost_h, mtbf_h):
    """Mean completion time with each interval of the sweep, and with Young's. The failures are the same for all."""
    young = math.sqrt(2.0 * cost_h * mtbf_h)
    path = "training.t.checkpoint.interval"
    intervals = [f"{round(factor * young * HOUR)} s" for factor in FACTORS]
    study = analysis.sweep(spec, vary={path: intervals}, replications=2)
    means = study.frame.groupby(path)["training.t.jct_s.mean"].mean()
    return means[intervals[FACTORS.index(1.0)]], means.min(), means.max()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "cost_h", "mtbf_h"),
    [
        ((400, 1, 1, 400, 6, 24, 1e6), 0.1, 24.0),
        ((16384, 8, 16384, 3000, 1, 3.09, 1e6), 1 / 60, 3.09),
    ],
    ids=["a day between failures", "16,384 accelerators, 3.09 hours"],
)
def test_youngs_interval_costs_what_the_best_does(options, cost_h, mtbf_h):
    young, best, worst = costs(fleet(*options), cost_h, mtbf_h)
    sys.stdout.write(f"\nYoung's {young / HOUR:.2f} h, the best {best / HOUR:.2f} h, the worst {worst / HOUR:.2f} h\n")
    assert young <= 1.005 * best
    assert worst > 1.01 * best, "the sweep is too narrow to say anything"
