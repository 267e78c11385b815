"""`fleetsim catalog fit`: YAML on stdout for a file that is right, one line for one that is not."""

import pytest
import yaml

PASSES = "accelerator,model,batch,seconds\n"
TOKENS = "accelerator,model,batch,prompt_tokens,context_tokens,prefill_s,decode_s\n"
WRONG = {
    "no column": (
        "accelerator,batch,seconds\n",
        ":1: the column model is missing (there are: accelerator, batch, seconds)",
    ),
    "no times": ("accelerator,model,batch\n", ":1: no column holds times", "prefill_s or decode_s"),
    "twice": ("accelerator,model,batch,batch,seconds\n", ":1: a column is given twice"),
    "no rows": (PASSES, "has no rows"),
    "empty": ("", ":1: the column accelerator is missing"),
    "ragged": (f"{PASSES}L4,Mine,1\n", ":2: 3 values under 4 columns"),
    "batch": (
        f"{PASSES}L4,Mine,1,0.1\nL4,Mine,2.5,0.1\n",
        ":3: column batch: `2.5` is not a whole number of at least 1",
    ),
    "unit": (f"{PASSES}L4,Mine,1,3 ms\n", ":2: column seconds: `3 ms` is not a number (write it without a unit)"),
    "zero": (f"{PASSES}L4,Mine,1,0\n", ":2: column seconds: `0` is not a number above zero"),
    "NaN": (f"{PASSES}L4,Mine,1,nan\n", ":2: column seconds: `nan`"),
    "name": (f"{TOKENS}L5,Llama-3.1-8B,1,9,,0.1,\n", ":2: column accelerator", "did you mean `L4`"),
    "model": (f"{TOKENS}L4,Llama-3.1-8b,1,9,,0.1,\n", ":2: column model", "did you mean `Llama-3.1-8B`"),
    "kind": (f"{TOKENS}L4,ResNet-50,1,9,,0.1,\n", ":2: column model: ResNet-50 answers in one pass"),
    "other kind": (f"{PASSES}L4,Llama-3.1-8B,1,0.1\n", ":2: column model: Llama-3.1-8B is a token model"),
    "no prompt": (f"{TOKENS}L4,Llama-3.1-8B,1,,,0.1,\n", ":2: column prompt_tokens: the cell is empty"),
    "no time": (f"{TOKENS}L4,Llama-3.1-8B,1,9,9,,\n", ":2: columns prefill_s, decode_s: the row has no time"),
    "too few": (
        f"{TOKENS}L4,Llama-3.1-8B,1,9,,0.1,\n",
        "measured.csv: too few times of L4 (1)",
        "measure more batch sizes",
    ),
}


@pytest.mark.parametrize("case", WRONG.values(), ids=WRONG)
def test_a_wrong_file_is_named_with_its_line(fleetsim_here, tmp_path, case):
    content, *words = case
    file = tmp_path / "measured.csv"
    file.write_text(content)
    done = fleetsim_here("catalog", "fit", file)
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert str(file) in done.stderr
    assert all(word in done.stderr for word in words), done.stderr


def test_no_file(fleetsim_here, tmp_path):
    for arguments, words in ((("fit",), "name the CSV file"), (("fit", "none.csv"), "none.csv: cannot be read as CSV")):
        done = fleetsim_here("catalog", *arguments)
        assert done.returncode == 2
        assert words in done.stderr
        assert "Traceback" not in done.stderr


def test_what_is_printed_is_yaml(fleetsim, tmp_path):
    file = tmp_path / "measured.csv"
    file.write_text(f"{PASSES}L4,ResNet-50,1,0.001\nL4,ResNet-50,64,0.006\n")
    done = fleetsim("catalog", "fit", file)
    assert done.returncode == 0, done.stderr
    table = {"batch": [1, 64], "seconds": [0.001, 0.006]}
    assert yaml.safe_load(done.stdout) == {"models": {"ResNet-50": {"latency": {"L4": table}}}}
    assert "fewer than three batch sizes" in done.stdout
