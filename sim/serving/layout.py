"""The memory of the request plane: one record per service, replica and request, in a few flat arrays.

Kernels take all of it as one packed argument, `Plane`, so that a call costs about a microsecond however many services
there are. Every field is eight bytes wide. An index of -1 means "none".
"""

import itertools
from typing import Any, NamedTuple

import numpy as np

NONE = -1
NEVER = np.inf

# What a replica is doing.
IDLE = 0
HOLDING = 1
"""Free, but waiting for its batch to fill or its queue delay to pass."""
PREFILL = 2
DECODE = 3
PASS = 4
"""A batch of a single-pass model."""
SWAP = 5
"""Moving KV cache from or to the host's memory."""
SWITCH = 6
"""Loading another single-pass model."""

# Where a replica stands in its life.
READY = 0
DRAINING = 1
"""It finishes what is bound to it, and takes no more."""
ABSENT = 2
"""Off, or starting."""

# Where a request stands.
FREE = 0
WAITING = 1
TAKEN = 2
"""Bound to an idle replica that starts it at this very instant: it never counts as waiting."""
RUNNING = 3
PREEMPTED = 4
"""Waiting again, with some tokens generated; its cache is lost."""
SWAPPED = 5
"""Likewise, but its cache lies in the host's memory."""
HANDED_OVER = 6
"""Prefilled, and waiting at a replica that decodes; its cache still lies where it was prefilled."""
TRANSFERRING = 7
"""Held by a replica that decodes, to which its cache is being sent."""
RETRYING = 8
"""Lost, and coming back for another attempt: in flight, and waiting nowhere."""
THINKING = 9
"""Gone; its slot is kept by the client, who thinks before the next request."""
OUT_OF_FLIGHT = (FREE, THINKING)
"""Slots that hold no request."""

# How a request ended.
COMPLETED = 0
REJECTED = 1
TIMED_OUT = 2
IN_FLIGHT = 3
LOST = 4
"""With the replica that held it."""
ABANDONED = 5
OUTCOMES = ("completed", "rejected", "timed_out", "in_flight", "lost", "abandoned")

# Why `advance` came back.
REACHED = 0
DECISION = 1
ARRIVALS_NEEDED = 2
OUTPUT_FULL = 3
REQUESTS_FULL = 4
BUDGET = 5
BATCHES_FULL = 6
BAD_RULE = 7
RAISED = -(2**62)
"""Stands for the number of a replica where a rule of a user's own has raised an exception."""
DRAWS_NEEDED = 8
"""Of a class whose clients send further requests."""

# What a service asks a decision for.
MANY_WAIT = 1
NONE_READY = 2
ONE_IDLE = 4

# Routing rules.
CENTRAL_QUEUE = 0
ROUND_ROBIN = 1
RANDOM = 2
LEAST_OUTSTANDING = 3
POWER_OF_TWO = 4
LEAST_WORK = 5
WEIGHTED = 6
OWN_RULE = 7
ROUTING = {
    "central_queue": CENTRAL_QUEUE,
    "round_robin": ROUND_ROBIN,
    "random": RANDOM,
    "least_outstanding": LEAST_OUTSTANDING,
    "power_of_two": POWER_OF_TWO,
    "least_work": LEAST_WORK,
    "weighted": WEIGHTED,
}

# What becomes of a running request when the KV cache is full.
NO_PREEMPTION = 0
"""Nothing: room for prompt and output is reserved before it starts."""
RECOMPUTE = 1
SWAP_OUT = 2
PREEMPTION = {"none": NO_PREEMPTION, "recompute": RECOMPUTE, "swap": SWAP_OUT}

LAZY = ("round_robin", "random", "power_of_two")
"""Rules that look at no more than one or two replicas, which need not be brought forward before."""

# Phases that energy is booked to.
PHASES = ("prefill", "decode", "batch", "switch")

# Latencies that are counted.
METRICS = ("queueing_s", "ttft_s", "tpot_s", "e2e_s", "itl_s")
QUEUEING = 0
TTFT = 1
TPOT = 2
E2E = 3
ITL = 4


def _record(*groups: str) -> np.dtype[Any]:
    """Fields in the order of memory: groups of integers and of floats in turn."""
    kinds = itertools.cycle(("i8", "f8"))
    return np.dtype([(name, kind) for group, kind in zip(groups, kinds, strict=False) for name in group.split()])


CLOCK = _record(
    "events budget free pending wave rows row_limit batches_end batches_limit first_timeout "
    "reason service asking asked named returning impatient steps",
    "now stop window_start window_end steps_from steps_until",
)
"""One record: the plane's instant, its free requests, the replicas that wait for dispatch, and the rows written."""

