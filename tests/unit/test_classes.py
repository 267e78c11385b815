"""Classes of requests from the scenario to the summary: who goes first, and what is counted of whom."""

import tempfile
from pathlib import Path

import pandas as pd
import pytest
import yaml
from oracles.setups import Listed, single_pass
from unit.queue_scenario import queue

import sim
from analysis import figures
from sim.scenario import ScenarioError
from sim.serving import layout
from sim.serving.request_plane import RequestPlane
from sim.serving.service_plan import ClassPlan, ServicePlan

CLASSES = Path(__file__).parents[2] / "scenarios" / "priority_classes.yaml"
TWO = {
    "urgent": {"arrivals": {"process": "poisson", "rate": "2/s"}, "work": {"exponential": {"mean": 1}}, "priority": 1},
    "other": {
        "arrivals": {"process": "poisson", "rate": "4.5/s"},
        "work": {"exponential": {"mean": 1}},
        "slo": {"e2e": "20 s"},
    },
}


@pytest.fixture(scope="module")
def service():
    return sim.run(queue(services__s__requests=TWO)).summary["services"]["s"]


def test_counts_of_classes_sum_to_the_service(service):
    urgent, other = service["classes"]["urgent"], service["classes"]["other"]
    for name, total in service["requests"].items():
        assert urgent["requests"][name] + other["requests"][name] == total, name
    for block in ("offered", "throughput"):
        for name, total in service[block].items():
            assert urgent[block][name] + other[block][name] == pytest.approx(total)
    goodput = urgent["slo"]["goodput_per_s"] + other["slo"]["goodput_per_s"]
    assert goodput == pytest.approx(service["slo"]["goodput_per_s"])
    for name in ("queueing_s", "e2e_s"):
        blocks = urgent[name], other[name]
        assert sum(block["count"] for block in blocks) == service[name]["count"]
        assert max(block["max"] for block in blocks) == service[name]["max"]
        total = sum(block["count"] * block["mean"] for block in blocks)
        assert total == pytest.approx(service[name]["count"] * service[name]["mean"])


def test_times_between_tokens_of_classes_sum_to_the_service():
    scenario = sim.load(CLASSES).with_({"horizon": "20 min", "warmup": "1 min"})
    service = sim.run(scenario, limits={"services.llm.itl_s": [0.05]}).summary["services"]["llm"]
    whole, parts = service["itl_s"], [each["itl_s"] for each in service["classes"].values()]
    assert sum(each["count"] for each in parts) == whole["count"] > 100_000
    assert max(each["max"] for each in parts) == whole["max"]
    for total in (lambda block: block["mean"], lambda block: block["over"]["0.05"]):
        assert sum(each["count"] * total(each) for each in parts) == pytest.approx(whole["count"] * total(whole))
    assert 0.0 < whole["over"]["0.05"] < 1.0
    latencies = {name for name in service if name.endswith("_s")}
    assert all(latencies <= set(each) for each in service["classes"].values())


def test_a_class_is_judged_by_its_own_promise_and_else_by_the_service_s():
    scenario = queue(services__s__requests=TWO, output__requests=True)
    rows, service = run_with_rows(scenario)
    for name, limit in (("urgent", 3.0), ("other", 20.0)):
        mine = rows[(rows["class"] == name) & (rows["arrival_s"] >= 60) & (rows["status"] == "completed")]
        within = mine["end_s"] - mine["arrival_s"] <= limit
        assert (mine["slo_met"] == within).all()
        slo, counts = service["classes"][name]["slo"], service["classes"][name]["requests"]
        assert slo["attainment"] == within.sum() / (counts["arrived"] - counts["undecided"])


def run_with_rows(scenario):
    result = sim.run(scenario)
    with tempfile.TemporaryDirectory() as folder:
        saved = result.save(Path(folder) / "run")
        return pd.read_parquet(saved / "requests.parquet"), result.summary["services"]["s"]


