"""Jobs whose length follows from a model, its tokens and the accelerators: times, speeds, and what fits."""

import math
from pathlib import Path

import pytest

import sim
from sim import catalog
from sim.hardware import least_training_gang, model_flops_utilization, training_step_seconds
from sim.job_physics import job_physics
from sim.scenario import ScenarioError, load
from sim.workload.jobs import job_source

LLAMA = catalog.model("Llama-3.1-8B")


def scenario(stream, pools=("h100", "a100"), **more):
    accelerators = {"h100": "H100-SXM", "a100": "A100-SXM-80GB", "v100": "V100-SXM2-32GB", "fpga": "Alveo-U55C"}
    return load(
        {
            "fleetsim": 1,
            "name": "x",
            "horizon": "10 d",
            "pools": {pool: {"accelerator": accelerators[pool], "nodes": 64} for pool in pools},
            "training": {"t": {"pools": list(pools), **stream}},
        }
        | more
    )


def jobs(found, until=math.inf):
    source = job_source("t", found.training["t"], seed=1, folder=Path(), until=until, physics=job_physics(found))
    return list(source)


def named(**more):
    return {"jobs": [{"submit": "1 h", "accelerators": 32, "model": "Llama-3.1-8B", "tokens": 2e9, **more}]}


def test_a_named_job_takes_six_flops_for_each_parameter_and_token():
    (job,) = jobs(scenario(named()))
    rate = 32 * 989e12 * model_flops_utilization(32)
    assert job.duration == pytest.approx(6 * LLAMA.active_parameters * 2e9 / rate, abs=1e-6)
    assert (job.job_id, job.submit, job.accelerators) == ("t-1", 3600.0, 32)


def test_speeds_on_other_kinds_are_relative_to_the_first_pool():
    (job,) = jobs(scenario(named()))
    assert job.speed == {"h100": 1.0, "a100": pytest.approx(312 / 989)}
    (job,) = jobs(scenario(named(), pools=("a100", "h100")))
    assert job.speed == {"a100": 1.0, "h100": pytest.approx(989 / 312)}


PUBLISHED = [
    # model, accelerators, their number, tokens, accelerator-hours (arXiv:2307.09288, table 2; model card of Llama 3.1)
    ("Llama-2-7B", "A100-SXM-80GB", 1024, 2e12, 184_320),
    ("Llama-2-13B", "A100-SXM-80GB", 1024, 2e12, 368_640),
    ("Llama-2-70B", "A100-SXM-80GB", 2048, 2e12, 1_720_320),
    ("Llama-3.1-405B", "H100-SXM", 16_384, 15.6e12, 30.84e6),
]


@pytest.mark.parametrize(("name", "kind", "number", "tokens", "hours"), PUBLISHED)
def test_published_training_runs_come_out_up_to_a_fifth_below_their_published_hours(name, kind, number, tokens, hours):
    """Published hours hold stops and restarts too.

    Those of Llama 3.1 8B and 70B are left out: they are 2 to 3 times what their tokens take here, at
    a utilization of 14 and 26 % of peak, for which no reason was published.
    """
    model, row = catalog.model(name), catalog.accelerator(kind)
    found = training_step_seconds(row, model, tokens=tokens, accelerators=number) * number / 3600
    assert 0.8 * hours <= found <= hours


@pytest.mark.parametrize(("kind", "least"), [("H100-SXM", 2), ("A100-SXM-40GB", 4), ("V100-SXM2-32GB", 5)])
def test_sixteen_bytes_a_parameter_and_activations_must_fit(kind, least):
    row = catalog.accelerator(kind)
    assert least_training_gang(row, LLAMA) == least
    room = 0.9 * row.memory - 4096 * LLAMA.hidden * (2 * LLAMA.layers + 34)
    assert (least - 1) * room < 16 * LLAMA.parameters <= least * room


def test_a_model_whose_activations_exceed_an_accelerator_fits_no_number_of_them():
    assert least_training_gang(catalog.accelerator("Groq-LPU-v1"), LLAMA) is None


