"""The catalog says where every figure comes from, and its figures hang together."""

import gc
import re
import time
from dataclasses import fields, is_dataclass
from typing import get_args

import pytest
import yaml

from sim import catalog
from sim.catalog import readers
from sim.catalog.figures import DataError, Row
from sim.catalog.rows import Basis, ExponentPower, Quantiles

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
DATE = re.compile(r"\d{4}(-\d{2}(-\d{2})?)?")
ROWS = [*catalog.accelerators().values(), *catalog.models().values()]
LATENT_ATTENTION = {"DeepSeek-V3": 61 * (512 + 64)}


def figures(row, prefix=""):
    """Every figure of a row by dotted name: numbers, laws, latency tables."""
    for each in fields(row):
        value = getattr(row, each.name)
        unknown = value in (None, (), {}, "") or value == each.default == 0
        if each.name in ("name", "kind", "vendor", "facts") or unknown:
            continue
        yield from members(f"{prefix}{each.name}", value)


def members(key, value):
    if isinstance(value, dict):
        for part, inner in value.items():
            yield from members(f"{key}.{part}", inner)
    elif is_dataclass(value) and key.startswith(("efficiency", "software")):
        yield from figures(value, f"{key}.")
    else:
        yield key


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_every_figure_has_a_source_a_date_and_a_basis(row):
    for key in figures(row):
        fact = row.facts[key]
        assert len(fact.source) > 8, key
        assert DATE.fullmatch(fact.date), key
        assert fact.basis in get_args(Basis), key
        assert fact.low is None or fact.high is None or fact.low <= fact.high, key


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_facts_name_figures_that_exist_and_ranges_hold_the_value(row):
    known = set(figures(row))
    for key, fact in row.facts.items():
        assert key in known, key
        value = getattr(row, key, None)
        value = row.peak_flops[key.removeprefix("peak_flops.")] if key.startswith("peak_flops.") else value
        value = value.exponent if isinstance(value, ExponentPower) else value
        if isinstance(value, int | float):
            assert fact.low is None or fact.low <= value * (1 + 1e-12), key
            assert fact.high is None or value <= fact.high * (1 + 1e-12), key


def test_names_are_names():
    for name in (*catalog.accelerators(), *catalog.models(), *catalog.workloads()):
        assert NAME.fullmatch(name)


def test_sizes():
    assert len(catalog.accelerators()) >= 37
    assert len(catalog.models()) >= 21
    assert len(catalog.workloads()) >= 18


@pytest.mark.parametrize("row", catalog.accelerators().values(), ids=lambda row: row.name)
def test_powers_are_in_order(row):
    assert 0 < row.idle_power < row.peak_power
    assert row.idle_power <= (row.resident_power or row.idle_power) < row.peak_power
    assert row.idle_power < (row.training_power or row.peak_power) <= row.peak_power
    assert 0 < row.host_idle_power <= row.host_busy_power
    assert row.cap_law is None or row.cap_law.floor < row.peak_power
    assert row.power_law is not None
    assert row.slices == tuple(sorted(row.slices))


@pytest.mark.parametrize("row", catalog.accelerators().values(), ids=lambda row: row.name)
def test_only_fpgas_and_the_stated_have_no_efficiency(row):
    assert (row.efficiency is None) == (row.kind == "fpga" or row.name == "Groq-LPU-v1")
    if row.efficiency is not None:
        assert row.efficiency in row.software.values()
        assert 0 < row.efficiency.decode_compute <= row.efficiency.prefill_compute <= 1
        assert 0 < row.efficiency.memory <= 1
        assert 0 < row.efficiency.all_reduce_latency < row.efficiency.step_overhead < 0.1


@pytest.mark.parametrize(
    "row", [row for row in catalog.models().values() if row.kind == "generative"], ids=lambda r: r.name
)
def test_generative_models_follow_their_architecture(row):
    values = LATENT_ATTENTION.get(row.name, 2 * row.layers * row.kv_heads * row.head_dim)
    assert row.kv_values_per_token == values
    if row.name not in LATENT_ATTENTION:
        assert row.heads * row.head_dim == row.hidden
        assert row.attention_flops_per_token == 4 * row.layers * row.hidden
    shared = row.parameters - row.expert_parameters
    active = shared + row.expert_parameters * (row.experts_active / row.experts if row.experts else 0)
    assert active == pytest.approx(row.active_parameters, rel=0.02)
    if row.training_flops:
        assert row.training_flops > 6 * row.active_parameters * 3e11


def test_latency_tables_name_accelerators_and_ascend():
    for row in catalog.models().values():
        for name, table in row.latency.items():
            assert name in catalog.accelerators()
            assert len(table.batch) == len(table.seconds)
            assert table.batch[0] == 1
            assert list(table.batch) == sorted(set(table.batch))
            assert list(table.seconds) == sorted(set(table.seconds))