def test_attainment_by_hour_is_that_of_the_local_hour_of_arrival():
    changes = {
        "horizon": "5 h",
        "start": "2027-01-04T10:00",
        "sites": {"west": {"timezone": "America/Los_Angeles"}},
        "pools.p.site": "west",
        "output.requests": True,
    }
    scenario = queue().with_(changes)
    rows, service = run_with_rows(scenario)
    decided = rows[(rows["arrival_s"] >= 60) & rows["end_s"].notna()]
    hours = (decided["arrival_s"] // 3600).astype(int) + 2  # ten in the morning, UTC, is two in Los Angeles
    expected = decided.groupby(hours)["slo_met"].mean()
    found = service["slo"]["by_hour_of_day"]
    assert len(found) == 24
    assert [hour for hour, share in enumerate(found) if share is not None] == [2, 3, 4, 5, 6]
    for hour in (2, 3, 4, 5):
        assert found[hour] == pytest.approx(expected[hour])
    assert service["slo"]["worst_hour"] == min(range(2, 7), key=lambda hour: found[hour])


def test_the_chart_of_hours_shows_what_the_summary_says():
    result = sim.run(queue(services__s__requests=TWO).with_({"horizon": "3 h"}))
    numbers = figures.hour_numbers(result)
    assert list(numbers) == ["hour", "urgent of s", "other of s"]
    for name in ("urgent", "other"):
        met = result.summary["services"]["s"]["classes"][name]["slo"]["by_hour_of_day"]
        assert numbers[f"{name} of s"].dropna().tolist() == pytest.approx([1 - each for each in met[:3]])
    assert "of s: " in figures.svg(figures.missed_by_hour(result))
    assert figures.hour_numbers(sim.run(queue())).empty, "one hour is no chart"


def test_a_scenario_with_classes_is_written_out_and_read_back():
    scenario = queue(services__s__requests=TWO)
    assert sim.load(yaml.safe_load(scenario.to_yaml())) == scenario
    faster = scenario.with_({"services.s.requests.urgent.arrivals.rate": "3/s"})
    assert faster.services["s"].requests.classes["urgent"].arrivals.rate == 3.0


def order_of_starts(rows, priorities, **options):
    """The numbers of the requests in the order in which one server starts them; each takes a second."""
    classes = [ClassPlan(str(priority), priority) for priority in priorities]
    finished = []
    plan = ServicePlan("s", single_pass(1), 1, "central_queue", Listed(rows), classes=classes, **options)
    plane = RequestPlane([plan], on_rows=finished.append)
    plane.advance(1e6)
    plane.flush_rows()
    done = [row for row in finished[0] if row["status"] == layout.OUTCOMES.index("completed")]
    return [int(row["index"]) for row in sorted(done, key=lambda row: row["start"])]


def test_the_highest_priority_goes_first_in_order_of_arrival_and_interrupts_nobody():
    rows = [(0.0, 1, 1, 1.0, 0), (0.1, 1, 1, 1.0, 0), (0.2, 1, 1, 1.0, 1), (0.3, 1, 1, 1.0, 2), (0.4, 1, 1, 1.0, 1)]
    assert order_of_starts(rows, [0, 5, -3]) == [0, 2, 4, 1, 3]
    assert order_of_starts(rows, [4, 4, 4]) == [0, 1, 2, 3, 4], "equal priorities are one queue"


def test_who_gives_up_leaves_from_the_middle_of_the_queue():
    rows = [(0.0, 1, 1, 9.0, 0), (1.0, 1, 1, 1.0, 0), (3.0, 1, 1, 1.0, 1), (5.0, 1, 1, 1.0, 0)]
    assert order_of_starts(rows, [0, 1], timeout=5.0) == [0, 2, 3], "the second leaves at 6 s, behind the third"


def test_limits_are_of_blocks_that_there_are():
    with pytest.raises(ScenarioError, match=r"there is no `services.s.e2e` to limit .did you mean `services.s.e2e_s`"):
        sim.run(queue(), limits={"services.s.e2e": [0.05]})
