"""Good input: values in SI units, defaults, overrides, and the resolved file."""

import pickle
import subprocess
import sys
from pathlib import Path

import pytest

from sim.scenario import ScenarioError, json_schema, load
from sim.scenario.distributions import Choice, Lognormal
from sim.scenario.loading import read
from sim.scenario.yaml_reader import read_text

DATA = Path(__file__).parents[1] / "data"
SMALL = DATA / "mm10.yaml"
LARGE = DATA / "chat-and-finetune.yaml"


def again(scenario):
    return read(read_text(scenario.to_yaml(), folder=scenario.folder))


def test_the_smallest_scenario():
    scenario = load(SMALL)
    service, pool = scenario.services["s"], scenario.pools["p"]
    assert (scenario.horizon, scenario.warmup, scenario.seed) == (200000.0, 2000.0, 0)
    assert scenario.start.isoformat() == "2027-01-04T00:00:00"
    assert (pool.accelerators, pool.accelerators_per_node) == (10, 1)
    assert (pool.host_power.idle, pool.host_power.busy, pool.price) == (0.0, 0.0, None)
    assert scenario.sites[pool.site].pue == 1.0
    assert service.requests.arrivals.rate == 9.0
    assert service.requests.work.mean == 1.0
    assert (service.batching.policy, service.batching.max_batch_size) == ("none", 1)
    assert (service.replicas.initial, service.replicas.min, service.replicas.max) == (10, 10, 10)
    assert scenario.policies.scheduling.name == "fifo"


def test_the_large_scenario():
    scenario = load(LARGE)
    chat, finetune = scenario.services["chat"], scenario.training["finetune"]
    assert scenario.sites["west"].carbon_intensity == 0.35
    assert "default" not in scenario.sites
    assert chat.client_latency == 0.025
    assert chat.requests.arrivals.shape.daily.peak_at == 14 * 3600
    assert chat.requests.arrivals.correlation_time == 296.0
    assert chat.slo.limits == {"ttft": 2.0, "tpot": 0.2}
    assert isinstance(finetune.accelerators, Choice)
    assert finetune.accelerators.weights == {4.0: 0.5, 8.0: 0.3, 16.0: 0.2}
    assert isinstance(finetune.duration, Lognormal)
    assert (finetune.duration.median, finetune.duration.sigma) == (2400.0, 1.2)
    assert scenario.policies.placement.name == "best_fit"


@pytest.mark.parametrize("file", [SMALL, LARGE])
def test_the_resolved_file_loads_back_equal(file):
    scenario = load(file)
    assert again(scenario) == scenario
    assert again(scenario).sha256 == scenario.sha256
    assert again(scenario).to_yaml() == scenario.to_yaml()


def test_the_hash_is_of_the_content_not_of_the_text():
    scenario = load(SMALL)
    text = SMALL.read_text().replace("warmup: 2000 s", "warmup: 2 ks".replace("2 ks", "2000000 ms"))
    other = read(read_text("# a comment\n" + text, "elsewhere.yaml"))
    assert other.sha256 == scenario.sha256
    assert other == scenario
    assert load(SMALL, {"seed": 1}).sha256 != scenario.sha256


@pytest.mark.parametrize(
    "work",
    [
        "2",
        "{fixed: 2.5}",
        "{exponential: {mean: 1}}",
        "{erlang: {k: 2, mean: 1}}",
        "{gamma: {mean: 1, scv: 0.3}}",
        "{hyperexponential: {p: [0.25, 0.75], means: [1, 2]}}",
        "{lognormal: {median: 1, sigma: 0.1}}",
        "{lognormal: {mean: 1, scv: 4}}",
        "{bounded_pareto: {alpha: 1.5, low: 1, high: 100}}",
        "{uniform: {low: 0, high: 2}}",
        "{choice: {0.5: 0.5, 2: 0.5}}",
        "{quantiles: {levels: [0, 0.5, 1], values: [0, 1, 3]}}",
    ],
)
def test_every_distribution_of_numbers_and_of_durations(work):
    scenario = read(read_text(SMALL.read_text().replace("{exponential: {mean: 1}}", work)))
    assert again(scenario) == scenario


@pytest.mark.parametrize(
    "duration",
    [
        "2 h",
        "{fixed: 0}",
        "{choice: {2 h: 0.5, 30 min: 0.5}}",
        "{quantiles: {levels: [0, 1], values: [1 s, 2 h]}}",
        "{uniform: {low: 0, high: 1 d}}",
    ],
)
def test_durations_carry_units(duration):
    scenario = read(read_text(LARGE.read_text().replace("{lognormal: {median: 40 min, sigma: 1.2}}", duration)))
    assert again(scenario) == scenario


