"""Fits of a user's measurements: what made the times is found again, and what is damaged does not decide."""

from dataclasses import replace
from itertools import product

import pytest
import yaml

import sim
from analysis.fitting.constants import FitError, errors, errors_left_out, fit, predictions
from analysis.fitting.fitted_rows import fitted_rows
from analysis.fitting.measurements import Measurement, read_measurements
from sim import catalog
from sim.catalog.rows import Efficiency
from sim.hardware.errors import MissingFigure

H100 = catalog.accelerator("H100-SXM")
TRUE = Efficiency(0.8, 0.1, 0.55, 8e-3, 0.02, 0.0, 9e10, 2e-5)


def made_by(constants, *, tensors=(2, 4, 8), prefill=True, decode=True):
    """Measurements that the laws make of these constants."""
    accelerator = replace(H100, efficiency=constants)
    wanted = [
        Measurement(
            model=catalog.model("Llama-3.1-70B"),
            tensor=tensor,
            precision="bf16",
            batch=batch,
            prompt=prompt,
            context=prompt + 64,
            prefill=1.0 if prefill else None,
            decode=1.0 if decode else None,
        )
        for tensor, batch, prompt in product(tensors, (1, 8, 64, 256), (128, 1024))
    ]
    found = []
    for each in wanted:
        times = {what: seconds for what, seconds, _ in predictions(accelerator, [each])}
        found.append(replace(each, **times))
    return found


def test_constants_that_made_the_times_are_found_again():
    base = replace(H100, efficiency=replace(TRUE, memory=0.5, step_overhead=1e-3))
    found = fit(base, made_by(TRUE))
    for name in ("memory", "decode_compute", "prefill_compute", "step_overhead", "all_reduce_bandwidth"):
        assert getattr(found, name) == pytest.approx(getattr(TRUE, name), rel=0.02), name
    left_out = errors_left_out(base, made_by(TRUE))
    assert max(left_out.prefill + left_out.decode) < 0.01


def test_damaged_rows_do_not_decide():
    rows = made_by(TRUE)
    damaged = [replace(each, prefill=each.prefill / 10) if index % 8 == 3 else each for index, each in enumerate(rows)]
    base = replace(H100, efficiency=TRUE)
    fitted = replace(H100, efficiency=fit(base, damaged))
    found = errors(fitted, rows)
    assert sorted(found.prefill)[len(rows) // 2] < 0.03
    assert sorted(found.decode)[len(rows) // 2] < 0.03


def test_times_that_the_laws_cannot_make_are_told(tmp_path):
    """The same times, taken for seconds when they are milliseconds."""
    rows = [
        f"H100-SXM,Llama-3.1-70B,{each.tensor},{each.batch},{each.prompt},{each.context:g},"
        f"{each.prefill * factor!r},{each.decode * factor!r}"
        for factor in (1.0, 1000.0)
        for each in made_by(TRUE)
    ]
    half = len(rows) // 2
    right = fitted_rows(written(tmp_path, rows[:half]))
    wrong = fitted_rows(written(tmp_path, rows[half:]))
    assert "at the end of what is sought" not in right
    assert "do NOT describe" not in right
    assert "at the end of what is sought: memory" in wrong
    assert "do NOT describe the times" in wrong


def test_what_is_not_measured_stays_as_it_was():
    base = replace(H100, efficiency=replace(TRUE, prefill_compute=0.33))
    found = fit(base, made_by(TRUE, tensors=(4,), prefill=False))
    assert (found.prefill_compute, found.all_reduce_bandwidth) == (0.33, TRUE.all_reduce_bandwidth)
    assert found.memory == pytest.approx(TRUE.memory, rel=0.02)


def test_too_little_is_refused():
    with pytest.raises(FitError, match=r"too few times of H100-SXM \(1\)"):
        fit(H100, made_by(TRUE, prefill=False)[:1])
    with pytest.raises(FitError, match="no constants of its own"):
        fit(replace(H100, efficiency=None), made_by(TRUE, prefill=False))
    with pytest.raises(MissingFigure, match="FPGA"):
        fit(catalog.accelerator("VCK5000"), made_by(TRUE))


def written(
    tmp_path, rows, header="accelerator,model,tensor_parallel,batch,prompt_tokens,context_tokens,prefill_s,decode_s"
):
    file = tmp_path / "measured.csv"
    file.write_text("\n".join([header, *rows]) + "\n")
    return file


def test_rows_fit_into_a_scenario(tmp_path):
    rows = [
        f"H100-SXM,Llama-3.1-70B,{each.tensor},{each.batch},{each.prompt},{each.context},{each.prefill!r},{each.decode!r}"
        for each in made_by(TRUE)
    ]
    text = fitted_rows(written(tmp_path, rows))
    assert "each fifth predicted from the others" in text
    service = {
        "model": "Llama-3.1-70B",
        "pools": ["p"],
        "parallelism": {"tensor": 4},
        "requests": {"arrivals": {"process": "poisson", "rate": "1 /s"}, "lengths": {"prompt": 100, "output": 10}},
    }
    scenario = sim.load(
        {
            "fleetsim": 1,
            "name": "fitted",
            "horizon": "1 h",
            "pools": {"p": {"accelerator": "H100-SXM", "nodes": 1}},
            "services": {"s": service},
            **yaml.safe_load(text),
        }
    )
    found = errors(scenario.accelerator("H100-SXM"), made_by(TRUE))
    assert max(found.prefill + found.decode) < 0.01


def test_a_table_of_single_passes(tmp_path):
    rows = ["L4,Mine,32,0.036", "L4,Mine,1,0.003", "L4,Mine,8,0.010", "L4,Mine,1,0.005", "L4,Mine,1,0.001"]
    text = fitted_rows(written(tmp_path, rows, "accelerator,model,batch,seconds"))
    table = {"batch": [1, 8, 32], "seconds": [0.003, 0.01, 0.036]}
    assert yaml.safe_load(text) == {"models": {"Mine": {"kind": "single_pass", "latency": {"L4": table}}}}
    line = 0.003 + (0.036 - 0.003) * 7 / 31
    assert f"largest {line / 0.010 - 1:.1%}" in text


def test_repetitions_count_once(tmp_path):
    rows = [f"L4,Llama-3.1-8B,1,4,128,128,{seconds},0.05" for seconds in (0.2, 0.1, 0.4)]
    tokens, passes = read_measurements(written(tmp_path, rows))
    assert not passes
    assert [(each.prefill, each.decode) for each in tokens["L4"]] == [(0.2, 0.05)]
