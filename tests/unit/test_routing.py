"""Which replica takes a request: pools that differ, and rules of users' own, through whole scenarios."""

import pytest

import sim
from sim.fleet.pool import FleetError
from sim.scenario import ScenarioError

RULES = """\
from numba import njit

from sim.serving.routing import draw


@njit
def second(replicas, request, key):
    return 1


def drawn(replicas, request, key):
    return draw(key, request.index, len(replicas))


def beyond(replicas, request, key):
    return len(replicas)


def fails(replicas, request, key):
    return replicas[len(replicas) + request.index].outstanding


def divides(replicas, request, key):
    return 1 // replicas[0].outstanding


def objects(replicas, request, key):
    if request.index == 20:
        raise ValueError("no replica pleases")
    return 0


def half(replicas, request, key):
    return 0.5


def nothing(replicas, request, key):
    pass


def perhaps(replicas, request, key):
    if request.index > 3:
        return 0


def short(replicas, request):
    return 0


def wrong(replicas, request, key):
    return replicas[0].there_is_no_such_field
"""
RULES_OF_QUEUES = ("weighted", "least_outstanding")
SCENARIO = {
    "fleetsim": 1,
    "name": "two",
    "horizon": "2000 s",
    "accelerators": {
        "quick": {"kind": "gpu", "memory": "1 GB", "idle_power": "60 W", "busy_power": "400 W"},
        "slow": {"like": "quick"},
    },
    "models": {
        "unit": {
            "kind": "single_pass",
            "latency": {
                "quick": {"batch": [1], "seconds": [0.1]},
                "slow": {"batch": [1], "seconds": [0.4]},
            },
        }
    },
    "pools": {"q": {"accelerator": "quick", "nodes": 1}, "s": {"accelerator": "slow", "nodes": 2}},
    "services": {
        "s": {
            "model": "unit",
            "pools": {"q": {"replicas": 1}, "s": {"replicas": 2}},
            "routing": "weighted",
            "requests": {"arrivals": {"process": "poisson", "rate": "8/s"}},
        }
    },
}


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    folder = tmp_path_factory.mktemp("rules")
    (folder / "rules_of_a_test.py").write_text(RULES)
    (folder / "two.yaml").write_text(sim.load(SCENARIO).to_yaml())
    return folder / "two.yaml"


def routed(file, rule, **service):
    return sim.load(file).with_({f"services.s.{key}": value for key, value in {"routing": rule, **service}.items()})


def test_replicas_of_pools_follow_their_own_laws_and_the_weighted_rule_prefers_the_quick():
    runs = {rule: sim.run(sim.load(SCENARIO).with_({"services.s.routing": rule})) for rule in RULES_OF_QUEUES}
    for result in runs.values():
        assert all(law["holds"] for law in result.summary["audit"])
    means = {rule: result.metric("services.s.e2e_s.mean") for rule, result in runs.items()}
    assert means["weighted"] < means["least_outstanding"]
    busy = [runs["weighted"].metric(f"pools.{pool}.utilization.busy") for pool in ("q", "s")]
    assert busy[0] > busy[1]


def test_taking_turns_overloads_the_slow_ones():
    weighted = sim.run(sim.load(SCENARIO)).metric("services.s.e2e_s.p99")
    turns = sim.run(sim.load(SCENARIO).with_({"services.s.routing": "round_robin"})).metric("services.s.e2e_s.p99")
    assert turns > 10 * weighted


def test_a_rule_of_ones_own_decides(file):
    result = sim.run(routed(file, "rules_of_a_test:second", queue_limit=5))
    assert result.summary["pools"]["q"]["utilization"]["busy"] == 0.0
    assert result.summary["pools"]["s"]["utilization"]["busy"] == pytest.approx(0.5, abs=0.01)


def test_a_rule_of_ones_own_may_draw(file):
    """Each of three replicas has a third of the requests: 0.4 s on either slow one, 0.1 s on the quick one."""
    result = sim.run(routed(file, "rules_of_a_test:drawn").with_({"services.s.requests.arrivals.rate": "3/s"}))
    busy = [result.metric(f"pools.{pool}.utilization.busy") for pool in ("q", "s")]
    assert busy == pytest.approx([0.1, 0.4], rel=0.1)


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ("beyond", "names replica 3 of 3"),
        ("fails", "has failed at .*: IndexError: index 3 is out of bounds"),
        ("divides", "has failed at .*divide by zero"),
        ("objects", "has failed at .*: ValueError: no replica pleases"),
    ],
)
def test_a_rule_that_names_nobody_ends_the_run_with_its_name(file, rule, words):
    with pytest.raises(FleetError, match=f"rules_of_a_test:{rule}.*{words}"):
        sim.run(routed(file, f"rules_of_a_test:{rule}"))


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ("rules_of_a_test:wrong", "no field 'there_is_no_such_field'"),
        ("rules_of_a_test:absent", "absent"),
        ("rules_of_a_test:half", "must return the number of a replica, not float64"),
        ("rules_of_a_test:nothing", "not none"),
        ("rules_of_a_test:perhaps", "none on some paths"),
        ("rules_of_a_test:short", "is not a function of .replicas, request, key."),
        ("os:system", "is not a function of .replicas, request, key."),
    ],
)
def test_a_rule_that_cannot_be_one_is_an_error_of_the_file(file, rule, words):
    with pytest.raises(ScenarioError, match=words) as caught:
        sim.run(routed(file, rule))
    assert "services.s.routing" in str(caught.value)


def test_a_rule_of_replicas_that_decode_is_named_too(file):
    group = {"pools": ["p"], "replicas": 2}
    made = {
        "fleetsim": 1,
        "name": "apart",
        "horizon": "60 s",
        "pools": {"p": {"accelerator": "H100-SXM", "nodes": 1}},
        "services": {
            "s": {
                "model": "Llama-3.1-8B",
                "groups": {"prefill": group, "decode": {**group, "routing": "rules_of_a_test:beyond"}},
                "requests": {
                    "arrivals": {"process": "poisson", "rate": "1/s"},
                    "lengths": {"prompt": 100, "output": 7},
                },
            }
        },
    }
    (file.parent / "apart.yaml").write_text(sim.load(made).to_yaml())
    with pytest.raises(FleetError, match=r"rules_of_a_test:beyond.*names replica 2 of 2"):
        sim.run(sim.load(file.parent / "apart.yaml"))


def test_replicas_stand_with_the_pools_or_with_the_service():
    with pytest.raises(ScenarioError, match="stand with the pools"):
        sim.load(SCENARIO).with_({"services.s.replicas": 4})
    with pytest.raises(ScenarioError, match="others do not"):
        sim.load(SCENARIO).with_({"services.s.pools.q": {}})
