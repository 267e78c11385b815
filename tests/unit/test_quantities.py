"""A figure by its path is named, scaled and given its interval as people read it."""

import pytest

from analysis.quantities import difference, in_words, kind_of, low_to_high, plus_minus, relative, worded


def spaced(text):
    return text.replace("\u00a0", " ")


def interval(mean, half, **more):
    return {"mean": mean, "low": mean - half, "high": mean + half} | more


@pytest.mark.parametrize(
    ("path", "kind", "words"),
    [
        ("services.chat.ttft_s.p99", "time", "chat TTFT p99"),
        ("services.chat.ttft_s.count", "number", "chat TTFT count"),
        ("services.chat.ttft_s.over.'2.0'", "share", "chat TTFT share over 2.0"),
        ("services.chat.slo.attainment", "share", "chat SLO attainment"),
        ("services.chat.slo.goodput_per_s", "number", "chat goodput"),
        ("services.'a.b'.energy_j_per_request", "joules", "a.b energy per request"),
        ("training.finetune.jct_s.p90", "time", "finetune JCT p90"),
        ("training.finetune.slowdown.mean", "number", "finetune slowdown mean"),
        ("pools.h100.utilization.busy", "share", "h100 busy"),
        ("pools.h100.power_w.peak", "power", "h100 power peak"),
        ("fleet.cost_usd_per_h", "money", "fleet cost per hour"),
        ("fleet.carbon_kg_by.operational", "mass", "fleet carbon operational"),
        ("fleet.energy_kwh", "energy", "fleet energy"),
    ],
)
def test_a_path_has_a_kind_and_a_name(path, kind, words):
    assert kind_of(path) == kind
    assert in_words(path) == words


@pytest.mark.parametrize(
    ("path", "found", "half", "ends"),
    [
        ("services.c.ttft_s.p99", interval(2.33, 0.041), "±0.04", "2.29 – 2.37 s"),
        ("services.c.ttft_s.p50", interval(0.0981, 0.00022), "±0.2", "97.9 – 98.3 ms"),
        ("services.c.slo.attainment", interval(0.99996, 0.00001), "±0.001", "99.9950 – 99.9970 %"),
        ("fleet.cost_usd", interval(3170.0, 12.0), "±12", "$3,158 – $3,182"),
        ("services.c.requests.arrived", interval(2980659.4, 1234.0), "±1,234", "2,979,425 – 2,981,893"),
        ("training.f.queueing_s.mean", interval(744.0, 800.0), "±13.3", "0 – 26 min"),
        ("services.c.ttft_s.p99", interval(0.664, 1.944), "±1,944", "0.0 – 2.6 s"),
        ("pools.p.accelerators", interval(10.0, 1e-14), "±0", "±0"),
        ("fleet.energy_kwh", interval(877.0, 3.0, flagged=True), "†", "†"),
        ("fleet.energy_kwh", {"mean": 877.0, "low": None, "high": 900.0}, "†", "†"),
        ("fleet.energy_kwh", {"mean": None, "low": None, "high": None, "flagged": True}, "", ""),
        ("fleet.energy_kwh", None, "", ""),
    ],
)
def test_an_interval_is_in_the_unit_of_its_mean(path, found, half, ends):
    assert spaced(plus_minus(path, found)) == half
    assert spaced(low_to_high(path, found)) == ends


def test_only_an_interval_of_a_difference_goes_below_zero():
    found = interval(0.99, 0.02)
    assert spaced(low_to_high("services.c.slo.attainment", found)) == "97 – 100 %"
    assert spaced(low_to_high("services.c.ttft_s.p99", interval(-1.0, 3.0), signed=True)) == "−4 to 2 s"


def test_differences_carry_their_sign():
    assert spaced(difference("services.c.ttft_s.p99", -0.0312)) == "−31.2 ms"
    assert spaced(difference("services.c.slo.attainment", 0.012)) == "+1.2 points"
    assert difference("services.c.slo.attainment", None) == "–"
    assert spaced(relative(-0.0181)) == "−1.8 %"
    assert spaced(relative(2.5)) == "+250 %"
    assert spaced(worded("services.c.throughput.requests_per_s", 8.998)) == "9.00 /s"
