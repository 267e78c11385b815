"""Prefill and decode on replicas of their own, through whole scenarios."""

import pytest

import sim
from sim.fleet.pool import FleetError
from sim.preparation import prepare
from sim.scenario import ScenarioError
from sim.scenario.loading import read
from sim.simulation import Simulation

SCENARIO = {
    "fleetsim": 1,
    "name": "apart",
    "horizon": "300 s",
    "warmup": "20 s",
    "seed": 3,
    "pools": {"a": {"accelerator": "H100-SXM", "nodes": 1}, "b": {"accelerator": "A100-SXM-80GB", "nodes": 1}},
    "services": {
        "chat": {
            "model": "Llama-3.1-8B",
            "groups": {
                "prefill": {"pools": ["a"], "replicas": 2, "routing": "least_work"},
                "decode": {"pools": ["b", "a"], "replicas": 9},
                "kv_transfer": {"bandwidth": "50 GB/s", "latency": "2 ms"},
            },
            "requests": {
                "arrivals": {"process": "poisson", "rate": "4/s"},
                "lengths": {"prompt": 1000, "output": {"uniform": {"low": 1, "high": 300}}},
            },
            "slo": {"ttft": "1 s", "itl": "50 ms"},
        }
    },
}


@pytest.fixture(scope="module")
def result():
    return sim.run(sim.load(SCENARIO))


def test_laws_hold_and_transferring_has_its_own(result):
    assert all(law["holds"] for law in result.summary["audit"])
    assert any(law["law"] == "Little's law, transferring" and law["found"] > 0 for law in result.summary["audit"])


def test_summary_tells_what_each_group_did(result):
    chat = result.summary["services"]["chat"]
    prefill, decode = chat["groups"]["prefill"], chat["groups"]["decode"]
    assert (prefill["replicas"], decode["replicas"], chat["replicas"]["mean"]) == (2, 9, 11.0)
    assert prefill["batch_size_mean"] is None
    assert decode["batch_size_mean"] == chat["batch_size_mean"]
    assert 11 * chat["utilization"] == pytest.approx(2 * prefill["utilization"] + 9 * decode["utilization"])
    assert chat["energy_kwh_by_phase"]["prefill"] > 0.0
    assert chat["accelerator_hours"] == pytest.approx(11 * 280 / 3600)


def test_achieved_flops_are_those_of_each_pool(result):
    """A token meets 16 GFLOP of Llama-3.1-8B; prompts are computed in pool a, most tokens but the first in pool b."""
    chat, pools = result.summary["services"]["chat"], result.summary["pools"]
    flops = 2 * 8.03e9 * (chat["throughput"]["prompt_tokens_per_s"] + chat["throughput"]["output_tokens_per_s"])
    achieved = 8 * 989e12 * pools["a"]["utilization"]["compute"] + 8 * 312e12 * pools["b"]["utilization"]["compute"]
    assert achieved == pytest.approx(flops, rel=0.02)


def test_a_cache_takes_its_bytes_over_the_link(result):
    """131,072 bytes a token in bf16, at 4 requests a second hardly ever two at a time."""
    alone = 0.002 + 1000 * 131_072 / 50e9
    sent = result.summary["services"]["chat"]["kv_transfers"]
    assert alone * (1 - 1e-9) <= sent["mean_s"] < 1.01 * alone
    completed = result.summary["services"]["chat"]["requests"]["completed"]
    assert sent["count"] == pytest.approx(completed * 299 / 300, abs=20)


def test_a_gap_after_the_first_token_holds_the_transfer(result):
    """No prompt stops those who decode, so only first gaps are longer than an iteration of the largest batch."""
    gaps = result.summary["services"]["chat"]["itl_s"]
    assert gaps["p50"] < gaps["max"]
    assert gaps["max"] < 0.05


def test_replicas_of_each_group_are_a_path(result):
    again = result.scenario.with_({"services.chat.groups.decode.replicas": 8})
    assert again.services["chat"].replicas.initial == 10
    assert read(again._document) == again
    assert sim.load(again.resolved()) == again


def test_all_that_the_pool_has_room_for():
    scenario = sim.load(SCENARIO).with_({"services.chat.groups.decode.replicas": "all"})
    assert scenario.services["chat"].replica_groups["decode"].replicas.initial == 14


def test_replicas_of_groups_do_not_come_and_go():
    simulation = Simulation(prepare(sim.load(SCENARIO)))
    with pytest.raises(FleetError, match="the replicas of chat do not come and go"):
        simulation.replicas.start("chat")


def broken(**changes):
    service = {**SCENARIO["services"]["chat"], **changes}
    with pytest.raises(ScenarioError) as refused:
        sim.run(sim.load({**SCENARIO, "services": {"chat": service}}))
    return str(refused.value)


