"""A user's CSV of measurements: of prefills and decode iterations, or of single passes. Times are in seconds."""

import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any, get_args

from sim import catalog
from sim.catalog.rows import Model, Precision
from sim.workload.trace_files import TraceError, header_of, missing_column, rows_of

Cells = Mapping[str, str]
"""The cells of a row that are not empty, by column."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """One configuration of a token model: `batch` prompts of `prompt` tokens, or sequences that hold `context` each.

    `prefill` is the seconds in which all the prompts are prefilled together, `decode` those of one iteration; None
    where not measured.
    """

    model: Model
    tensor: int
    precision: Precision
    batch: int
    prompt: int | None
    context: float | None
    prefill: float | None
    decode: float | None


Tokens = Mapping[str, Sequence[Measurement]]
"""Measurements of token models by the name of the accelerator."""
Passes = Mapping[tuple[str, str], Mapping[int, float]]
"""Seconds of a pass by model and accelerator, and by batch size, which ascends."""


def read_measurements(path: Path) -> tuple[Tokens, Passes]:
    """Read a file; one of the two is empty. Repetitions of a configuration count as one, with their median.

    Single passes: `accelerator`, `model`, `batch`, `seconds`. Token models: `accelerator`, `model`, `batch`, and
    `prefill_s` with `prompt_tokens`, `decode_s` with `context_tokens`, or both; optionally `tensor_parallel` (1) and
    `precision` (bf16). Other columns are left alone. Raises TraceError for the first row that is broken.
    """
    with rows_of(path) as rows:
        header = header_of(rows)
        passes = "seconds" in header
        for name in ("accelerator", "model", "batch"):
            if name not in header:
                raise missing_column(path, name, header)
        if not passes and not {"prefill_s", "decode_s"} & set(header):
            problem = f"no column holds times (there are: {', '.join(header)})"
            raise TraceError(path, 1, f"{problem}: name one seconds, prefill_s or decode_s")
        if len(set(header)) < len(header):
            raise TraceError(path, 1, "a column is given twice")
        parse: Callable[[Cells], tuple[str, Any]] = _pass_of if passes else _tokens_of
        found = list(_parsed(path, header, rows, parse))
    if not found:
        raise TraceError(path, 0, "has no rows")
    return ({}, _grouped_passes(found)) if passes else (_grouped_tokens(found), {})


def _parsed(
    path: Path, header: Sequence[str], rows: Any, parse: Callable[[Cells], tuple[str, Any]]
) -> Iterator[tuple[str, Any]]:
    for row in rows:
        if not row:
            continue
        try:
            if len(row) != len(header):
                raise ValueError(f"{len(row)} values under {len(header)} columns")
            cells = {name: cell.strip() for name, cell in zip(header, row, strict=True) if cell.strip()}
            yield parse(cells)
        except ValueError as error:
            raise TraceError(path, rows.line_num, str(error)) from None


def _pass_of(cells: Cells) -> tuple[str, Any]:
    key = _text(cells, "model"), _text(cells, "accelerator")
    known = catalog.models().get(key[0])
    if {"prefill_s", "decode_s"} & cells.keys():
        raise ValueError("a file is of token models or of passes: columns prefill_s and decode_s, or seconds")
    if known and known.kind == "generative":
        raise ValueError(f"column model: {known.name} is a token model (give prefill_s or decode_s, not seconds)")
    return key[1], (key, _whole(cells, "batch"), _seconds(cells, "seconds"))


def _tokens_of(cells: Cells) -> tuple[str, Any]:
    accelerator, model = (
        _known(cells, "accelerator", catalog.accelerator),
        _known(cells, "model", catalog.model),
    )
    if model.kind != "generative":
        raise ValueError(f"column model: {model.name} answers in one pass (give its times in the column seconds)")
    if not {"prefill_s", "decode_s"} & cells.keys():
        raise ValueError("columns prefill_s, decode_s: the row has no time (give one of them, or both)")
    prefill, decode = "prefill_s" in cells, "decode_s" in cells
    return accelerator.name, Measurement(
        model=model,
        tensor=_whole(cells, "tensor_parallel") if "tensor_parallel" in cells else 1,
        precision=_precision(cells),
        batch=_whole(cells, "batch"),
        prompt=_whole(cells, "prompt_tokens") if prefill else None,
        context=_seconds(cells, "context_tokens") if decode else None,
        prefill=_seconds(cells, "prefill_s") if prefill else None,
        decode=_seconds(cells, "decode_s") if decode else None,
    )


def _text(cells: Cells, name: str) -> str:
    if name not in cells:
        raise ValueError(f"column {name}: the cell is empty or the column is missing")
    return cells[name]


def _known(cells: Cells, name: str, look_up: Callable[[str], Any]) -> Any:
    try:
        return look_up(_text(cells, name))
    except KeyError as error:
        raise ValueError(f"column {name}: {error}") from None


def _precision(cells: Cells) -> Precision:
    named = cells.get("precision", "bf16")
    known: tuple[Precision, ...] = get_args(Precision)
    for precision in known:
        if named == precision:
            return precision
    raise ValueError(f"column precision: unknown value `{named}` (one of {', '.join(known)})")


def _whole(cells: Cells, name: str) -> int:
    text = _text(cells, name)
    if not text.isdecimal() or int(text) < 1:
        raise ValueError(f"column {name}: `{text}` is not a whole number of at least 1")
    return int(text)


def _seconds(cells: Cells, name: str) -> float:
    text = _text(cells, name)
    try:
        value = float(text)
    except ValueError:
        raise ValueError(f"column {name}: `{text}` is not a number (write it without a unit)") from None
    if not math.isfinite(value) or value <= 0:
        raise ValueError(f"column {name}: `{text}` is not a number above zero")
    return value


def _grouped_passes(found: Sequence[tuple[str, Any]]) -> Passes:
    times: dict[tuple[str, str], dict[int, list[float]]] = defaultdict(lambda: defaultdict(list))
    for _, (key, batch, seconds) in found:
        times[key][batch].append(seconds)
    return {key: {batch: median(table[batch]) for batch in sorted(table)} for key, table in times.items()}


def _grouped_tokens(found: Sequence[tuple[str, Any]]) -> Tokens:
    repeated: dict[tuple[Any, ...], list[tuple[str, Measurement]]] = defaultdict(list)
    for name, each in found:
        key = name, each.model.name, each.tensor, each.precision, each.batch, each.prompt, each.context
        repeated[key].append((name, each))
    grouped: dict[str, list[Measurement]] = defaultdict(list)
    for same in repeated.values():
        name, first = same[0]
        prefill, decode = ([getattr(each, time) for _, each in same] for time in ("prefill", "decode"))
        grouped[name].append(replace(first, prefill=_median(prefill), decode=_median(decode)))
    return grouped


def _median(times: Sequence[float | None]) -> float | None:
    given = [time for time in times if time is not None]
    return median(given) if given else None
