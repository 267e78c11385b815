"""Bad input: one clear error each, at the right line and key."""

# ruff: noqa: E501  one case a line

import time
from itertools import pairwise
from pathlib import Path

import pytest

from sim.scenario import ScenarioError, load
from sim.scenario.loading import read
from sim.scenario.yaml_reader import LARGEST_FILE, read_text

DATA = Path(__file__).parents[1] / "data"
SMALL = (DATA / "mm10.yaml").read_text()
LARGE = (DATA / "chat-and-finetune.yaml").read_text()


def problems(text, old="", new=""):
    assert old in text
    changed = text.replace(old, new, 1) if old else text
    with pytest.raises(ScenarioError) as caught:
        read(read_text(changed, "x.yaml"))
    return caught.value.problems


def line_of(text, words):
    return next((number for number, line in enumerate(text.splitlines(), 1) if words in line), 0)


NAMED = """\
fleetsim: 1
name: named
horizon: 10 d
tenants: {research: {weight: 2}, production: {}}
pools: {p: {accelerator: H100-SXM, nodes: 10, accelerators_per_node: 1}}
training:
  t:
    pools: [p]
    jobs:
      - {id: a, submit: 1 h, accelerators: 4, duration: 2 h, deadline: 3 h, tenant: research}
      - {id: b, submit: 2 h, duration: 5 h, accelerators: 8}
"""
WORK = "{exponential: {mean: 1}}"
CHOICE = "{choice: {4: 0.5, 8: 0.3, 16: 0.2}}"
JOBS = "    arrivals: {process: poisson, rate: 3/h}\n"
ARRIVALS = "{process: poisson, rate: 900/s}"
PHOTOS = "requests: {arrivals: {process: poisson, rate: 900/s}}"
POISSON = "process: poisson, rate: 9/s"
BATCHING = "prefill: prioritized, max_batch_size: 256, max_batched_tokens: 8192"
WRONG = [
    # the file's text, what is replaced, by what, path of the problem, words of the message or hint
    (SMALL, "200000 s", "90", "horizon", "write `90 s`"),
    (SMALL, "200000 s", "1000 s", "warmup", "leaves nothing"),
    (SMALL, "200000 s", "jobs_done", "horizon", "needs training"),
    (SMALL, "200000 s", "-4 s", "horizon", "negative"),
    (SMALL, "200000 s", ".nan", "horizon", "not finite"),
    (SMALL, "200000 s", "3 hours", "horizon", "not a unit of time"),
    (SMALL, "200000 s", "3 W", "horizon", "not a unit of time"),
    (SMALL, "horizon:", "horizont:", "horizont", "did you mean `horizon`?"),
    (SMALL, "warmup: 2000 s", "warmup: automatic", "warmup", "is not a duration"),
    (SMALL, "fleetsim: 1", "fleetsim: 2", "fleetsim", "`2`"),
    (SMALL, "name: mm10", "name: 12", "name", "expected text"),
    (SMALL, "name: mm10", "name: 'a b'", "name", "not a name"),
    (SMALL, "  s:\n", "  's s':\n", "services.s s", "not a name"),
    (SMALL, "pools: [p]", "pools: [q]", "services.s.pools[0]", "unknown pool `q`"),
    (SMALL, "pools: [p]", "pools: p", "services.s.pools", "[p]"),
    (SMALL, "pools: [p]", "pools: []", "services.s.pools", "at least 1"),
    (SMALL, "pools: [p]", "pools: [p, p]", "services.s.pools", "twice"),
    (SMALL, "model: unit", "model: units", "services.s.model", "did you mean `unit`?"),
    (SMALL, "model: unit", "model: Zzzz", "services.s.model", "known: unit"),
    (SMALL, WORK, "WORK, sessions: {turns: 1.5, think_time: 1 s}".replace("WORK", WORK), "services.s.requests.sessions.turns", "not a whole number"),
    (SMALL, "accelerator: server", "accelerator: servr", "pools.p.accelerator", "did you mean `server`?"),
    (SMALL, "nodes: 10", "nodes: 0", "pools.p.nodes", "at least 1"),
    (SMALL, "nodes: 10", "nodes: 1.5", "pools.p.nodes", "whole number"),
    (SMALL, "nodes: 10", "nodes: ten", "pools.p.nodes", "whole number"),
    (SMALL, "nodes: 10", "nodes: true", "pools.p.nodes", "whole number"),
    (SMALL, "nodes: 10", "nodes: 10, price: {purchase: 3}", "pools.p.price", "later version"),
    (SMALL, "nodes: 10", "nodes: 10, interruptions: {}", "pools.p.interruptions", "later version"),
    (SMALL, "nodes: 10", "nodes: 10, failures: {per: node}", "pools.p.failures", "`mtbf` is missing"),
    (SMALL, "nodes: 10", "nodes: 10, failures: [{mtbf: 9 h, per: site}]", "pools.p.failures[0].per", "unknown value"),
    (SMALL, "nodes: 10", "nodes: 10, failures: {per: node, trace: nope.csv}", "pools.p.failures.trace", "no file"),
    (SMALL, "nodes: 10", "nodes: 10, spare_nodes: 10", "pools.p.spare_nodes", "none is left to use"),
    (SMALL, "nodes: 10", "nodes: 10, slowdown: {across_nodes: 2, across_racks: 1.5}", "pools.p.slowdown.across_racks", "at least 2"),
    (SMALL, "nodes: 10", "nodes: 10, elastic: {}", "pools.p.elastic", "later version"),
    (SMALL, "replicas: 10", "replicas: 11", "services.s.replicas", "room for 10"),
    (SMALL, "replicas: 10", "replicas: ten", "services.s.replicas", "number of replicas"),
    (SMALL, "replicas: 10", "replicas: {initial: 3, max: 2}", "services.s.replicas.initial", "between"),
    (SMALL, "routing: central_queue", "routing: central", "services.s.routing", "did you mean `central_queue`?"),
    (SMALL, "pools: [p]", "pools: {q: {}}", "services.s.pools.q", "unknown pool `q`"),
    (SMALL, "pools: [p]", "pools: {p: {replica: 3}}", "services.s.pools.p.replica", "did you mean `replicas`?"),
    (SMALL, "pools: [p]", "pools: {p: {parallelism: {tensor: 2}}}", "services.s.pools.p.parallelism.tensor", "generative"),
    (LARGE, "pools: [h100]\n    parallelism", "pools: {h100: {parallelism: {tensor: 16}}}\n    parallelism", "services.chat.pools.h100.parallelism.tensor", "later version"),
    (SMALL, "routing: central_queue", "slo: {ttft: 1 s}", "services.s.slo.ttft", "single-pass"),
    (SMALL, "routing: central_queue", "slo: {tpot: 1 s}", "services.s.slo.tpot", "single-pass"),
    (SMALL, "routing: central_queue", "slo: {attainment: 0.9}", "services.s.slo", "at least one limit"),
    (SMALL, "routing: central_queue", "slo: {itl: 1 s}", "services.s.slo.itl", "single-pass"),
    (SMALL, "routing: central_queue", "kv_cache: {}", "services.s.kv_cache", "single-pass"),
    (SMALL, "routing: central_queue", "scaling: {}", "services.s.scaling", "later version"),
    (SMALL, "routing: central_queue", "batching: {policy: continuous}", "services.s.batching", "does not fit"),
    (SMALL, "routing: central_queue", "batching: {policy: dynamic}", "services.s.batching", "`max_batch_size` is missing"),
    (SMALL, "routing: central_queue", "timeout: 0 s", "services.s.timeout", "more than zero"),
    (SMALL, POISSON, "process: mmpp, rates: [1/s, 2/s], switching_rates: [1/s]", "services.s.requests.arrivals.switching_rates", "one for each"),
    (SMALL, POISSON, "process: mmpp, rates: [1/s], switching_rates: [1/s]", "services.s.requests.arrivals.rates", "2"),
    (SMALL, POISSON, "process: closed, clients: 4", "services.s.requests.arrivals", "`think_time` is missing"),
    (SMALL, POISSON, "process: closed, clients: 0, think_time: 1 s", "services.s.requests.arrivals.clients", "at least 1"),
    (SMALL, WORK, "1, patience: 3", "services.s.requests.patience", "write `3 s`"),
    (SMALL, WORK, "1, retries: {attempts: 3}", "services.s.requests.retries", "`delay` is missing"),
    (SMALL, WORK, "1, retries: {attempts: 0, delay: 1 s}", "services.s.requests.retries.attempts", "at least 1"),
    (SMALL, WORK, "1, retries: {attempts: 1, delay: 1 s, backoff: 0.5}", "services.s.requests.retries.backoff", "at least 1"),
    (SMALL, WORK, "1, sessions: {turns: 3}", "services.s.requests.sessions", "`think_time` is missing"),
    (SMALL, WORK, "1, sessions: {turns: 0, think_time: 1 s}", "services.s.requests.sessions.turns", "at least 1"),
    (SMALL, "process: poisson", "process: poison", "services.s.requests.arrivals.process", "did you mean `poisson`?"),
    (SMALL, "process: poisson, ", "", "services.s.requests.arrivals", "`process` is missing"),
    (SMALL, "rate: 9/s", "rate: 9", "services.s.requests.arrivals.rate", "write `9/s`"),
    (SMALL, ", rate: 9/s", "", "services.s.requests.arrivals", "`rate` is missing"),
    (SMALL, "9/s", "9/s, shape: {hourly: [1, -2]}", "services.s.requests.arrivals.shape.hourly[1]", "at least 0"),
    (SMALL, "9/s", "9/s, shape: {hourly: [1, 2]}", "services.s.requests.arrivals.shape.hourly", "24"),
    (SMALL, "9/s", "9/s, shape: nowhere", "services.s.requests.arrivals.shape", "unknown workload preset"),
    (SMALL, WORK, "{exponentail: {mean: 1}}", "services.s.requests.work.exponentail", "did you mean `exponential`"),
    (SMALL, WORK, "{exponential: {men: 1}}", "services.s.requests.work.exponential.men", "did you mean `mean`?"),
    (SMALL, WORK, "{hyperexponential: {p: [0.5, 0.4], means: [1, 2]}}", "services.s.requests.work.hyperexponential.p", "0.9"),
    (SMALL, WORK, "{choice: {1: 0.5, 2: 0.6}}", "services.s.requests.work.choice", "1.1"),
    (SMALL, WORK, "{choice: {1: 0.5, 1.0: 0.5}}", "services.s.requests.work.choice", "twice"),
    (SMALL, WORK, "{choice: {1: 0.5, two: 0.5}}", "services.s.requests.work.choice.two", "expected a number"),
    (SMALL, WORK, "{quantiles: {levels: [0, 0.5, 0.4, 1], values: [1, 2, 3, 4]}}", "services.s.requests.work.quantiles.levels", "ascend"),
    (SMALL, WORK, "{quantiles: {levels: [0, 0.9], values: [1, 2]}}", "services.s.requests.work.quantiles.levels", "0 to 1"),
    (SMALL, WORK, "{lognormal: {median: 1, scv: 1}}", "services.s.requests.work.lognormal", "either"),
    (SMALL, WORK, "{exponential: {mean: .inf}}", "services.s.requests.work.exponential.mean", "not finite"),
    (SMALL, WORK, "[1]", "services.s.requests.work", "expected a number"),
    (SMALL, "kind: gpu, ", "", "accelerators.server", "needs `kind`"),
    (SMALL, "kind: gpu", "kind: gpus", "accelerators.server.kind", "did you mean `gpu`?"),
    (SMALL, "kind: gpu", "like: server", "accelerators.server.like", "like itself"),
    (SMALL, "batch: [1]", "batch: [2, 1]", "models.unit.latency.seconds", "2 batch sizes"),
    (LARGE, "prefill: prioritized", "prefill: chunk", "services.chat.batching.prefill", "chunked"),
    (LARGE, BATCHING, "prefill: chunked, max_batched_tokens: 64", "services.chat.batching.max_batched_tokens", "`max_batch_size` or more"),
    (LARGE, "tensor: 4}", "tensor: 4}\n    kv_cache: {block_size: 0}", "services.chat.kv_cache.block_size", "1"),
    (LARGE, "tensor: 4}", "tensor: 4}\n    kv_cache: {prefix_hit_rate: 1.5}", "services.chat.kv_cache.prefix_hit_rate", "1"),
    (LARGE, "tensor: 4}", "tensor: 4}\n    kv_cache: {preemption: drop}", "services.chat.kv_cache.preemption", "recompute"),
    (LARGE, "tensor: 4", "tensor: 4, pipeline: 2", "services.chat.parallelism.pipeline", "later version"),
    (LARGE, "tensor: 4", "tensor: 16", "services.chat.parallelism.tensor", "later version"),
    (LARGE, "policy: continuous, prefill: prioritized, ", "policy: dynamic, ", "services.chat.batching.max_batched_tokens", "unknown key"),
    (LARGE, "      lengths: azure-conv-2023\n", "", "services.chat.requests", "needs `lengths`"),
    (LARGE, "lengths: azure-conv-2023", "lengths: azure-conv-2032", "services.chat.requests.lengths", "did you mean"),
    (LARGE, PHOTOS, "requests: {a: {share: 0.5}, b: {share: 0.5}}", "services.photos.requests.a.share", "no `arrivals` beside"),
    (LARGE, PHOTOS, f"requests: {{arrivals: {ARRIVALS}, a: {{share: 0.5}}, b: {{share: 0.4}}}}", "services.photos.requests.arrivals", "sum to 0.9"),
    (LARGE, PHOTOS, f"requests: {{arrivals: {ARRIVALS}, a: {{share: 0.5}}, b: {{priority: 1}}}}", "services.photos.requests.b", "either `arrivals` or a `share`"),
    (LARGE, PHOTOS, f"requests: {{arrivals: {ARRIVALS}, a: {{share: 1, arrivals: {ARRIVALS}}}}}", "services.photos.requests.a", "either `arrivals` or a `share`"),
    (LARGE, PHOTOS, f"requests: {{arrivals: {ARRIVALS}, a: {{arrivals: {ARRIVALS}}}}}", "services.photos.requests.arrivals", "sum to 0"),
    (LARGE, PHOTOS, f"requests: {{work: 1, a: {{arrivals: {ARRIVALS}}}}}", "services.photos.requests.work", "each class has its own"),
    (LARGE, PHOTOS, f"requests: {{priority: 1, a: {{arrivals: {ARRIVALS}}}}}", "services.photos.requests.priority", "each class has its own"),
    (LARGE, PHOTOS, f"requests: {{arrivals: {ARRIVALS}, priority: 1}}", "services.photos.requests.priority", "for a class of requests"),
    (LARGE, PHOTOS, f"requests: {{arrivals: {ARRIVALS}, wrk: 1}}", "services.photos.requests.wrk", "did you mean `work`?"),
    (LARGE, PHOTOS, f"requests: {{a: {{arrivals: {ARRIVALS}, prioriti: 1}}}}", "services.photos.requests.a.prioriti", "did you mean `priority`?"),
    (LARGE, PHOTOS, f"requests: {{a: {{arrivals: {ARRIVALS}, priority: high}}}}", "services.photos.requests.a.priority", "a whole number"),
    (LARGE, PHOTOS, f"requests: {{'a b': {{arrivals: {ARRIVALS}}}}}", "services.photos.requests.a b", "not a name of a class"),
    (LARGE, PHOTOS, f"requests: {{a: {{arrivals: {ARRIVALS}, slo: {{ttft: 1 s}}}}}}", "services.photos.requests.a.slo.ttft", "single-pass"),
    (LARGE, PHOTOS, f"requests: {{a: {{arrivals: {ARRIVALS}, slo: {{itl: 1 s}}}}}}", "services.photos.requests.a.slo.itl", "promised by the service"),
    (LARGE, PHOTOS, f"requests: {{a: {{arrivals: {ARRIVALS}, lengths: azure-conv-2023}}}}", "services.photos.requests.a.lengths", "single-pass"),
    (LARGE, PHOTOS, "requests: {a: {arrivals: {process: poison, rate: 1/s}}}", "services.photos.requests.a.arrivals.process", "poisson"),
    (LARGE, CHOICE, "{choice: {4: 0.5, 8: 0.3, 96: 0.2}}", "training.finetune.accelerators", "fits no pool"),
    (LARGE, CHOICE, "{fixed: 65}", "training.finetune.accelerators", "fits no pool"),
    (LARGE, CHOICE, "4.5", "training.finetune.accelerators", "whole number"),
    (LARGE, "median: 40 min", "median: 40", "training.finetune.duration.lognormal.median", "write `40 s`"),
    (LARGE, JOBS, "", "training.finetune", "`arrivals` missing"),
    (LARGE, "    priority: 0", "    reservation: {from: 3 h, for: 10 h, accelerators: 65}", "training.finetune.reservation", "65 are asked"),
    (LARGE, "    priority: 0", "    tenant: [a]", "training.finetune.tenant", "expected text"),
    (NAMED, "    jobs:", "    duration: 1 h\n    jobs:", "training.t.duration", "named jobs say"),
    (LARGE, "    priority: 0", "    model: Llama-3.1-8B", "training.finetune.model", "`model` without `tokens`"),
    (LARGE, "    priority: 0", "    tokens: 1e9", "training.finetune.tokens", "`tokens` without `model`"),
    (LARGE, "    priority: 0", "    model: Llama-3.1-8B\n    tokens: 1e9", "training.finetune.duration", "both say how long"),
    (LARGE, "    priority: 0", "    model: Llama-9", "training.finetune.model", "unknown model"),
    (LARGE, "    priority: 0", "    model: my-vision-model # no parameters", "training.finetune.model", "does not follow from its parameters"),
    (LARGE, "    priority: 0", "    throughput: {h200: 1}", "training.finetune.throughput.h200", "unknown pool"),
    (LARGE, "    priority: 0", "    throughput: {}", "training.finetune.throughput", "`h100` is missing"),
    (LARGE, "    priority: 0", "    throughput: {h100: 0}", "training.finetune.throughput.h100", "more than 0"),
    (LARGE, "    priority: 0", "    elastic: {min: 0}", "training.finetune.elastic.min", "more than 0"),
    (LARGE, "    priority: 0", "    elastic: {max: 0.5}", "training.finetune.elastic.max", "at least 1"),
    (LARGE, "    priority: 0", "    deadline: 0", "training.finetune.deadline", "more than zero"),
    (LARGE, "    priority: 0", "    estimate: 2", "training.finetune.estimate", "expected a map"),
    (LARGE, "    priority: 0", "    estimate: {factor: -1}", "training.finetune.estimate.factor", "out of bounds"),
    (LARGE, "    priority: 0", "    trace: {format: csv, path: nope.csv}", "training.finetune.trace.path", "no file"),
    (LARGE, "    priority: 0", "    trace: {format: alibab, path: nope.csv}", "training.finetune.trace.format", "did you mean `alibaba`?"),
    (LARGE, "policy: best_fit", "policy: bestfit", "policies.placement", "did you mean `best_fit`"),
    (LARGE, "sharing: static", "sharing: inference_first", "policies.sharing", "later version"),
    (LARGE, "scheduling: fifo_first_fit", "scheduling: {default: fifo}", "policies.scheduling", "later version"),
    (LARGE, "timeline: false", "timeline: 5 min", "output.timeline", "expected true or false"),
    (LARGE, "timeline: false", "timeline: {at: 1 h, for: 5 min}", "output.timeline.for", "unknown key"),
    (LARGE, "timeline: false", "timeline: {duration: 5 min}", "output.timeline", "`at` is missing"),
    (LARGE, "timeline: false", "timeline: {at: 400 d}", "output.timeline.at", "ended by then"),
    (LARGE, "0.08 USD/kWh", "{series: a.csv}", "sites.west.electricity", "later version"),
    (LARGE, "pue: 1.12", "pue: 0.9", "sites.west.pue", "at least 1"),
    (LARGE, "pue: 1.12", "power_limit: 4 MW", "sites.west.power_limit", "later version"),
    (LARGE, "America/Los_Angeles", "America/LA", "sites.west.timezone", "unknown time zone"),
    (LARGE, "site: west", "site: east", "pools.h100.site", "did you mean `west`?"),
    (LARGE, "2027-01-04T00:00", "12:30", "start", "date and time"),
    (LARGE, "  finetune:", "  chat: # twice", "training.chat", "is a service too"),
    (LARGE, "  finetune:", "  unassigned:", "training.unassigned", "nobody holds"),
    (LARGE, "seed: 7", "tenants: {research: {quota: {h200: 8}}}", "tenants.research.quota.h200", "unknown pool"),
    (LARGE, "seed: 7", "tenants: {research: {quota: {h100: -8}}}", "tenants.research.quota.h100", "too small"),
    (LARGE, "seed: 7", "tenants: {research: {weight: 0}}", "tenants.research.weight", "more than 0"),
    (NAMED, "tenant: research", "tenant: reserch", "training.t.jobs[0].tenant", "did you mean `research`?"),
    (NAMED, "submit: 2 h", "submit: 20 d", "training.t.jobs[1].submit", "ended by then"),
    (NAMED, "deadline: 3 h", "deadline: 1 h", "training.t.jobs[0].deadline", "has passed"),
    (NAMED, "accelerators: 4", "accelerators: 40", "training.t.jobs[0].accelerators", "fits no pool: the largest has 10"),
    (NAMED, "id: b, submit: 2 h", "id: a, submit: 2 h", "training.t.jobs[1].id", "`a` is the id of a job above"),
    (NAMED, "duration: 5 h, ", "", "training.t.jobs[1]", "`duration` is missing"),
    (NAMED, "duration: 5 h", "duration: 5 h, model: Llama-3.1-8B", "training.t.jobs[1].model", "`model` without `tokens`"),
    (NAMED, "duration: 5 h", "model: my, tokens: 1e9", "training.t.jobs[1].model", "unknown model"),
    (NAMED, "pools: [p]", "pools: [p]\n    deadline: 3 h\n    trace: {format: csv, path: x.yaml}", "training.t.trace.path", "no file"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "old", "new", "path", "words"), WRONG)
