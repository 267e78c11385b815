"""The catalog's tables name every row and every figure, with unit and source."""

import io

import pytest
from rich.console import Console

from analysis import catalog_text
from sim import catalog


def printed(table):
    console = Console(file=io.StringIO(), width=400, no_color=True)
    console.print(table)
    return console.file.getvalue()


@pytest.mark.parametrize("kind", ["accelerators", "models", "workloads"])
def test_an_overview_names_every_row(kind):
    text = printed(catalog_text.overview(kind))
    assert all(name in text for name in getattr(catalog, kind)())


@pytest.mark.parametrize("kind", ["accelerators", "models", "workloads"])
def test_every_row_can_be_printed(kind):
    for name in getattr(catalog, kind)():
        assert name in printed(catalog_text.entry(kind, name))


def test_a_row_shows_units_ranges_and_sources():
    lines = {
        line.split()[0]: line
        for line in printed(catalog_text.entry("accelerators", "H100-SXM")).splitlines()
        if line.strip()
    }
    assert "3.35 TB/s" in lines["memory_bandwidth"]
    assert "69.5 W to 75.6 W" in lines["idle_power"]
    assert "measured" in lines["idle_power"]
    assert "NVML" in lines["idle_power"]
    assert "989 TFLOP/s" in lines["peak_flops.bf16"]
    assert "0.76" in lines["efficiency.memory"]
    assert " B" not in lines["efficiency.memory"].split("ML.ENERGY")[0]
    assert "1.9 ms" in lines["efficiency.step_overhead"]


def test_a_measured_latency_is_shown_by_batch():
    assert "1: 4.9 ms" in printed(catalog_text.entry("models", "ResNet-50"))


def test_an_unknown_name_is_refused():
    with pytest.raises(catalog.UnknownName):
        catalog_text.entry("models", "Llama-9")


def test_policies_and_summary():
    pytest.importorskip("sim.policies.registry", reason="the registry of policies is absent")
    from sim.policies.registry import BUILT_IN

    text = printed(catalog_text.overview("policies"))
    assert all(name in text for names in BUILT_IN.values() for name in names)
    assert str(len(catalog.accelerators())) in printed(catalog_text.summary())
    with pytest.raises(catalog.UnknownName):
        catalog_text.entry("policies", "no_such_policy")
