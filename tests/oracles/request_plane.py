"""The request plane in plain Python, one event an iteration: slow, and obviously right.

The rules of one instant: ends of iterations and passes, timeouts, returns, arrivals, then replicas that are free begin
their next step, lowest number first. The end of a decode iteration is evaluated from the anchor, the instant at which
the batch last changed.
"""

import math
from collections import OrderedDict, deque
from dataclasses import dataclass, field

from oracles.clients import Clients
from oracles.continuous import Continuous
from oracles.disaggregated import Disaggregated
from oracles.lifecycle import Lifecycle
from oracles.prefixes import Prefixes
from oracles.routing import route
from oracles.single_pass import SinglePass
from oracles.switching import Switching

from sim.serving.layout import ABSENT, READY


@dataclass(eq=False)
class Request:
    service: int
    index: int
    arrival: float
    prompt: int
    output: int
    work: float
    replica: int = -1
    taken: bool = False
    status: str = "waiting"
    start: float = math.nan
    first_token: float = math.nan
    end: float = math.nan
    tokens_left: int = -1
    order: int = -1
    computed: int = 0
    last_token: float = math.nan
    late: bool = False
    priority: int = 0
    model: int = 0
    moves: int = 0
    class_number: int = 0
    patience: float = math.inf
    retry_delay: float = 0.0
    think_time: float = 0.0
    turns: float = 1
    attempts: int = 0
    since: float = math.nan

    def __post_init__(self):
        self.tokens_left = self.output

    @property
    def generated(self):
        return self.output - self.tokens_left

    @property
    def context(self):
        return self.prompt + self.generated


@dataclass(eq=False)
class Replica:
    number: int
    service: "Service"
    laws: object
    queue: deque = field(default_factory=deque)
    batch: list = field(default_factory=list)
    prefilling: list = field(default_factory=list)
    partial: Request | None = None
    swapping: list = field(default_factory=list)
    receiving: list = field(default_factory=list)
    received: list = field(default_factory=list)
    keeping: list = field(default_factory=list)
    link_free: float = -math.inf
    admissions: int = 0
    computing: int = 0
    seconds: float = 0.0
    doing: str = "idle"
    ends: float = math.inf
    anchor: float = 0.0
    base: int = 0
    iteration: int = 0
    piece: int = 0
    changed: bool = False
    due: bool = False
    busy: float = 0.0
    joules: float = 0.0
    free_at: float = 0.0
    loaded: int = 0
    kept: OrderedDict = field(default_factory=OrderedDict)
    switches: int = 0

    def law_of(self, model):
        return [self.laws, *self.laws.others][model]

    life: int = READY
    began: float = 0.0
    kv_area: float = 0.0
    step_joules: float = 0.0

    @property
    def held(self):
        coming = self.receiving + self.received
        return self.batch + self.prefilling + self.swapping + coming + ([self.partial] if self.partial else [])

    @property
    def outstanding(self):
        return len(self.queue) + len(self.held)

    @property
    def tokens(self):
        return sum(r.context for r in self.batch)