def test_wrong_input_is_named(text, old, new, path, words):
    found = problems(text, old, new)
    [problem] = [problem for problem in found if problem.path == path and words in str(problem)] or [found]
    changed = text.replace(old, new, 1)
    assert problem.file == "x.yaml"
    if new:
        assert problem.line in {line_of(changed, part) for part in (new.strip().splitlines()[0], path.split(".")[-1])}


def test_the_message_has_file_line_column_key_and_hint():
    [problem] = problems(LARGE, "    model: Llama-3.1-70B", "    model: Llama-3.1-70B\n    qeue_limit: 3")
    line = line_of(LARGE, "model: Llama") + 1
    expected = f"x.yaml:{line}:5: services.chat.qeue_limit: unknown key (did you mean `queue_limit`?)"
    assert str(problem) == expected


def test_all_errors_at_once():
    text = LARGE.replace("pue: 1.12", "pue: 0").replace("tensor: 4", "tensor: 0").replace("rate: 900/s", "rate: 900")
    text = text.replace("interval: 30 min", "interval: 30").replace("output:", "outputs:")
    found = problems(text)
    paths = [problem.path for problem in found]
    assert paths == [
        "sites.west.pue",
        "services.chat.parallelism.tensor",
        "services.photos.requests.arrivals.rate",
        "training.finetune.checkpoint.interval",
        "outputs",
    ]
    assert [problem.line for problem in found] == sorted(problem.line for problem in found)


