"""Patience, retries, sessions and closed loops from the scenario to the summary."""

import numpy as np
import pandas as pd
import pytest
from unit.queue_scenario import queue

import sim
from analysis.check import describe
from analysis.expectation import service_expectation
from analysis.known_means import known_means
from sim.preparation import prepare
from sim.scenario import ScenarioError

POISSON = {"process": "poisson", "rate": "5/s"}
WORK = {"exponential": {"mean": 1}}
CLOSED = {"process": "closed", "clients": 12, "think_time": {"exponential": {"mean": "1 s"}}}
SESSIONS = {"turns": {"choice": {1: 0.5, 4: 0.5}}, "think_time": {"exponential": {"mean": "2 s"}}}
PLACE = "services__s__requests"


def requests(**changes):
    return {"arrivals": POISSON, "work": WORK} | changes


def figures(scenario, **options):
    summary = sim.run(scenario, **options).summary
    assert all(law["holds"] for law in summary["audit"]), [law for law in summary["audit"] if not law["holds"]]
    return summary["services"]["s"]


def test_the_impatient_leave_and_miss_their_promise():
    found = figures(queue(services__s__replicas=4, services__s__requests=requests(patience="1 s"), drain=True))
    counts = found["requests"]
    assert counts["abandoned"] > 0
    assert counts["completed"] + counts["abandoned"] == counts["arrived"]
    assert found["queueing_s"]["max"] <= 1.0
    assert found["slo"]["attainment"] <= counts["completed"] / counts["arrived"]


def test_patience_and_timeout_whichever_is_first():
    one = {"services__s__replicas": 4, "services__s__timeout": "0.5 s"}
    both = figures(queue(**one, services__s__requests=requests(patience={"choice": {"0.1 s": 0.5, "1 s": 0.5}})))
    assert both["requests"]["timed_out"] > 0
    assert both["requests"]["abandoned"] > 0
    assert both["queueing_s"]["max"] <= 0.5


def test_a_timeout_and_the_same_patience_lose_the_same_requests():
    timed = figures(queue(services__s__replicas=4, services__s__timeout="0.5 s"))
    impatient = figures(queue(services__s__replicas=4, services__s__requests=requests(patience="0.5 s")))
    assert timed["requests"]["timed_out"] == impatient["requests"]["abandoned"] > 0
    assert timed["e2e_s"] == impatient["e2e_s"]


def test_attempts_are_counted_and_latencies_begin_with_the_first():
    retries = {"attempts": 2, "delay": "2 s", "backoff": 2}
    limited = {"services__s__replicas": 5, "services__s__queue_limit": 0, "drain": True}
    without = figures(queue(**limited))["requests"]
    found = figures(queue(**limited, services__s__requests=requests(retries=retries)))
    counts = found["requests"]
    assert without["retries"] == 0 < counts["retries"]
    assert counts["arrived"] == without["arrived"] == counts["completed"] + counts["rejected"]
    assert counts["rejected"] < without["rejected"]
    assert found["queueing_s"]["max"] == pytest.approx(6.0)


def test_clients_of_a_closed_loop_send_until_the_horizon():
    found = figures(queue(services__s__requests=requests(arrivals=CLOSED), warmup=0, drain=True))
    counts = found["requests"]
    assert counts["arrived"] == counts["completed"] > 1000
    assert counts["in_flight"] == 0


def test_no_more_requests_are_in_flight_than_there_are_clients(tmp_path):
    scenario = queue(services__s__requests=requests(arrivals=CLOSED), services__s__replicas=2, warmup=0)
    result = sim.run(scenario.with_({"output.requests": True, "drain": True}))
    result.save(tmp_path / "out")
    rows = pd.read_parquet(tmp_path / "out" / "requests.parquet")
    changes = pd.concat([pd.Series(1, rows["arrival_s"]), pd.Series(-1, rows["end_s"])])
    steps = changes.groupby(level=0).sum().cumsum()
    assert steps.max() == 12
    assert rows["arrival_s"].is_monotonic_increasing
    assert rows["arrival_s"].max() < 600


def test_turns_of_sessions_are_requests():
    found = figures(queue(services__s__requests=requests(arrivals=POISSON | {"rate": "2/s"}, sessions=SESSIONS)))
    assert found["offered"]["requests_per_s"] == pytest.approx(2 * 2.5, rel=0.15)


def chat(**changes):
    service = {
        "model": "Llama-3.1-8B",
        "pools": ["p"],
        "replicas": 1,
        "requests": {
            "arrivals": {"process": "poisson", "rate": "1/s"},
            "lengths": {"prompt": 100, "output": 50},
            "sessions": {"turns": 3, "think_time": "1 s"} | changes,
        },
    }
    return sim.load(
        {
            "fleetsim": 1,
            "name": "chat",
            "horizon": "300 s",
            "drain": True,
            "pools": {"p": {"accelerator": "H100-SXM", "nodes": 1}},
            "services": {"s": service},
            "output": {"requests": True},
        }
    )


