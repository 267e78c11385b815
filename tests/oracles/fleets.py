"""Random fleets of services, with their requests: what the compiled plane and the oracle are both run on."""

import os
from dataclasses import replace

import numpy as np
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from oracles.setups import DEFAULTS, Listed, generative, single_pass

from sim.serving import layout
from sim.serving.service_plan import ClassPlan, ClientPlan, NoArrivals, PrefixBlocks, ServicePlan, Switching

STARTS = (0.0, 1e5, 1e7)
ROUTING = (*layout.ROUTING, "own")
BINDING = tuple(rule for rule in ROUTING if rule != "central_queue")
EXAMPLES = int(os.environ.get("FLEETSIM_EXAMPLES", "40"))
SETTINGS = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))


def arrivals(draw, start, count, prompts, outputs):
    """Arrival lists with bursts and equal times: gaps are drawn from a few values as well as from a continuum."""
    gap = st.one_of(st.sampled_from([0.0, 0.0, 0.25, 0.5, 0.012]), st.floats(0.0, 0.6))
    gaps = draw(st.lists(gap, min_size=1, max_size=count))
    times = start + np.cumsum(gaps)
    return [(float(t), draw(prompts), draw(outputs), draw(st.sampled_from([1.0, 0.5, 2.0]))) for t in times]


@st.composite
def limits(draw, timeouts):
    """Half of the services have none, so that many are lazy."""
    if draw(st.booleans()):
        return {}
    return {
        "queue_limit": draw(st.sampled_from([None, 0, 1, 5])),
        "timeout": draw(st.sampled_from([None, *timeouts])),
    }


@st.composite
def batching(draw, max_batch):
    """A third reserves room for whole outputs and prefills whole prompts first, which the plain kernels serve."""
    preemption = draw(st.sampled_from(["none", "recompute", "swap"]))
    plan = {"preemption": preemption, "slo_itl": draw(st.sampled_from([None, 0.0124, 0.05]))}
    if preemption == "none" and draw(st.booleans()):
        return plan
    plan["prefix_hit_rate"] = draw(st.sampled_from([0.0, 0.0, 0.3, 1.0]))
    if draw(st.booleans()):
        plan["chunked"] = True
        plan["max_batched_tokens"] = max_batch + draw(st.sampled_from([0, 1, 30, 400, 8192]))
    return plan


@st.composite
def generative_service(draw, start):
    plan = {
        "name": "s",
        "replica": generative(
            max_batch=draw(st.integers(1, 8)),
            kv_capacity=draw(st.sampled_from([256, 1024, 65536])),
            knots=draw(st.sampled_from([(), (300,), (64, 200, 700)])),
        ),
        "replicas": draw(st.integers(1, 5)),
        "routing": draw(st.sampled_from(ROUTING)),
        "routing_key": draw(st.integers(0, 2**64 - 1)),
        "max_batched_tokens": draw(st.sampled_from([1, 100, 400, 8192])),
        **draw(limits([0.25, 0.05, 1.0])),
    }
    plan["max_batch"] = len(plan["replica"].iteration.until) - 1
    if draw(st.booleans()):
        other = generative(
            plan["max_batch"], draw(st.sampled_from([512, 4096])), slower=draw(st.sampled_from([0.5, 3.0]))
        )
        plan["others"] = ((other, draw(st.integers(1, plan["replicas"]))),)
    plan |= draw(batching(plan["max_batch"]))
    outputs = st.one_of(st.integers(0, 3), st.integers(1, 80))
    return plan, arrivals(draw, start, 30, st.integers(0, 300), outputs)


