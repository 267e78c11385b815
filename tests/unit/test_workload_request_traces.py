"""Recorded requests: read exactly, or refused with the line that is wrong."""

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sim.scenario.requests import Requests
from sim.workload.request_traces import TraceError, read_request_trace
from sim.workload.requests import request_source

AZURE = Path(__file__).parents[3] / "shared" / "data" / "azure-llm-2023"
published = pytest.mark.skipif(not AZURE.is_dir(), reason=f"the published traces are not at {AZURE}")

MOONCAKE_TRACE = AZURE.parent / "workloads" / "conversation_trace.jsonl"
published_mooncake = pytest.mark.skipif(not MOONCAKE_TRACE.is_file(), reason=f"there is no {MOONCAKE_TRACE}")

PLAIN = "arrival_s,prompt_tokens,output_tokens\n0.5,100,20\n1.25,200,1\n1.25,300,0\n"


def written(folder: Path, text: str) -> Path:
    path = folder / "trace.csv"
    path.write_text(text)
    return path


def test_plain_file(tmp_path: Path) -> None:
    trace = read_request_trace("csv", written(tmp_path, PLAIN + "\n"))
    assert trace.arrival.tolist() == [0.5, 1.25, 1.25]
    assert trace.prompt is not None
    assert trace.prompt.tolist() == [100, 200, 300]
    assert trace.work is None


BURSTGPT = """Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type
5,ChatGPT,472,18,490,Conversation log
45,ChatGPT,1087,0,1087,Conversation log
"""
MOONCAKE = """{"timestamp": 0, "input_length": 758, "output_length": 500, "hash_ids": [0, 1]}
{"timestamp": 3000, "input_length": 10, "output_length": 1, "hash_ids": [7]}
"""


@pytest.mark.parametrize(
    ("name", "text", "columns"),
    [
        ("burstgpt", BURSTGPT, [(5.0, 45.0), (472, 1087), (18, 0)]),
        ("mooncake", MOONCAKE, [(0.0, 3.0), (758, 10), (500, 1)]),
    ],
)
def test_published_formats(tmp_path: Path, name: Any, text: str, columns: Any) -> None:
    trace = read_request_trace(name, written(tmp_path, text))
    assert [tuple(column) for column in trace[:3] if column is not None] == columns


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("{", "is not JSON"),
        ('{"timestamp": 1, "input_length": 3}', "has no output_length"),
        ('{"timestamp": -1, "input_length": 3, "output_length": 1}', "negative"),
        ('{"timestamp": 1, "input_length": 3, "output_length": 1}', "before the row above it"),
        (
            '{"timestamp": 9000, "input_length": 3, "output_length": 1, "hash_ids": [1, 2]}',
            "has 2 hash_ids for 3 tokens",
        ),
        ('{"timestamp": 9000, "input_length": 3, "output_length": 1, "hash_ids": [0.5]}', "not whole numbers"),
    ],
)
def test_a_broken_line_of_mooncake_is_named(tmp_path: Path, line: str, problem: str) -> None:
    with pytest.raises(TraceError, match=problem) as caught:
        read_request_trace("mooncake", written(tmp_path, MOONCAKE + line))
    assert (caught.value.line, caught.value.fine) == (3, 2)


def test_hashes_of_blocks(tmp_path: Path) -> None:
    hashes = read_request_trace("mooncake", written(tmp_path, MOONCAKE)).hashes
    assert hashes is not None
    assert hashes.rows.tolist() == [0, 2]
    assert hashes.hashes.tolist() == [0, 1, 7]
    without = MOONCAKE.replace(', "hash_ids": [7]', "")
    assert read_request_trace("mooncake", written(tmp_path, without)).hashes is None


@published_mooncake
def test_the_published_mooncake_trace() -> None:
    """12,031 requests in an hour (Mooncake, FAST 2025, and its repository)."""
    trace = read_request_trace("mooncake", MOONCAKE_TRACE)
    assert trace.prompt is not None
    assert len(trace.arrival) == 12_031
    assert trace.arrival[-1] == pytest.approx(3600.0, abs=120.0)


def test_requests_of_a_trace(tmp_path: Path) -> None:
    written(tmp_path, PLAIN)
    requests = Requests.model_validate({"arrivals": {"process": "trace", "format": "csv", "path": "trace.csv"}})
    for block_size in (1, 2, 100):
        source = request_source("chat", requests, seed=1, folder=tmp_path, until=10.0, block_size=block_size)
        blocks = [source.next_block() for _ in range(4)]
        assert np.concatenate([block.arrival for block in blocks]).tolist() == [0.5, 1.25, 1.25]
        assert np.concatenate([block.output_tokens for block in blocks]).tolist() == [20, 1, 1]
        assert source.has_lengths
    early = request_source("chat", requests, seed=1, folder=tmp_path, until=1.25)
    assert early.next_block().arrival.tolist() == [0.5]
    assert len(early.next_block().arrival) == 0