def test_a_pool_that_does_not_hold_the_gang_is_left_to_others():
    (job,) = jobs(scenario(named(accelerators=2), pools=("v100", "h100")))
    assert job.speed == {"h100": 1.0}
    assert job.duration == pytest.approx(6 * LLAMA.active_parameters * 2e9 / (2 * 989e12 * model_flops_utilization(2)))


DRAWN = {
    "arrivals": {"process": "poisson", "rate": "10/h"},
    "model": "Llama-3.1-8B",
    "tokens": {"uniform": {"low": 1e8, "high": 3e8}},
}


def test_drawn_jobs_draw_their_tokens_or_have_too_little_memory():
    gangs = {"uniform": {"low": 1, "high": 8}}
    found = jobs(scenario({**DRAWN, "accelerators": gangs}, pools=("h100",)), until=864000.0)
    assert {job.accelerators for job in found} == set(range(1, 9))
    for job in found:
        assert job.speed == ({} if job.accelerators < 2 else {"h100": 1.0})
        if job.speed:
            flops = job.duration * job.accelerators * 989e12 * model_flops_utilization(job.accelerators)
            assert 1e8 <= flops / (6 * LLAMA.active_parameters) <= 3e8


def test_a_job_with_too_little_memory_everywhere_is_rejected_and_noted():
    stream = {**DRAWN, "accelerators": {"uniform": {"low": 1, "high": 1.4}}}
    result = sim.run(scenario(stream, pools=("h100",), horizon="1 h"))
    summary = result.summary["training"]["t"]["jobs"]
    assert summary["rejected"] == summary["submitted"] > 0
    assert any("can never run and were rejected" in note for note in result.summary["notes"])


def test_an_elastic_job_shrinks_no_further_than_its_memory_allows():
    stream = {**DRAWN, "accelerators": 8, "elastic": {"min": 0.1, "max": 2.5}}
    for job in jobs(scenario(stream, pools=("h100", "v100")), until=3600.0 * 5):
        assert (job.smallest, job.largest) == (5, 20)
        assert job.efficiency(1) == 1.0
        assert job.efficiency(16_384) < job.efficiency(8) < 1.0


def test_only_jobs_that_train_a_model_lose_by_numbers():
    stream = named()
    stream["jobs"].append({"submit": "2 h", "accelerators": 8, "duration": "1 h"})
    trained, plain = jobs(scenario(stream))
    assert trained.efficiency(64) < 1.0
    assert plain.efficiency is None


@pytest.mark.parametrize(
    ("stream", "pools", "words"),
    [
        (
            named(accelerators=1),
            ("h100",),
            "training.t.jobs[0].accelerators: Llama-3.1-8B does not fit on a gang of 1 in training: it has 128 GB of",
        ),
        (
            {**DRAWN, "accelerators": {"choice": {"1": 0.5, "8": 0.5}}},
            ("h100",),
            "training.t.accelerators: Llama-3.1-8B",
        ),
        (named(), ("fpga",), "training.t.jobs[0].model: how long training takes on Alveo-U55C does not follow"),
        ({**DRAWN, "accelerators": 8}, ("h100", "fpga"), "training.t.model: how long training takes on Alveo-U55C"),
    ],
)
def test_what_cannot_be_trained_is_said_before_the_run(stream, pools, words):
    with pytest.raises(ScenarioError) as caught:
        sim.run(scenario(stream, pools=pools))
    assert words in str(caught.value)


def test_the_law_of_utilization_is_among_the_assumptions_only_where_it_is_used():
    computed = sim.run(scenario(named())).summary["assumptions"]
    (law,) = [row for row in computed if row["figure"] == "share of peak FLOP/s of small gangs"]
    assert (law["value"], law["basis"]) == (0.452, "derived")
    assert any(row["name"] == "Llama-3.1-8B" for row in computed)
    plain = {"arrivals": DRAWN["arrivals"], "accelerators": 1, "duration": "1 h"}
    assert not [row for row in sim.run(scenario(plain)).summary["assumptions"] if row["name"] == "training"]
