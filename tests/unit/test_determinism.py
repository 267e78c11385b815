"""The same scenario and seed leave the same bytes, however they are run; another seed does not."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

import sim
from analysis import report

ROOT = Path(__file__).parents[2]
CLOCK = ("wall_s", "requests_per_wall_s")
CHAT = {
    "model": "Llama-3.1-8B",
    "pools": ["h100"],
    "replicas": 2,
    "routing": "power_of_two",
    "timeout": "20 s",
    "requests": {
        "arrivals": {"process": "cox", "rate": "6/s", "rate_cv": 0.5, "correlation_time": "100 s"},
        "lengths": "azure-conv-2023",
    },
    "slo": {"ttft": "2 s", "attainment": 0.9},
}
PHOTOS = {
    "model": "photos",
    "pools": ["h100"],
    "replicas": 2,
    "batching": {"policy": "dynamic", "max_batch_size": 8, "max_queue_delay": "5 ms"},
    "requests": {
        "arrivals": {"process": "batch", "rate": "40/s", "size": {"choice": {1: 0.5, 4: 0.5}}},
        "work": {"lognormal": {"mean": 1, "scv": 0.5}},
    },
}
FINETUNE = {
    "pools": ["h100"],
    "arrivals": {"process": "poisson", "rate": "60/h"},
    "accelerators": {"choice": {1: 0.5, 4: 0.5}},
    "duration": {"exponential": {"mean": "5 min"}},
}


def scenario(**services):
    return sim.load(
        {
            "fleetsim": 1,
            "name": "shared",
            "horizon": "20 min",
            "warmup": "1 min",
            "models": {"photos": {"kind": "single_pass", "latency": {"batch": [1, 8], "seconds": [0.004, 0.01]}}},
            "pools": {"h100": {"accelerator": "H100-SXM", "nodes": 2, "accelerators_per_node": 8, "price": "2 USD/h"}},
            "services": services or {"chat": CHAT, "photos": PHOTOS},
            "training": {"finetune": FINETUNE},
            "output": {"requests": True},
        }
    )


def contents(folder):
    """Every file of a run's folder, as bytes; the summary without what the wall clock says."""
    found = {path.name: path.read_bytes() for path in sorted(folder.iterdir())}
    summary = json.loads(found["summary.json"])
    for name in CLOCK:
        del summary["run"][name]
    return found | {"summary.json": json.dumps(summary).encode()}


def files(result, folder):
    """Every file that the run leaves, as bytes, its report too."""
    report.write(result.save(folder))
    return contents(folder)


def requests(result, folder):
    """Arrival and lengths of every request, by service."""
    rows = pd.read_parquet(result.save(folder) / "requests.parquet").sort_values("arrival_s", kind="stable")
    columns = ["arrival_s", "prompt_tokens", "output_tokens"]
    return {name: own[columns].to_numpy().tolist() for name, own in rows.groupby("service", observed=True)}


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    return files(sim.run(scenario(), seed=3), tmp_path_factory.mktemp("first") / "out")


@pytest.mark.parametrize("block_size", [None, 1, 65_536])
def test_same_seed_same_bytes(expected, block_size, tmp_path):
    found = files(sim.run(scenario(), seed=3, block_size=block_size), tmp_path / "out")
    assert found.keys() == expected.keys()
    assert {"requests.parquet", "jobs.parquet", "telemetry.parquet", "latency.parquet", "report.html"} <= found.keys()
    for name, content in expected.items():
        assert found[name] == content, name


def test_the_order_of_hashes_decides_nothing(tmp_path):
    (tmp_path / "scenario.yaml").write_text(scenario().to_yaml())
    found = []
    for number in ("1", "2"):
        command = [sys.executable, "-m", "analysis", "run", tmp_path / "scenario.yaml", "--out", tmp_path / number]
        subprocess.run([*command, "--quiet"], check=True, cwd=ROOT, env=os.environ | {"PYTHONHASHSEED": number})
        found.append(contents(tmp_path / number))
    assert found[0] == found[1]


def test_another_seed_other_bytes(expected, tmp_path):
    found = files(sim.run(scenario(), seed=4), tmp_path / "out")
    for name in ("summary.json", "requests.parquet", "jobs.parquet", "telemetry.parquet", "latency.parquet"):
        assert found[name] != expected[name], name


def test_another_service_or_policy_leaves_every_request_as_it_was(tmp_path):
    alone = requests(sim.run(scenario(chat=CHAT), seed=3), tmp_path / "alone")
    both = requests(sim.run(scenario(photos=PHOTOS, chat=CHAT), seed=3), tmp_path / "both")
    changed = CHAT | {"routing": "round_robin", "replicas": 4, "timeout": "1 s"}
    otherwise = requests(sim.run(scenario(chat=changed), seed=3), tmp_path / "otherwise")
    assert both["chat"] == alone["chat"] == otherwise["chat"]
    assert len(alone["chat"]) > 5000


def test_a_higher_rate_moves_arrivals_and_leaves_their_lengths(tmp_path):
    plain = scenario(chat=CHAT)
    slow = requests(sim.run(plain, seed=3), tmp_path / "slow")["chat"]
    fast = requests(sim.run(plain.with_({"services.chat.requests.arrivals.rate": "12/s"}), seed=3), tmp_path / "fast")[
        "chat"
    ]
    assert all(before[0] > after[0] for before, after in zip(slow, fast, strict=False))
    assert [row[1:] for row in slow] == [row[1:] for row in fast[: len(slow)]]