@pytest.mark.parametrize(("history", "prompts"), [(True, [100, 250, 400]), (False, [100])])
def test_prompts_of_later_turns_begin_with_the_history(tmp_path, history, prompts):
    sim.run(chat(history=history)).save(tmp_path / "out")
    rows = pd.read_parquet(tmp_path / "out" / "requests.parquet")
    assert sorted(rows["prompt_tokens"].unique()) == prompts


def test_a_session_ends_where_its_history_no_longer_fits():
    changes = {"lengths.prompt": 5000, "arrivals.rate": "0.1/s"}
    scenario = chat(turns=8).with_({f"services.s.requests.{name}": value for name, value in changes.items()})
    counts = figures(scenario.with_({"services.s.kv_cache.memory_utilization": 0.25}))["requests"]
    assert counts["cut_sessions"] > 0
    assert counts["rejected"] == 0
    assert counts["arrived"] == counts["completed"]


MIXED = {
    "arrivals": POISSON,
    "calm": {"share": 0.5, "work": WORK, "sessions": SESSIONS},
    "hasty": {"share": 0.5, "work": WORK, "patience": {"exponential": {"mean": "1 s"}}},
    "robots": {"arrivals": CLOSED, "work": WORK, "retries": {"attempts": 3, "delay": "1 s"}},
}


def test_classes_have_clients_of_their_own_in_blocks_of_any_size():
    scenario = queue(services__s__requests=MIXED, services__s__queue_limit=10)
    found = figures(scenario)
    classes = found["classes"]
    assert classes["hasty"]["requests"]["abandoned"] > 0
    assert classes["robots"]["requests"]["retries"] > 0
    assert classes["calm"]["requests"]["abandoned"] == classes["hasty"]["requests"]["retries"] == 0
    for block_size in (1, 7):
        assert figures(scenario, block_size=block_size) == found


def test_another_policy_leaves_what_clients_bring_as_it_was():
    """The k-th request that is sent after thinking has the k-th draws, however long answers take."""
    one, other = (
        prepare(queue(services__s__requests=requests(arrivals=CLOSED), services__s__replicas=number))
        for number in (1, 7)
    )
    mine, others = (each.clients["s"][0] for each in (one, other))
    assert mine.first_sent == others.first_sent
    np.testing.assert_array_equal(mine.further.next_block().work, others.further.next_block().work)


def test_clients_that_never_think_are_refused():
    with pytest.raises(ScenarioError, match="must think for more than zero") as caught:
        prepare(queue(services__s__requests=requests(arrivals=CLOSED | {"think_time": "0 s"})))
    assert str(caught.value.problems[0].path).endswith("arrivals.think_time")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"arrivals": CLOSED, "sessions": SESSIONS}, "closed loop"),
        ({"arrivals": CLOSED, "a": {"share": 1.0, "work": 1}}, "a closed loop for each class"),
    ],
)
def test_what_does_not_go_together_is_refused(changes, words):
    wanted = changes if "a" in changes else requests(**changes)
    with pytest.raises(ScenarioError) as caught:
        queue(services__s__requests=wanted)
    assert words in str(caught.value)


def test_what_check_says_of_clients():
    scenario = queue(services__s__requests=requests(arrivals=CLOSED | {"clients": 400}))
    arriving = service_expectation(prepare(scenario), "s").arriving
    assert arriving.at_most
    assert 400 / 2 < arriving.rate < 400
    text = "\n".join(describe(scenario))
    assert "at most" in text
    assert "overloaded" not in text
    assert known_means(scenario) == {}


def test_sessions_multiply_what_arrives():
    found = service_expectation(prepare(queue(services__s__requests=requests(sessions=SESSIONS))), "s")
    assert found.arriving.rate == pytest.approx(5 * 2.5)
    tokens = service_expectation(prepare(chat()), "s").tokens
    assert tokens.prompt == pytest.approx(250, rel=0.01)


@pytest.mark.parametrize("latency", ["0 s", "1 s"])
def test_clients_think_when_the_answer_has_reached_them(latency):
    """Little's law of a closed loop: N clients = throughput x (time to think + end-to-end time)."""
    closed = {"process": "closed", "clients": 6, "think_time": "1 s"}
    scenario = queue(services__s__requests=requests(arrivals=closed), services__s__client_latency=latency)
    found = figures(scenario.with_({"horizon": "20000 s"}))
    round_trip = 1.0 + found["e2e_s"]["mean"]
    assert found["throughput"]["requests_per_s"] * round_trip == pytest.approx(6.0, rel=2e-3)


def test_the_next_turn_follows_the_answer_by_the_time_to_think(tmp_path):
    sessions = {"turns": 2, "think_time": "2 s"}
    made = requests(arrivals={"process": "deterministic", "rate": "0.01/s"}, sessions=sessions, work=1)
    scenario = queue(services__s__requests=made, services__s__client_latency="0.5 s", output__requests=True, warmup=0)
    rows = pd.read_parquet(sim.run(scenario).save(tmp_path / "run") / "requests.parquet").sort_values("arrival_s")
    first, second = rows.iloc[0], rows.iloc[1]
    assert second["arrival_s"] == pytest.approx(first["end_s"] + 0.5 + 2.0)