@st.composite
def disaggregated_service(draw, start):
    """Some replicas prefill, others decode; often with little memory or a slow link."""
    plan, own = draw(generative_service(start))
    plan["routing"] = draw(st.sampled_from(BINDING))
    plan["decode"] = ServicePlan(
        name="s",
        replica=generative(
            plan["max_batch"], draw(st.sampled_from([256, 512, 4096])), slower=draw(st.sampled_from([1.0, 2.0]))
        ),
        replicas=draw(st.integers(1, 4)),
        routing=draw(st.sampled_from([rule for rule in BINDING if rule != "own"])),
        routing_key=draw(st.integers(0, 2**64 - 1)),
        arrivals=NoArrivals(),
        max_batch=plan["max_batch"],
        max_batched_tokens=plan["max_batched_tokens"],
        chunked=plan.get("chunked", False),
        preemption=plan["preemption"],
        slo_itl=plan["slo_itl"],
        transfer_latency=draw(st.sampled_from([0.0, 0.001, 0.3])),
        transfer_per_token=draw(st.sampled_from([0.0, 1e-5, 1e-3])),
    )
    return plan, own


@st.composite
def single_pass_service(draw, start):
    max_batch = draw(st.integers(1, 6))
    plan = {
        "name": "s",
        "replica": single_pass(max_batch),
        "others": ((single_pass(max_batch, slower=3.0), 1),) if draw(st.booleans()) else (),
        "replicas": draw(st.integers(1, 4)),
        "routing": draw(st.sampled_from(ROUTING)),
        "routing_key": draw(st.integers(0, 2**64 - 1)),
        "max_batch": max_batch,
        "max_queue_delay": draw(st.sampled_from([0.0, 0.0, 0.25, 0.1])),
        **draw(limits([0.25, 1.0])),
    }
    return plan, arrivals(draw, start, 30, st.just(1), st.just(1))


@st.composite
def shared_service(draw, start):
    """Two or three single-pass models on the same replicas, for classes of few or different priorities."""
    plan, own = draw(single_pass_service(start))
    models = draw(st.integers(2, 3))
    loads = draw(st.lists(st.sampled_from([0.25, 1.0, 0.057, 3.0]), min_size=models, max_size=models))

    def with_models(replica):
        laws = [
            replace(replica, latency=replica.latency * (1 + number), load_time=load)
            for number, load in enumerate(loads)
        ]
        return replace(laws[0], others=tuple(laws[1:]))

    plan["replica"] = with_models(plan["replica"])
    plan["others"] = tuple((with_models(replica), number) for replica, number in plan["others"])
    rule, max_wait = draw(st.sampled_from(["first_come", "exhaust"])), draw(st.sampled_from([None, 0.0, 0.25, 2.0]))
    plan["switching"] = Switching(rule, max_wait if rule == "exhaust" else None)
    numbers = [0, *draw(st.lists(st.integers(0, models - 1), min_size=1, max_size=3))]
    priorities = draw(st.lists(st.sampled_from([0, 0, 0, 3]), min_size=len(numbers), max_size=len(numbers)))
    plan["classes"] = tuple(
        ClassPlan(f"c{place}", priority, model)
        for place, (priority, model) in enumerate(zip(priorities, numbers, strict=True))
    )
    return plan, [(*row, draw(st.integers(0, len(numbers) - 1))) for row in own]


@st.composite
def fleets(draw, kinds, least=1):
    start = draw(st.sampled_from(STARTS))
    services = [draw(kind(start)) for kind in draw(st.lists(st.sampled_from(kinds), min_size=least, max_size=3))]
    return start, [plan for plan, _ in services], [own for _, own in services]


@st.composite
def crowded_service(draw, start):
    """Memory for a few sequences, which are preempted again and again, while others give up behind them."""
    plan, own = draw(generative_service(start))
    plan["preemption"] = draw(st.sampled_from(["recompute", "swap"]))
    plan["timeout"] = draw(st.sampled_from([None, 0.25, 0.5, 1.0]))
    plan["replica"] = generative(max_batch=plan["max_batch"], kv_capacity=256)
    plan["replicas"], plan["others"] = draw(st.integers(1, 2)), ()
    return plan, own


