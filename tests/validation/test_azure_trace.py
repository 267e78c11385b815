"""A published hour of conversations, replayed: no request is lost, made up or changed."""

import csv
import os
from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

import sim

TRACE = Path(__file__).parents[3] / "shared/data/azure-llm-2023/AzureLLMInferenceTrace_conv.csv"
REQUESTS = 19_366
WARMUP = 600.0

pytestmark = pytest.mark.skipif(not TRACE.exists(), reason=f"the trace is not at {TRACE}")


@pytest.fixture(scope="module")
def recorded():
    """Arrival seconds after the first request, prompt and output tokens, in the file's order."""
    with TRACE.open() as file:
        rows = list(csv.DictReader(file))
    # Stamps have seven decimals: the seventh is below what a datetime holds, so it is read apart.
    times = [(datetime.fromisoformat(row["TIMESTAMP"][:19]), int(row["TIMESTAMP"][20:])) for row in rows]
    first, first_ticks = times[0]
    seconds = [(time - first).total_seconds() + (ticks - first_ticks) * 1e-7 for time, ticks in times]
    return np.array(seconds), *(
        np.array([int(row[name]) for row in rows]) for name in ("ContextTokens", "GeneratedTokens")
    )


@pytest.fixture(scope="module")
def replay(tmp_path_factory):
    """The run, and the table of its requests."""
    folder = tmp_path_factory.mktemp("replay")
    document = {
        "fleetsim": 1,
        "name": "azure-conversations",
        "horizon": "2 h",
        "warmup": f"{WARMUP} s",
        "drain": True,
        "pools": {"h100": {"accelerator": "H100-SXM", "nodes": 4, "accelerators_per_node": 8}},
        "services": {
            "chat": {
                "model": "Llama-3.1-70B",
                "pools": ["h100"],
                "parallelism": {"tensor": 4},
                "replicas": 8,
                "requests": {
                    "arrivals": {"process": "trace", "format": "azure", "path": os.path.relpath(TRACE, folder)}
                },
            }
        },
        "output": {"requests": True},
    }
    (folder / "scenario.yaml").write_text(yaml.safe_dump(document))
    result = sim.run(sim.load(folder / "scenario.yaml"))
    return result, pd.read_parquet(result.save(folder / "out") / "requests.parquet")


def test_every_request_is_accounted_for(replay, recorded):
    result, rows = replay
    counts = result.metric("services.chat.requests")
    before = int(np.count_nonzero(recorded[0] < WARMUP))
    assert counts["arrived"] + before == len(recorded[0]) == len(rows) == REQUESTS
    ends = ("completed", "rejected", "timed_out", "abandoned", "lost", "in_flight")
    assert counts["arrived"] == sum(counts[end] for end in ends)
    assert counts["in_flight"] == 0
    assert all(law["holds"] for law in result.summary["audit"])


def test_requests_are_those_of_the_file_one_by_one(replay, recorded):
    _, rows = replay
    times, prompts, outputs = recorded
    rows = rows.sort_values(["arrival_s", "prompt_tokens", "output_tokens"])
    order = np.lexsort((outputs, prompts, times))
    np.testing.assert_allclose(rows.arrival_s, times[order], rtol=0, atol=1e-9)
    np.testing.assert_array_equal(rows.prompt_tokens, prompts[order])
    np.testing.assert_array_equal(rows.output_tokens, outputs[order])


def test_every_request_is_served_in_its_own_time(replay):
    _, rows = replay
    assert (rows.status == "completed").all()
    assert (rows.start_s >= rows.arrival_s).all()
    assert (rows.first_token_s > rows.start_s).all()
    several = rows.output_tokens > 1
    assert (rows.end_s[several] > rows.first_token_s[several]).all()
    assert (rows.end_s[~several] == rows.first_token_s[~several]).all()


def test_latencies_of_the_summary_are_those_of_the_rows(replay):
    result, rows = replay
    counted = rows[rows.arrival_s >= WARMUP]
    assert result.metric("services.chat.queueing_s.mean") == pytest.approx((counted.start_s - counted.arrival_s).mean())
    assert result.metric("services.chat.throughput.requests_per_s") == pytest.approx(
        (rows.end_s >= WARMUP).sum() / 6600
    )


def test_a_path_may_be_absolute(replay):
    result, _ = replay
    again = sim.run(result.scenario.with_({"services.chat.requests.arrivals.path": str(TRACE.resolve())}))
    assert again.summary["services"] == result.summary["services"]
