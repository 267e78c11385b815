"""Every accelerator's main figures against the collection of published ones, where that is present."""

import csv
from pathlib import Path

import pytest

from sim import catalog

FACTS = Path(__file__).parents[2].parent / "shared" / "data" / "hardware"
pytestmark = pytest.mark.skipif(not FACTS.is_dir(), reason=f"{FACTS} is absent")

NAMES = {
    "V100-SXM2-32": "V100-SXM2-32GB",
    "A100-SXM-40": "A100-SXM-40GB",
    "A100-SXM-80": "A100-SXM-80GB",
    "A100-PCIe-80": "A100-PCIe-80GB",
    "GB200 (per GPU)": "GB200",
    "TPU v6e (Trillium)": "TPU-v6e",
    "TPU v7 (Ironwood)": "TPU-v7",
    "Versal VCK190 (VC1902)": "VCK190",
    "Versal VCK5000": "VCK5000",
    "Stratix 10 NX 2100": "Stratix-10-NX",
    "Stratix 10 280 (Brainwave)": "Brainwave-Stratix-10-280",
    "Agilex 7 M (AGM039)": "Agilex-7-M",
    "AWS Inferentia2": "Inferentia2",
    "AWS Trainium2": "Trainium2",
    "Groq LPU v1": "Groq-LPU-v1",
    "Qualcomm Cloud AI 100 (HHHL)": "Cloud-AI-100",
}
MODELS = {
    "ViT-B/16": "ViT-B-16",
    "ViT-L/16": "ViT-L-16",
    "DLRM (MLPerf v1.1-3.0, Criteo-1TB)": "DLRM-v1",
    "DLRM-v2 (DCNv2, MLPerf >=3.1)": "DLRM-v2",
    "Stable Diffusion 1.5": "Stable-Diffusion-1.5",
    "SDXL 1.0": "SDXL",
    "GPT-2 345M": "GPT-2-345M",
    "GPT-2 XL 1.5B": "GPT-2-XL",
}
IN_GIB = ("TPU-v5p", "TPU-v7")


def rows(file):
    if not FACTS.is_dir():
        return []
    with (FACTS / file).open(newline="") as lines:
        return list(csv.DictReader(lines))


def same(figure, text, factor=1.0):
    if text == "":
        assert figure is None
    else:
        assert figure == pytest.approx(float(text) * factor, rel=1e-6)


@pytest.mark.parametrize("facts", rows("accelerators.csv"), ids=lambda facts: facts["name"])
def test_accelerator(facts):
    row = catalog.accelerator(NAMES.get(facts["name"], facts["name"].replace(" ", "-")))
    assert (row.kind, row.year) == (facts["kind"], int(facts["year"]))
    columns = {"fp32": "fp32_tflops", "bf16": "bf16_fp16_tflops", "fp8": "fp8_tflops", "int8": "int8_tops"}
    for precision, column in columns.items():
        same(row.peak_flops.get(precision), facts[column], 1e12)
    same(row.memory, facts["mem_gb"], 2.0**30 if row.name in IN_GIB else 1e9)
    same(row.memory_bandwidth, facts["mem_bw_gbs"], 1e9)
    same(row.interconnect_bandwidth or 0.0, facts["scaleup_gbs_bidir"] or "0", 1e9)
    same(row.host_link_bandwidth, facts["host_link_gbs_per_dir"], 1e9)
    same(row.idle_power, facts["idle_w"])
    same(row.price, facts["price_usd_per_h"])
    same(row.embodied_carbon, facts["embodied_kgco2e"])
    same(row.reconfiguration_time, facts["fpga_reconfig_s"])


@pytest.mark.parametrize("facts", rows("accelerators.csv"), ids=lambda facts: facts["name"])
def test_peak_power_is_the_limit_or_the_largest_measured(facts):
    row = catalog.accelerator(NAMES.get(facts["name"], facts["name"].replace(" ", "-")))
    if row.name == "TPU-v3":
        assert (row.peak_power, row.facts["peak_power"].high) == (262, float(facts["tdp_w"]))
    else:
        same(row.peak_power, facts["tdp_w"])


@pytest.mark.parametrize("facts", rows("models.csv"), ids=lambda facts: facts["name"])
def test_model(facts):
    row = catalog.model(MODELS.get(facts["name"], facts["name"]))
    same(row.parameters, facts["params"])
    same(row.active_parameters, facts["active_params"])
    same(row.layers, facts["layers"] or "0")
    same(row.hidden, facts["hidden"] or "0")
    same(row.kv_values_per_token * 2, facts["kv_bytes_per_token_fp16"] or "0")
    same(row.training_flops, facts["train_flops"])
    if row.kind == "single_pass":
        same(row.flops_per_pass, facts["flops_per_unit"])


def test_every_preset_is_there():
    import json

    presets = json.loads((FACTS.parent / "workloads" / "presets.json").read_text())["presets"]
    assert len(catalog.workloads()) == len(presets)
    rates = [row.rate for row in catalog.workloads().values() if row.rate]
    for preset in presets.values():
        rate = preset.get("rate_rps") or preset.get("rate_mean")
        assert rate is None or any(rate == pytest.approx(each, rel=1e-4) for each in rates)
