"""Blocks of prompts that a replica keeps, through whole scenarios with made-up traces."""

import json
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest

import sim
from sim.scenario import ScenarioError

SERVICE = {
    "model": "Llama-3.1-8B",
    "pools": ["gpus"],
    "replicas": 1,
    "kv_cache": {"prefix_blocks": 12},
    "requests": {"arrivals": {"process": "trace", "format": "mooncake", "path": "trace.jsonl"}},
}


def conversations(count):
    """Requests one at a time: of a few conversations, each of which goes on from where it was."""
    draw, rows, known = np.random.default_rng(5), [], {}
    for number in range(count):
        talk = int(draw.integers(6))
        blocks, prompt = known.get(talk, ([], 0))
        prompt = int(draw.integers(1, 900)) + (0 if prompt > 4000 else prompt)
        whole = blocks[: prompt // 512]
        whole += [1000 * number + place for place in range(len(whole), -(-prompt // 512))]
        known[talk] = (whole, prompt)
        rows.append({"timestamp": 5000 * number, "input_length": prompt, "output_length": 2, "hash_ids": whole})
    return rows


def run(folder: Path, rows, **changes):
    (folder / "trace.jsonl").write_text("\n".join(map(json.dumps, rows)))
    scenario = {
        "fleetsim": 1,
        "name": "kept",
        "horizon": f"{5 * len(rows)} s",
        "pools": {"gpus": {"accelerator": "H100-SXM", "nodes": 1}},
        "services": {"chat": {**SERVICE, **changes}},
    }
    (folder / "kept.yaml").write_text(json.dumps(scenario))
    return sim.run(sim.load(folder / "kept.yaml")).summary


def skipped(rows, kept):
    """The share of prompt tokens that a cache of so many blocks would spare, request after request."""
    cache, spared = OrderedDict(), 0
    for row in rows:
        blocks = row["hash_ids"][: row["input_length"] // 512]
        hits = 0
        while hits < (row["input_length"] - 1) // 512 and blocks[hits] in cache:
            hits += 1
        spared += 512 * hits
        for block in reversed(blocks):
            cache.pop(block, None)
            cache[block] = True
        while len(cache) > kept:
            cache.popitem(last=False)
    return spared / sum(row["input_length"] for row in rows)


@pytest.mark.parametrize("kept", [1, 12, 500])
def test_the_rate_of_hits_is_that_of_a_cache_of_this_size(tmp_path, kept):
    rows = conversations(300)
    summary = run(tmp_path, rows, kv_cache={"prefix_blocks": kept})
    expected = skipped(rows, kept)
    assert 0.0 < expected < 1.0
    assert summary["services"]["chat"]["prefix_hit_rate"] == pytest.approx(expected, rel=1e-12)
    assert all(law["holds"] for law in summary["audit"])


def test_hits_save_computing(tmp_path):
    rows = conversations(300)
    without, few, many = (run(tmp_path, rows, kv_cache=cache)["services"]["chat"] for cache in KEPT)
    energy = [each["energy_kwh_by_phase"]["prefill"] for each in (without, few, many)]
    assert energy[0] > energy[1] > energy[2]
    assert without["prefix_hit_rate"] == 0.0
    assert without["ttft_s"]["mean"] > many["ttft_s"]["mean"]


KEPT = ({}, {"prefix_blocks": 12}, {"prefix_blocks": 500})
LENGTHS = {"arrivals": {"process": "poisson", "rate": "1/s"}, "lengths": {"prompt": 100, "output": 10}}
WRONG = [
    ({"requests": LENGTHS}, "services.chat.kv_cache.prefix_blocks", "a trace with hashes"),
    (
        {"kv_cache": {"prefix_blocks": 5, "prefix_hit_rate": 0.5}},
        "services.chat.kv_cache.prefix_hit_rate",
        "one of the",
    ),
    ({"kv_cache": {"prefix_blocks": 0}}, "services.chat.kv_cache.prefix_blocks", "at least 1"),
    ({"kv_cache": {"prefix_blocks": 100_000}}, "services.chat.kv_cache.prefix_blocks", "leave nothing of"),
]


@pytest.mark.parametrize(("service", "path", "words"), WRONG)
def test_bad_input(tmp_path, service, path, words):
    with pytest.raises(ScenarioError) as caught:
        run(tmp_path, conversations(3), **service)
    assert [problem.path for problem in caught.value.problems] == [path]
    assert words in str(caught.value)


def test_a_trace_without_hashes_is_refused(tmp_path):
    rows = conversations(3)
    del rows[1]["hash_ids"]
    with pytest.raises(ScenarioError, match="need hash_ids in every line"):
        run(tmp_path, rows)