@pytest.mark.parametrize("row", catalog.workloads().values(), ids=lambda row: row.name)
def test_workloads(row):
    assert row.source
    assert DATE.fullmatch(row.date)
    for lengths in filter(None, (row.prompt, row.output)):
        check_quantiles(lengths)
    assert len(row.hourly_shape) in (0, 24, 168)
    if row.hourly_shape:
        assert min(row.hourly_shape) >= 0
        assert sum(row.hourly_shape) / len(row.hourly_shape) == pytest.approx(1, abs=2e-3)
    assert (row.rate_cv is None) == (row.correlation_time is None)
    assert row.rate or row.prompt


def check_quantiles(lengths: Quantiles):
    assert lengths.levels[0] == 0
    assert lengths.levels[-1] == 1
    assert list(lengths.levels) == sorted(set(lengths.levels))
    assert list(lengths.values) == sorted(lengths.values)
    assert lengths.values[0] >= 0


WITH_LENGTHS = [row for row in catalog.workloads().values() if row.prompt]


@pytest.mark.parametrize("row", WITH_LENGTHS, ids=lambda row: row.name)
@pytest.mark.parametrize("length", ["prompt", "output"])
def test_a_quantile_grid_has_the_published_mean(row, length):
    grid = getattr(row, length)
    widths = [after - before for before, after in zip(grid.levels, grid.levels[1:], strict=False)]
    middles = [(before + after) / 2 for before, after in zip(grid.values, grid.values[1:], strict=False)]
    mean = sum(width * middle for width, middle in zip(widths, middles, strict=True))
    assert mean == pytest.approx(row.statistics[f"{length}_mean"], rel=0.07)


def test_weekdays_are_busier_than_the_weekend():
    for name in ("azure-code-2024", "azure-conv-2024"):
        days = [sum(catalog.workload(name).hourly_shape[24 * day : 24 * day + 24]) for day in range(7)]
        assert max(days[5:]) < min(days[:5])


def test_an_unknown_name_says_what_is_near():
    with pytest.raises(KeyError) as caught:
        catalog.accelerator("h100-smx")
    assert caught.value.near[0] == "H100-SXM"
    assert "did you mean `H100-SXM`" in str(caught.value)
    with pytest.raises(catalog.UnknownName, match="ResNet-50"):
        catalog.model("zzzzz")
    with pytest.raises(catalog.UnknownName, match="azure-conv-2023"):
        catalog.workload("azure_conv_2023")


SOURCES = {"sheet": {"citation": "A data sheet", "date": 2024}}


def row_of(**entries):
    return Row("file.yaml: X", {"source": "sheet", "basis": "vendor", **entries}, SOURCES)


def test_a_figure_overrides_the_provenance_of_its_row():
    row = row_of(
        idle_power_w={"value": 72, "low": 70, "high": 76, "basis": "measured", "date": "2025-03", "note": "n"},
        memory_gb=80,
    )
    assert row.number("memory_gb", "memory", 1e9) == 80e9
    assert row.number("idle_power_w", "idle_power") == 72
    assert (row.facts["memory"].basis, row.facts["memory"].date) == ("vendor", "2024")
    fact = row.facts["idle_power"]
    assert (fact.basis, fact.date, fact.low, fact.high, fact.note) == ("measured", "2025-03", 70, 76, "n")


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("1e9", "no number"),
        (True, "no number"),
        ({"value": 1, "source": "rumour"}, "unknown source 'rumour'"),
        ({"value": 1, "basis": "guess"}, "unknown basis 'guess'"),
        ({"value": 1, "lwo": 1}, "lwo"),
        ({"low": 1}, "a figure is a value"),
    ],
)
def test_bad_figures_are_refused(entry, message):
    with pytest.raises(DataError, match=f"file.yaml: X: memory_gb.*{message}"):
        row_of(memory_gb=entry).number("memory_gb", "memory")


def test_unknown_keys_are_refused():
    with pytest.raises(DataError, match=r"file\.yaml: X: memroy_gb: unknown key"):
        row_of(memroy_gb=80).done()


class NoRepeats(yaml.SafeLoader):
    """A loader to which a repeated key is an error."""

    def construct_mapping(self, node, deep=False):
        keys = [key.value for key, _ in node.value]
        assert len(keys) == len(set(keys)), f"{node.start_mark}: {keys}"
        return super().construct_mapping(node, deep)


@pytest.mark.parametrize("file", ["accelerators.yaml", "models.yaml", "workloads.yaml"])
def test_no_key_stands_twice_and_every_source_is_used(file):
    text = readers.resources.files("sim.catalog").joinpath(file).read_text()
    data = yaml.load(text, Loader=NoRepeats)  # noqa: S506 - a safe loader
    for source in data.get("sources", {}):
        assert re.search(rf"source: {re.escape(source)}\b", text), source


@pytest.mark.parametrize("read", [readers.accelerators, readers.models, readers.workloads])
def test_reading_is_quick(read):
    """The best of three without garbage collection, so that it does not matter what else this process holds."""

    def seconds():
        read.cache_clear()
        started = time.process_time()
        read()
        return time.process_time() - started

    gc.disable()
    try:
        assert min(seconds() for _ in range(3)) < 0.3
    finally:
        gc.enable()