SERVICE = _record(
    "lazy generative routing rule first_replica replicas max_batch max_batched_tokens longest kv_capacity block_size "
    "queue_limit alarm armed key next_arrival last_arrival exhausted index cursor tree leaves idle watcher "
    "first_class classes first_sums promises oldest youngest waiting "
    "preemption chunked preemptions computed_tokens met_itl "
    "arrived completed rejected timed_out lost met met_ttft met_tpot met_e2e "
    "finished prompt_tokens output_tokens batches batched offered_prompt_tokens offered_output_tokens "
    "stage parent transferring transfers models first_model switches "
    "ready loses asks asks_when_none asks_when_idle present present_capacity most_present started stopped "
    "prefix_size first_hash_row skipped_tokens admitted_tokens "
    "abandoned retries cut_sessions asks_again",
    "max_queue_delay timeout start_of_day slo_ttft slo_tpot slo_e2e slo_itl prefix_hit_rate "
    "waiting_area running_area kv_area waiting_sum running_sum offered_work "
    "transfer_fixed transfer_per_token last_transfer transferring_area transferring_sum max_wait "
    "last_presence presence_area capacity_area",
)
"""`waiting_area` integrates counts at events; `waiting_sum` adds per-request stamps: two sides of Little's law. These
five are sums over replicas and queues, and what is counted of requests is that over classes, made when the plane is
settled. Where prefill and decode have replicas of their own, those that decode are a record behind all services, the
`stage` of its `parent`; requests belong to the parent all the time. `offered_` is what the arrivals of the window
bring, served or not. Of the replicas `ready` take requests, and `present` are those and the ones that drain. `longest`
are the tokens of the longest request that every replica has room for, `kv_capacity` those of all replicas together. The
`models` that share the replicas of a service have records of their own from its `first_model` on. Where
prompts are kept in blocks of `prefix_size` tokens, `hash_rows` says from `first_hash_row` on where the hashes of each
request begin. Of the `admitted_tokens` of prompts that started, `skipped_tokens` were found in a cache. Of a service
that `asks_again` a request may come back at the instant at which it left."""

LAW = _record(
    "table kv_capacity",
    "constant_latency speed swap_per_token "
    "memory_fixed memory_per_token compute_per_token compute_per_square overhead overhead_per_token "
    "power_limit power_base energy_fixed energy_per_token energy_per_square energy_per_read switch_time switch_energy",
)
"""What all replicas of a service on one kind of hardware have in common, with one model loaded.

The laws of the models that share a replica stand next to each other; `switch_` is what loading each of them takes."""

_COUNTS = (
    "preemptions arrived completed rejected timed_out lost abandoned retries cut_sessions "
    "met met_ttft met_tpot met_itl met_e2e finished prompt_tokens output_tokens "
    "offered_prompt_tokens offered_output_tokens"
)
CLASS = _record(
    f"service level {_COUNTS} closed history attempts next_draw last_draw",
    "slo_ttft slo_tpot slo_e2e offered_work backoff last_send",
)
"""A class of a service's requests. `level` is the rank of its priority: 0 goes first. Where models share the replicas
of the service it is that rank times their number, plus the number of its model. Its clients take what their further
requests bring from `next_draw` on, and send nothing at or after `last_send`."""

COUNTED = (*_COUNTS.split(), "offered_work")
"""What is counted by class, and added up by service when the plane is settled."""

REPLICA = _record(
    "service law state marked outstanding life",
    "due anchor busy_since",
    "batch members members_at room iterations steps planned base tokens row changed counted prefills older "
    "pinned received batches batched computed_tokens loaded prefix",
    "last_change energy accounted running_area running_sum kv_area grown last_token",
    "kv_held admitted admissions prefill_tokens prefill_read prefill_squares fresh late partial",
    "busy_prefill busy_decode busy_batch joules_prefill joules_decode joules_batch work link_free "
    "busy_switch joules_switch",
)
"""In groups that are used together: with thousands of replicas, a request costs as much as it touches memory.

`due` is the instant of what comes next: the end of a step, or, where `marked`, the beginning of another. A decode
segment began at `anchor` with `batch` sequences holding `base` tokens; `steps` iterations are done.

`kv_held` counts tokens: those that a replica holds, or has reserved where nothing is ever preempted. What a batch that
decodes adds to them is there when its `steps` are; until then `grown` token-seconds of it are in `kv_area`. The time
between tokens, and the batches, are counted for the first `counted` iterations of the segment. After `prefills`
prefills since the last token of those who decoded, at `last_token`, these are the `older` ones, and the others stand in
the list `fresh`. `late` counts iterations that came later after the one before than the objective allows. `pinned`
tokens, in whole blocks, belong to caches that are being sent or received; the list `received` are requests whose cache
has come since the last step. `law` is that of the model that is `loaded`."""