@st.composite
def prefix_service(draw, start):
    """Prompts of a few beginnings, of which replicas keep some blocks; hashes are those of a tree of beginnings."""
    plan, own = draw(st.one_of(generative_service(start), crowded_service(start)))
    plan["prefix_hit_rate"] = 0.0
    size, branches = draw(st.sampled_from([1, 16, 50])), draw(st.integers(1, 3))
    key = draw(st.sampled_from([0, 2**62, -5]))
    rows, hashes, tree = [], [], {}
    for _, prompt, *_ in own:
        rows.append(len(hashes))
        known, leaves = key, draw(st.integers(0, 10))
        for place in range(max(prompt, 1) // size):
            branch = draw(st.integers(0, branches - 1)) if place < leaves else 0
            known = tree.setdefault((known, branch), key + len(tree))
            hashes.append(known)
    kept = draw(st.sampled_from([1, 2, 3, 7, 40]))
    plan["prefix_blocks"] = PrefixBlocks(kept, size, np.array(rows, np.int64), np.array(hashes, np.int64))
    return plan, own


@st.composite
def requests_of_classes(draw, start, service):
    """A service with two or three classes of requests, of few or different priorities."""
    plan, own = draw(service(start))
    priorities = draw(st.lists(st.sampled_from([0, 1, 1, 7]), min_size=2, max_size=3))
    plan["classes"] = tuple(ClassPlan(f"c{number}", priority) for number, priority in enumerate(priorities))
    return plan, [(*row, draw(st.integers(0, len(priorities) - 1))) for row in own]


@st.composite
def changing_service(draw, start, service):
    """A service whose replicas come and go; perhaps none is ready at first."""
    plan, own = draw(service(start))
    plan["ready"] = draw(st.integers(0, plan["replicas"]))
    plan["on_death"] = draw(st.sampled_from(["requeue", "requeue", "lose"]))
    return plan, own


def changing(service):
    return lambda start: changing_service(start, service)


def with_classes(service):
    return lambda start: requests_of_classes(start, service)


@st.composite
def service_of_clients(draw, start, service):
    """A service whose clients are impatient, try again, think and send more: sessions, or closed loops."""
    plan, own = draw(service(start))
    seconds = st.one_of(st.sampled_from([0.25, 0.5]), st.floats(0.01, 0.8))
    patience = draw(st.sampled_from([st.just(np.inf), seconds, st.sampled_from([0.0, 0.05, np.inf, 0.5])]))
    waits = st.tuples(patience, st.one_of(st.just(0.0), seconds), seconds)
    plan["client_latency"] = draw(st.sampled_from([0.0, 0.25, 0.3]))
    if plan.get("decode"):
        plan["decode"] = replace(plan["decode"], client_latency=plan["client_latency"])

    def behaviour(row, turns):
        return (*row, *DEFAULTS[len(row) - 4 : 1], *draw(waits), turns)

    if draw(st.booleans()):
        own = [behaviour(row, draw(st.integers(1, 4))) for row in own]
    else:
        own = [behaviour(row, 1) for row in own]
    lengths = [row[1:4] for row in own]

    def further(place):
        rows = [(np.inf, *draw(st.sampled_from(lengths)), place) for _ in range(draw(st.integers(1, 5)))]
        return Listed([behaviour(row, 1) for row in rows], endless=True)

    def clients(place):
        first = sorted(draw(st.lists(seconds.map(lambda each: start + each), max_size=4)))
        return ClientPlan(
            attempts=draw(st.integers(0, 3)),
            backoff=draw(st.sampled_from([1.0, 2.0, 0.5])),
            further=further(place),
            first_sent=first if draw(st.booleans()) else (),
            history="iteration" in dir(plan["replica"]) and draw(st.booleans()),
            last_send=start + draw(st.sampled_from([0.3, 2.0, 4.0])),
        )

    if plan.get("classes"):
        plan["classes"] = tuple(replace(each, clients=clients(place)) for place, each in enumerate(plan["classes"]))
    else:
        plan["clients"] = clients(0)
    return plan, own


def with_clients(service):
    return lambda start: service_of_clients(start, service)