GROUPS = SCENARIO["services"]["chat"]["groups"]


def test_wrong_groups():
    said = broken(pools=["a"])
    assert "services.chat.pools" in said
    assert "`pools` stands with each group of this service" in said
    said = broken(groups={**GROUPS, "decode": {**GROUPS["decode"], "routing": "central_queue"}})
    assert "services.chat.groups.decode.routing" in said
    said = broken(groups={"prefill": GROUPS["prefill"]})
    assert "`decode` is missing" in said
    said = broken(groups={**GROUPS, "prefill": {"pools": ["a"], "replicas": 9}})
    assert "services.chat.groups.prefill.replicas" in said
    said = broken(groups={**GROUPS, "decode": {"pools": ["c"], "replicas": 9}})
    assert "unknown pool `c`" in said


def test_a_link_that_is_not_known_must_be_given():
    pools = {"a": SCENARIO["pools"]["a"], "b": {"accelerator": "new", "nodes": 4}}
    efficiency = {"memory": 0.8, "decode_compute": 0.6, "prefill_compute": 0.6, "step_overhead": "3 ms"}
    accelerators = {"new": {"kind": "gpu", "memory": "80 GB", "memory_bandwidth": "3 TB/s", "efficiency": efficiency}}
    accelerators["new"] |= {"peak_flops": {"bf16": "900 TFLOP/s"}, "idle_power": "90 W", "busy_power": "600 W"}
    groups = {name: {**GROUPS[name], "pools": ["b"], "replicas": 1} for name in ("prefill", "decode")}
    service = {**SCENARIO["services"]["chat"], "groups": groups}
    with pytest.raises(ScenarioError) as refused:
        sim.run(sim.load({**SCENARIO, "accelerators": accelerators, "pools": pools, "services": {"chat": service}}))
    assert "kv_transfer: {bandwidth: 50 GB/s}" in str(refused.value)


def test_single_pass_models_have_no_groups():
    models = {"m": {"kind": "single_pass", "latency": {"batch": [1], "seconds": [0.01]}}}
    requests = {"arrivals": {"process": "poisson", "rate": "4/s"}}
    service = {"model": "m", "groups": GROUPS, "requests": requests}
    with pytest.raises(ScenarioError, match="a single-pass model has no prefill and decode"):
        sim.load({**SCENARIO, "models": models, "services": {"chat": service}})


def test_client_latency_counts_where_prefill_and_decode_are_apart(result):
    slower = sim.run(sim.load(SCENARIO).with_({"services.chat.client_latency": "0.5 s"}))
    for latency in ("ttft_s", "e2e_s"):
        path = f"services.chat.{latency}.mean"
        assert slower.metric(path) == pytest.approx(result.metric(path) + 0.5)


def test_replicas_of_groups_and_of_token_models_say_what_they_cannot():
    replicas = {"services.chat.groups.prefill.replicas": {"initial": 1, "min": 0, "max": 2}}
    with pytest.raises(ScenarioError, match="do not come and go"):
        sim.load(SCENARIO).with_(replicas)
    chat = SCENARIO["services"]["chat"]
    of_another = {"requests": {"a": chat["requests"] | {"model": "Llama-2-70B"}}}
    with pytest.raises(ScenarioError, match=r"requests\.a\.model: replicas of a generative model are not shared"):
        sim.load(SCENARIO | {"services": {"chat": chat | of_another}})


def test_the_overhead_of_a_request_is_that_of_where_it_is_prefilled():
    """The same replicas but for what their software takes before the first token."""

    def accelerators(prefill, decode):
        law = {"memory": 0.8, "decode_compute": 0.2, "prefill_compute": 0.5, "step_overhead": "5 ms"}
        return {
            "of_a": {"like": "H100-SXM", "efficiency": law | {"request_overhead": prefill}},
            "of_b": {"like": "A100-SXM-80GB", "efficiency": law | {"request_overhead": decode}},
        }

    pools = {name: SCENARIO["pools"][name] | {"accelerator": f"of_{name}"} for name in "ab"}
    groups = SCENARIO["services"]["chat"]["groups"]
    chat = SCENARIO["services"]["chat"] | {"groups": groups | {"decode": {"pools": ["b"], "replicas": 7}}}
    base = SCENARIO | {"pools": pools, "services": {"chat": chat}}
    runs = [
        sim.run(sim.load(base | {"accelerators": accelerators(*overheads)}))
        for overheads in (("20 ms", "20 ms"), ("70 ms", "20 ms"), ("20 ms", "70 ms"))
    ]
    for metric in ("ttft_s.mean", "e2e_s.mean"):
        usual, at_prefill, at_decode = (run.metric(f"services.chat.{metric}") for run in runs)
        assert at_prefill == pytest.approx(usual + 0.05)
        assert at_decode == pytest.approx(usual)