class Service:
    def __init__(self, number, plan, requests, first_replica):
        self.number, self.plan, self.arrivals = number, plan, deque(requests)
        laws = [law for law, number in plan.laws for _ in range(number)]
        self.replicas = [Replica(first_replica + i, self, law) for i, law in enumerate(laws)]
        for replica in self.replicas[plan.ready :] if plan.ready is not None else ():
            replica.life = ABSENT
        self.queue = deque()
        self.stage = None
        self.asks_when_none = self.asks_when_idle = False
        self.asks = set()
        self.cursor = self.sent = 0
        self.further = []
        self.watcher = None
        self.generative = hasattr(plan.replica, "iteration")
        self.central = plan.routing == "central_queue"
        self.gaps = []
        if self.generative:
            size = plan.replica.block_size
            self.longest = min(law.kv_capacity // size * size for law, _ in plan.laws)

    @property
    def ready(self):
        return [replica for replica in self.replicas if replica.life == READY]

    def waiting(self):
        everyone = list(self.queue) + [r for replica in self.replicas for r in replica.queue]
        return sorted((r for r in everyone if not r.taken and math.isnan(r.start)), key=lambda r: (r.since, r.index))


def line_up(queue, request):
    """Behind all others of its priority, but for one that an idle replica has taken."""
    queue.insert(sum(other.taken or other.priority >= request.priority for other in queue), request)


class Oracle(Clients, Continuous, Disaggregated, Lifecycle, Prefixes, SinglePass, Switching):
    kind = Request

    def __init__(self, plans, requests, start=0.0, changes=()):
        self.now, self.services, self.finished, count = start, [], [], 0
        for number, (plan, own) in enumerate(zip(plans, requests, strict=True)):
            self.services.append(Service(number, plan, own, count))
            count += plan.replicas
        for service in list(self.services):
            if service.plan.decode:
                service.stage = Service(len(self.services), service.plan.decode, [], count)
                service.stage.gaps, count = service.gaps, count + service.plan.decode.replicas
                service.longest = min(service.longest, service.stage.longest)
                self.services.append(service.stage)
        self.returns = []
        self.retries = self.cut_sessions = 0
        for service in self.services:
            self.seat_clients(service)
        self.changes = sorted(changes, key=lambda change: change[0])
        self.draining = []
        self.controller = None
        self.replicas = [replica for service in self.services for replica in service.replicas]
        self.iterations = self.preemptions = self.admitted_tokens = self.skipped_tokens = 0

    def next_instant(self):
        candidates = [replica.ends for replica in self.replicas] + [due for due, *_ in self.returns]
        candidates += [due for due, _ in self.changes[:1]]
        for service in self.services:
            if service.arrivals:
                candidates.append(service.arrivals[0].arrival)
            if service.plan.timeout is not None:
                candidates += [r.since + service.plan.timeout for r in service.waiting()[:1]]
        return min(candidates + [due for due, *_ in self.ends_of_patience()])

    def run(self, until=math.inf):
        while (instant := self.next_instant()) < until:
            for replica in self.replicas:
                if replica.service.generative:
                    replica.kv_area += self.tokens_held(replica) * (instant - self.now)
            self.now = instant
            for replica in self.replicas:
                if replica.ends == instant:
                    self.end_step(replica)
            for service in self.services:
                self.time_out(service)
            self.leave_impatient()
            self.make_changes()
            self.come_back()
            for service in self.services:
                while service.arrivals and service.arrivals[0].arrival == instant:
                    self.arrive(service, service.arrivals.popleft())
                    self.make_changes()
                    self.come_back()
            while any(replica.due for replica in self.replicas) or self.change_is_due():
                self.make_changes()
                for replica in [r for r in self.replicas if r.due]:
                    replica.due = False
                    self.dispatch(replica)
        return self.finished

    # --- what ends ---

    def end_step(self, replica):
        replica.ends = math.inf
        if replica.doing in ("prefill", "decode", "swap"):
            self.end_continuous(replica)
        elif replica.doing == "pass":
            self.end_pass(replica)
        elif replica.doing == "switch":
            replica.doing = "loaded"
        if not replica.held and not replica.queue and not (replica.service.queue and replica.life == READY):
            self.rest(replica)
        else:
            replica.due = True

    def finish(self, request, status):
        request.status, request.end = status, self.now
        self.finished.append(request)
        self.think(request)

    def rest(self, replica):
        replica.doing, replica.ends = "idle", math.inf
        replica.free_at = min(replica.free_at, self.now)
        if replica.service.watcher is replica:
            replica.service.watcher = None
        if replica.life == READY:
            self.ask(replica.service, "idle")
        self.leave_drained(replica)

    def time_out(self, service):
        if service.plan.timeout is None:
            return
        for request in service.waiting():
            if request.since + service.plan.timeout <= self.now:
                self.give_up(service, request, "timed_out")

    def give_up(self, service, request, status):
        replica = self.replicas[request.replica] if request.replica >= 0 else None
        (replica.queue if replica else service.queue).remove(request)
        if replica and not service.generative:
            replica.free_at -= replica.law_of(request.model).latency[1] * request.work
        self.lose(request, status)
        if (replica and replica.doing == "holding") or (service.stage and replica.doing == "idle"):
            replica.due = True
        if replica:
            self.leave_drained(replica)

    # --- what arrives ---

    def arrive(self, service, request):
        request.index = service.sent
        service.sent += 1
        self.enter(service, request)

    def enter(self, service, request):
        request.since = self.now
        if service.generative and request.prompt + request.output > service.longest:
            self.finish(request, "rejected")
            return
        if not service.ready:
            self.ask(service, "none")
        if service.central or not service.ready:
            self.arrive_centrally(service, request)
        else:
            self.arrive_at_replica(service, request, route(service, request, self.now))

    def starts_at_once(self, service):
        return service.plan.max_queue_delay == 0 and not service.plan.switching

    def take(self, replica, request):
        request.taken, replica.due = True, True
        self.bind(replica, request)
        line_up(replica.queue, request)

    def bind(self, replica, request):
        """Of a single-pass model it is known when its replica would come free, served one by one."""
        request.replica = replica.number
        if not replica.service.generative:
            replica.free_at = max(replica.free_at, self.now) + replica.law_of(request.model).latency[1] * request.work

    def arrive_centrally(self, service, request):
        idle = [r for r in service.ready if r.doing == "idle" and not r.due]
        if idle and not service.queue and self.starts_at_once(service):
            self.take(idle[0], request)
        elif service.plan.queue_limit is not None and len(service.waiting()) >= service.plan.queue_limit:
            self.lose(request, "rejected")
        else:
            line_up(service.queue, request)
            if not service.generative:
                self.wake(service)

    def arrive_at_replica(self, service, request, replica):
        idle = replica.doing == "idle" and not replica.due
        blocked = service.stage and (replica.queue or not self.has_room(replica, request))
        if idle and not blocked and self.starts_at_once(service):
            self.take(replica, request)
        elif service.plan.queue_limit is not None and len(service.waiting()) >= service.plan.queue_limit:
            self.lose(request, "rejected")
        else:
            self.bind(replica, request)
            line_up(replica.queue, request)
            full = len(replica.queue) >= service.plan.max_batch
            if not service.generative and (idle or (replica.doing == "holding" and full)):
                replica.due = True
            if service.stage and idle:
                replica.due = True

    # --- what begins ---

    def dispatch(self, replica):
        if replica.service.generative:
            self.dispatch_continuous(replica)
        elif replica.service.plan.switching:
            self.dispatch_shared(replica)
        else:
            self.dispatch_pass(replica)

    def start(self, replica, request):
        request.replica, request.status, request.taken = replica.number, "running", False
        if math.isnan(request.start):
            request.start = self.now
        return request