_REQUEST = (
    "service replica status index prompt output kv next later earlier generated order computed late",
    "arrival work start first_token since last_token asked",
)
REQUEST = _record(
    f"{_REQUEST[0]} class_index moves attempts turns place sender",
    f"{_REQUEST[1]} due patience retry_delay think_time",
)
PLAIN_REQUEST = _record(*_REQUEST)
"""In a plain plane. A million of them may wait, and what they take of memory takes its time.

It is not the beginning of a `REQUEST`, or numba would take one for the other in a process that has both."""

MODEL = _record("idle first_idle", "")
"""One of several that share replicas: how many idle replicas have it loaded, and where they stand in `idle`."""

PREFIX = _record("first slots shift entries used newest oldest", "")
"""The blocks of prompts that a replica keeps (`prefix_cache.py`): `entries` at most, which lie in `blocks` from `first`
on, and so many `slots` of a table that leads to them."""

BLOCK = _record("hash newer older held", "")
"""An entry of such a cache with its neighbours in the order of use, and a slot of the table, which leads to the entry
`held`: two arrays side by side."""

MEMBER = _record("finish request", "")
"""Of a running batch; `finish` is the iteration that is a request's last."""

QUEUE = _record("head tail length", "last_change waiting_area waiting_sum")

EVENT = _record("entity", "time")

ARRIVAL = _record("prompt output kv class_index turns", "time work patience retry_delay think_time")
PLAIN_ARRIVAL = _record("prompt output kv", "time work")
"""`kv`: tokens of KV cache that a request needs to be admitted. `turns` are those of its session, itself included."""

ROW = _record("service class_index replica index prompt output status met", "arrival start first_token end")

STEP = _record("replica state batch started tokens iterations", "start end")
"""What a replica did, as its `state` tells: a batch decoded for so many `iterations`, or beside `started` requests
whose prompts were computed. `tokens` are those of prompts where there are any, else those that the batch generated."""

PIECE = _record("until", "time_fixed time_per_token energy_fixed energy_per_token")


FULL_ONLY = (
    *("returns", "patiences", "tails", "lengths", "models", "ready", "prefixes", "blocks", "hashes", "hash_rows"),
    *("members", "steps"),
)
"""Arrays that a plain plane has no use for, and does without: each costs every function some time to compile."""


class Plane(NamedTuple):
    """Everything a kernel sees. Shapes: S services, R replicas, N request slots.

    `queues` holds R queues of replicas, then S central ones. `events` is a heap of R + S entities (replicas, then the
    timeout of each service; in a full plane one more, the end of patience), `coming` one of the S next arrivals;
    `places` say where an entity stands.

    `classes` holds the classes of requests: at a service's own index if it has but one, else behind all services from
    its `first_class` on. In a plain plane it is `services` itself. `tails` (queue, level) are the last requests of each
    level of priority, `lengths` how many wait there.

    `limits` are the latencies (class, metric, limit) beyond which requests are counted in `overs`; `counts` is
    (class, metric, bucket). `sums` are number, sum, sum of squares and largest of latencies by replica and metric,
    and for several classes from `first_sums` on by replica, class and metric; `members` in the same places how many
    of a class a batch holds. `moments` are those of services and classes, made by
    `RequestPlane` when the plane is settled. `hours` (class, hour of the day, 2) are the requests that are decided, and
    that met their promise, by local hour of arrival.

    `returns` is a heap of the requests that come back at an instant that is known (`returning.py`), `patiences` one of
    those that wait and have a patience of their own (`patience.py`). `arrivals` has a block for each service, and one
    for each class whose clients send further requests.

    `idle` are heaps of the idle replicas of services with a central queue, `models` those that share replicas.

    `prefixes` and `blocks` are the prompts that replicas keep; `hashes` and `hash_rows` say which blocks requests have.

    `batches` is the pool that running batches lie in, up to `clock.batches_end`.

    `full` is None or 0, and its type is what matters: the kernels are compiled once for each, and where it is None all
    that only some services need, behind `is_full`, is left out of the machine code.
    """

    full: Any
    clock: Any
    services: Any
    laws: Any
    classes: Any
    replicas: Any
    requests: Any
    returns: Any
    patiences: Any
    queues: Any
    tails: Any
    lengths: Any
    events: Any
    places: Any
    coming: Any
    coming_places: Any
    arrivals: Any
    prefixes: Any
    blocks: Any
    hashes: Any
    hash_rows: Any
    batches: Any
    pending: Any
    idle: Any
    models: Any
    ready: Any
    trees: Any
    pieces: Any
    counts: Any
    sums: Any
    members: Any
    moments: Any
    limits: Any
    overs: Any
    hours: Any
    rows: Any
    steps: Any