def test_a_single_pass_trace_needs_times_only(tmp_path: Path) -> None:
    written(tmp_path, "note,work,arrival_s\nx,2.5,0\ny,0.5,3\n")
    requests = Requests.model_validate({"arrivals": {"process": "trace", "format": "csv", "path": "trace.csv"}})
    source = request_source("photos", requests, seed=1, folder=tmp_path, until=10.0)
    block = source.next_block()
    assert not source.has_lengths
    assert block.work.tolist() == [2.5, 0.5]
    assert block.prompt_tokens.tolist() == [0, 0]


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("x,1,1", "`x` is not a number"),
        ("2,,1", "`` is not a number"),
        ("2,1,-3", "`-3` is negative"),
        ("2,nan,3", "`nan` is not finite"),
        ("2,inf,3", "`inf` is not finite"),
        ("2,1", "2 values under 3 columns"),
        ("2,1,1,1", "4 values under 3 columns"),
        ("1,1,1", "before the row above it"),
    ],
)
def test_a_broken_row_is_named(tmp_path: Path, row: str, problem: str) -> None:
    path = written(tmp_path, f"{PLAIN}{row}\n5,7,7\n")
    with pytest.raises(TraceError) as caught:
        read_request_trace("csv", path)
    assert (caught.value.line, caught.value.fine, caught.value.broken) == (5, 4, 1)
    assert problem in str(caught.value)
    assert str(caught.value).startswith(f"{path}:5: ")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "the column arrival_s is missing"),
        ("time,prompt_tokens\n1,2\n", "the column arrival_s is missing (there are: time, prompt_tokens)"),
        ("arrival_s,prompt_tokens\n1,2\n", "the column output_tokens is missing"),
        ("arrival_s\n", "has no rows"),
    ],
)
def test_a_file_of_another_form_is_refused(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(TraceError) as caught:
        read_request_trace("csv", written(tmp_path, text))
    assert problem in str(caught.value)


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "trace.csv").write_bytes(b"arrival_s\n\xff\xfe\x00\n")
    with pytest.raises(TraceError, match="cannot be read"):
        read_request_trace("csv", tmp_path / "trace.csv")
    with pytest.raises(TraceError, match="cannot be read"):
        read_request_trace("csv", tmp_path / "absent.csv")


def test_wall_times_are_exact_to_their_last_digit(tmp_path: Path) -> None:
    rows = "2023-11-16 23:59:59.9999999,1,1\n2023-11-17 00:00:00.0000001,2,2\n2023-11-17T01:00:00+01:00,3,3\n"
    trace_rows = "TIMESTAMP,ContextTokens,GeneratedTokens\n" + rows
    with pytest.raises(TraceError, match="before the row above it"):
        read_request_trace("azure", written(tmp_path, trace_rows))
    trace = read_request_trace("azure", written(tmp_path, trace_rows.replace("01:00:00+01:00", "00:00:01Z")))
    assert trace.arrival.tolist() == [0.0, 2e-7, 1.0000001]
    with pytest.raises(TraceError, match="is not a time"):
        read_request_trace("azure", written(tmp_path, trace_rows.replace("2023-11-17T01:00:00+01:00", "17/11/2023")))


@published
def test_azure_conversation_trace() -> None:
    began = time.perf_counter()
    trace = read_request_trace("azure", AZURE / "AzureLLMInferenceTrace_conv.csv")
    assert time.perf_counter() - began < 1.0
    assert trace.prompt is not None
    assert trace.output is not None
    assert len(trace.arrival) == 19_366
    assert trace.arrival[0] == 0
    assert trace.arrival[-1] == pytest.approx(3501.721937, abs=1e-9)
    assert trace.prompt.mean() == pytest.approx(1154.6974078281523)
    assert trace.output.mean() == pytest.approx(211.12594237323142)


@published
def test_azure_code_trace() -> None:
    trace = read_request_trace("azure", AZURE / "AzureLLMInferenceTrace_code.csv")
    assert (len(trace.arrival), trace.arrival[-1]) == (8_819, pytest.approx(3435.948056, abs=1e-9))
