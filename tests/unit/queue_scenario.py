"""A small M/M/c queue: a whole run in a few milliseconds."""

import sim

MMC = {
    "fleetsim": 1,
    "name": "mmc",
    "horizon": "600 s",
    "warmup": "60 s",
    "accelerators": {"server": {"kind": "gpu", "memory": "1 GB", "idle_power": "60 W", "busy_power": "400 W"}},
    "models": {"unit": {"kind": "single_pass", "latency": {"batch": [1], "seconds": [1.0]}}},
    "pools": {"p": {"accelerator": "server", "nodes": 7}},
    "services": {
        "s": {
            "model": "unit",
            "pools": ["p"],
            "replicas": "all",
            "routing": "central_queue",
            "requests": {"arrivals": {"process": "poisson", "rate": "5/s"}, "work": {"exponential": {"mean": 1}}},
            "slo": {"e2e": "3 s"},
        }
    },
    "output": {"telemetry": "10 min"},
}


def queue(**overrides):
    scenario = sim.load(MMC)
    return (
        scenario.with_({path.replace("__", "."): value for path, value in overrides.items()}) if overrides else scenario
    )