@pytest.mark.parametrize(
    "arrivals",
    [
        "process: deterministic, rate: 9/s",
        "process: gamma, rate: 9/s, burstiness: 0.5",
        "process: weibull, rate: 9/s, burstiness: 2",
        "process: on_off, rate: 9/s, on_mean: 1 min, off_mean: 2 min",
        "process: cox, rate: 9/s, rate_cv: 0.2, correlation_time: 5 min",
        "process: batch, rate: 9/s, size: {choice: {1: 0.5, 8: 0.5}}",
        "process: poisson, rate: 9/s, growth: -3%/month, shape: azure-conv-2024",
        f"process: poisson, rate: 9/s, shape: {{hourly: {[1, 2] * 12}}}",
    ],
)
def test_every_arrival_process(arrivals):
    scenario = read(read_text(SMALL.read_text().replace("process: poisson, rate: 9/s", arrivals)))
    assert again(scenario) == scenario


def test_arrivals_from_a_trace(tmp_path):
    (tmp_path / "requests.csv").write_text("arrival_s\n1\n")
    text = SMALL.read_text().replace("process: poisson, rate: 9/s", "process: trace, format: csv, path: requests.csv")
    file = tmp_path / "traced.yaml"
    file.write_text(text)
    scenario = load(file)
    assert scenario.folder == tmp_path
    assert again(scenario) == scenario


def test_a_mapping_is_a_scenario_too():
    data = read_text(SMALL.read_text()).data
    assert load(data) == load(SMALL)
    with pytest.raises(ScenarioError, match=r"^scenario: horizon: `90` has no unit"):
        load({**data, "horizon": 90})


def test_overrides():
    scenario = load(LARGE, {"pools.h100.nodes": 12, "services.chat.requests.arrivals.rate": "14/s"})
    assert scenario.pools["h100"].accelerators == 96
    assert scenario.with_({"models.my-vision-model.kind": "single_pass"}) == scenario
    assert scenario.with_({"pools.h100.nodes": 8}).services["chat"].requests.arrivals.rate == 14.0
    assert scenario.pools["h100"].nodes == 12


def test_an_override_inside_a_default_starts_from_the_default():
    scenario = load(SMALL)
    changed = scenario.with_({"services.s.replicas.min": 1, "pools.p.host_power.busy": "5 W", "sites.default.pue": 1.2})
    assert (changed.services["s"].replicas.initial, changed.services["s"].replicas.min) == (10, 1)
    assert (changed.pools["p"].host_power.idle, changed.pools["p"].host_power.busy) == (0.0, 5.0)
    assert changed.sites["default"].pue == 1.2


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("pools.p.nodes", 0, "override: pools.p.nodes: `0` is too small"),
        ("pools.p.node", 3, "override: pools.p.node: unknown key"),
        ("pools.p.nodes.x", 3, "not a map"),
        ("services.s.pools[4]", "p", "has 1 entries"),
        ("services.s.pools.x", "p", "is a list"),
        ("pools..x", 1, "not a dotted path"),
    ],
)
def test_wrong_overrides(path, value, words):
    with pytest.raises(ScenarioError) as caught:
        load(SMALL, {path: value})
    assert words in str(caught.value)


def test_all_replicas_that_fit():
    scenario = load(LARGE, {"services.photos.replicas": "all"})
    assert scenario.services["photos"].replicas.initial == 64 - 8 * 4
    assert scenario.with_({"pools.h100.nodes": 16}).services["photos"].replicas.initial == 128 - 8 * 4


def test_a_replica_never_spans_nodes():
    assert load(LARGE, {"services.chat.parallelism.tensor": 3, "services.chat.replicas": 16})
    with pytest.raises(ScenarioError, match="room for 16"):
        load(LARGE, {"services.chat.parallelism.tensor": 3, "services.chat.replicas": 17})


def test_rows_of_the_file():
    scenario = load(LARGE)
    base, capped = scenario.accelerator("H100-SXM"), scenario.accelerator("H100-SXM-capped")
    assert (capped.name, capped.power_cap) == ("H100-SXM-capped", 500.0)
    assert capped.peak_flops == base.peak_flops
    assert capped.facts["power_cap"].source == "scenario"
    assert scenario.model("my-vision-model").latency["any"].seconds == (0.004, 0.009, 0.026)
    server = load(SMALL).accelerator("server")
    assert (server.idle_power, server.busy_power, server.peak_power, server.memory) == (60.0, 400.0, 400.0, 1e9)