def test_a_gang_and_a_replica_that_fit_are_accepted():
    assert read(read_text(LARGE.replace(CHOICE, "64"))).training["finetune"].accelerators == 64.0


def test_nothing_to_simulate():
    text = SMALL[: SMALL.index("services:")]
    assert "nothing to simulate" in problems(text)[0].message


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "empty"),
        ("# only a comment", "empty"),
        ("[1, 2]", "expected a map"),
        ("a: [1", "not YAML"),
        ("a: \x01", "not YAML"),
        ("a: *x", "without an anchor"),
        ("a: &a [*a]", "without an anchor"),
        ("a: !!python/object:os.system x", "tags"),
        ("? [a]\n: b", "plain text"),
        ("a: 1\n---\nb: 1\n", "second document"),
        ("[" * 5000, "levels deep"),
        ("a:\n  b: 1\n  b: 2\n", "given twice"),
        ("a: 1\na: 2\nb: 1\nb: 2\n", "given twice"),
    ],
)
def test_a_file_that_is_no_scenario(text, words):
    assert all(words in problem.message for problem in problems(text))


def test_a_repeated_key_says_where_the_first_stands():
    first, second = problems("a: 1\na: 2\nb: 1\nb: 2\n")
    assert (first.line, first.path, first.hint) == (2, "a", "first in line 1")
    assert (second.line, second.path) == (4, "b")


def test_a_bomb_of_aliases_is_refused_at_once():
    names = "abcdefghij"
    bomb = "a: &a [x, x, x, x, x, x, x, x, x]\n"
    for one, next_one in pairwise(names):
        bomb += f"{next_one}: &{next_one} [{', '.join([f'*{one}'] * 9)}]\n"
    begin = time.perf_counter()
    assert "aliases expanded" in problems(bomb)[0].message
    assert time.perf_counter() - begin < 5


def test_a_large_file_is_refused_at_once(tmp_path):
    file = tmp_path / "large.yaml"
    with file.open("wb") as out:
        out.truncate(10 * LARGEST_FILE)
    begin = time.perf_counter()
    with pytest.raises(ScenarioError, match="larger than 10 MB"):
        load(file)
    assert time.perf_counter() - begin < 2


def test_a_file_that_is_not_there_or_not_text(tmp_path):
    with pytest.raises(ScenarioError, match="No such file"):
        load(tmp_path / "none.yaml")
    with pytest.raises(ScenarioError, match="directory"):
        load(tmp_path)
    (tmp_path / "bytes.yaml").write_bytes(b"name: \xff\xfe")
    with pytest.raises(ScenarioError, match="UTF-8"):
        load(tmp_path / "bytes.yaml")