def test_an_inline_generative_model_has_the_figures_of_a_plain_transformer():
    own = "{kind: generative, parameters: 8e9, layers: 32, hidden: 4096, heads: 32, kv_heads: 8}"
    text = LARGE.read_text().replace("  my-vision-model:\n", f"  own: {own}\n  my-vision-model:\n")
    model = read(read_text(text.replace("model: Llama-3.1-70B", "model: own"))).model("own")
    assert model.kv_values_per_token == 2 * 32 * 8 * 128
    assert model.attention_flops_per_token == 4 * 32 * 4096
    assert model.active_parameters == 8e9


def test_positions_and_problems():
    scenario = load(LARGE)
    lines = LARGE.read_text().splitlines()
    place = scenario.position("services.chat.slo.ttft")
    assert lines[place.line - 1][place.column - 1 :].startswith("2 s")
    assert scenario.position("services.photos.routing") is None
    problem = scenario.problem("services.photos.routing", "odd")
    assert lines[problem.line - 1] == "  photos:"


def test_defaults_are_what_the_file_leaves_out():
    defaults = load(SMALL).defaults()
    assert defaults["services.s.client_latency"] == "0 s"
    assert "services.s.routing" not in defaults
    assert "services.s.replicas.initial" not in defaults


def test_a_scenario_is_frozen_and_travels():
    scenario = load(SMALL)
    with pytest.raises(ValueError, match="frozen"):
        scenario.seed = 3
    assert pickle.loads(pickle.dumps(scenario)) == scenario  # noqa: S301


def _fits(schema, value, root):
    """Whether the value fits the part of JSON Schema that ours uses."""
    if "$ref" in schema:
        return _fits(root["$defs"][schema["$ref"].split("/")[-1]], value, root)
    if "anyOf" in schema or "oneOf" in schema:
        return any(_fits(part, value, root) for part in schema.get("anyOf", schema.get("oneOf")))
    if "const" in schema:
        return value == schema["const"]
    if "enum" in schema:
        return value in schema["enum"]
    kinds = {
        "object": dict,
        "array": list,
        "string": str,
        "number": (int, float),
        "integer": int,
        "boolean": bool,
        "null": type(None),
    }
    if "type" in schema and not isinstance(value, kinds[schema["type"]]):
        return False
    if isinstance(value, dict):
        known, more = schema.get("properties", {}), schema.get("additionalProperties", True)
        more = next(iter(schema.get("patternProperties", {}).values()), more)
        return set(schema.get("required", ())) <= set(value) and all(
            _fits(known[key], part, root) if key in known else more and (more is True or _fits(more, part, root))
            for key, part in value.items()
        )
    if isinstance(value, list):
        return all(_fits(schema.get("items", {}), part, root) for part in value)
    return True


@pytest.mark.parametrize("file", [SMALL, LARGE])
def test_the_schema_accepts_good_files(file):
    schema = json_schema()
    data = read_text(file.read_text()).data
    assert _fits(schema, data, schema)
    assert _fits(schema, load(file).resolved(), schema)
    assert not _fits(schema, {**data, "unknown": 1}, schema)
    assert not _fits(schema, {key: value for key, value in data.items() if key != "pools"}, schema)


def test_nothing_heavy_is_imported():
    code = "import sys, sim.scenario; sim.scenario.load(sys.argv[1]); print(*sys.modules)"
    modules = subprocess.run(
        [sys.executable, "-c", code, SMALL], capture_output=True, text=True, check=True
    ).stdout.split()
    assert not {"pandas", "matplotlib", "scipy", "numba", "dask", "simpy"} & set(modules)


def test_choices_of_a_python_mapping_may_have_numbers_as_keys():
    training = {
        "t": {
            "pools": ["p"],
            "arrivals": {"process": "poisson", "rate": "3/h"},
            "accelerators": {"choice": {1: 0.25, 2: 0.75}},
            "duration": "1 h",
        }
    }
    base = {"fleetsim": 1, "name": "x", "horizon": "1 h", "pools": {"p": {"accelerator": "H100-SXM", "nodes": 1}}}
    assert dict(load(base | {"training": training}).training["t"].accelerators.weights) == {1.0: 0.25, 2.0: 0.75}
    assert dict(Choice[float].model_validate({1: 0.25, 2: 0.75}).weights) == {1.0: 0.25, 2.0: 0.75}
