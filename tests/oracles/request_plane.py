"""The request plane in plain Python, one event an iteration: slow, and obviously right.

The rules of one instant: ends of iterations and passes, timeouts, arrivals, then replicas that are free begin their
next step, lowest number first. The end of a decode iteration is evaluated from the anchor, the instant at which the
batch last changed.
"""

import math
from collections import deque
from dataclasses import dataclass, field

WORD = 2**64 - 1


def draw(key, counter, below):
    """SplitMix64's finalizer over key and counter, its upper half scaled to [0, below)."""
    word = (key + (counter + 1) * 0x9E3779B97F4A7C15) & WORD
    word = ((word ^ (word >> 30)) * 0xBF58476D1CE4E5B9) & WORD
    word = ((word ^ (word >> 27)) * 0x94D049BB133111EB) & WORD
    word ^= word >> 31
    return ((word >> 32) * below) >> 32


@dataclass
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
    tokens_left: int = 0


@dataclass
class Replica:
    number: int
    service: "Service"
    queue: deque = field(default_factory=deque)
    batch: list = field(default_factory=list)
    prefilling: list = field(default_factory=list)
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

    @property
    def held(self):
        return self.batch + self.prefilling

    @property
    def outstanding(self):
        return len(self.queue) + len(self.held)

    @property
    def tokens(self):
        return sum(r.prompt + r.output - r.tokens_left for r in self.batch)

    def reserved(self):
        return sum(self.service.blocks(r) for r in self.held)


class Service:
    def __init__(self, number, plan, requests, first_replica):
        self.number, self.plan, self.arrivals = number, plan, deque(requests)
        self.replicas = [Replica(first_replica + i, self) for i in range(plan.replicas)]
        self.queue = deque()
        self.cursor = 0
        self.watcher = None
        self.generative = hasattr(plan.replica, "iteration")
        self.central = plan.routing == "central_queue"

    def blocks(self, request):
        size = self.plan.replica.block_size
        return -(-(request.prompt + request.output) // size) * size

    def waiting(self):
        everyone = list(self.queue) + [r for replica in self.replicas for r in replica.queue]
        return sorted((r for r in everyone if not r.taken), key=lambda r: r.index)

    def route(self, request):
        count, rule = len(self.replicas), self.plan.routing
        if rule == "round_robin":
            chosen, self.cursor = self.cursor, (self.cursor + 1) % count
        elif rule == "random":
            chosen = draw(self.plan.routing_key, request.index + 1, count)
        elif rule == "least_outstanding":
            rotation = [(self.cursor + i) % count for i in range(count)]
            chosen = min(rotation, key=lambda i: self.replicas[i].outstanding)
            self.cursor = (chosen + 1) % count
        elif count == 1:
            chosen = 0
        else:
            first = draw(self.plan.routing_key, 2 * (request.index + 1), count)
            second = draw(self.plan.routing_key, 2 * (request.index + 1) + 1, count - 1)
            second += second >= first
            chosen = first if self.replicas[first].outstanding <= self.replicas[second].outstanding else second
        return self.replicas[chosen]


class Oracle:
    def __init__(self, plans, requests, start=0.0):
        self.now, self.services, self.finished, count = start, [], [], 0
        for number, (plan, own) in enumerate(zip(plans, requests, strict=True)):
            self.services.append(Service(number, plan, own, count))
            count += plan.replicas
        self.replicas = [replica for service in self.services for replica in service.replicas]
        self.iterations = 0

    def next_instant(self):
        candidates = [replica.ends for replica in self.replicas]
        for service in self.services:
            if service.arrivals:
                candidates.append(service.arrivals[0].arrival)
            if service.plan.timeout is not None:
                candidates += [r.arrival + service.plan.timeout for r in service.waiting()[:1]]
        return min(candidates)

    def run(self, until=math.inf):
        while (instant := self.next_instant()) < until:
            self.now = instant
            for replica in self.replicas:
                if replica.ends == instant:
                    self.end_step(replica)
            for service in self.services:
                self.time_out(service)
            for service in self.services:
                while service.arrivals and service.arrivals[0].arrival == instant:
                    self.arrive(service, service.arrivals.popleft())
            while any(replica.due for replica in self.replicas):
                for replica in [r for r in self.replicas if r.due]:
                    replica.due = False
                    self.dispatch(replica)
        return self.finished

    # --- what ends ---

    def end_step(self, replica):
        replica.ends = math.inf
        if replica.doing == "prefill":
            for request in replica.prefilling:
                request.first_token, request.tokens_left = self.now, request.output - 1
            replica.batch += replica.prefilling
            replica.prefilling, replica.changed = [], True
        elif replica.doing == "decode":
            self.iterations += 1
            for request in replica.batch:
                request.tokens_left -= 1
        if replica.doing in ("prefill", "decode"):
            for request in [r for r in replica.batch if r.tokens_left == 0]:
                replica.batch.remove(request)
                replica.changed = True
                self.finish(request, "completed")
        elif replica.doing == "pass":
            for request in replica.batch:
                self.finish(request, "completed")
            replica.batch = []
        if not replica.held and not replica.queue and not replica.service.queue:
            self.rest(replica)
        else:
            replica.due = True

    def finish(self, request, status):
        request.status, request.end = status, self.now
        self.finished.append(request)

    def rest(self, replica):
        replica.doing, replica.ends = "idle", math.inf
        if replica.service.watcher is replica:
            replica.service.watcher = None

    def time_out(self, service):
        if service.plan.timeout is None:
            return
        for request in service.waiting():
            if request.arrival + service.plan.timeout <= self.now:
                replica = self.replicas[request.replica] if request.replica >= 0 else None
                (replica.queue if replica else service.queue).remove(request)
                self.finish(request, "timed_out")
                if replica and replica.doing == "holding":
                    replica.due = True

    # --- what arrives ---

    def arrive(self, service, request):
        plan = service.plan
        if service.generative and service.blocks(request) > plan.replica.kv_capacity:
            self.finish(request, "rejected")
        elif service.central:
            self.arrive_centrally(service, request)
        else:
            self.arrive_at_replica(service, request, service.route(request))

    def take(self, replica, request):
        request.taken, request.replica, replica.due = True, replica.number, True
        replica.queue.append(request)

    def arrive_centrally(self, service, request):
        idle = [r for r in service.replicas if r.doing == "idle" and not r.due]
        if idle and not service.queue and service.plan.max_queue_delay == 0:
            self.take(idle[0], request)
        elif service.plan.queue_limit is not None and len(service.waiting()) >= service.plan.queue_limit:
            self.finish(request, "rejected")
        else:
            service.queue.append(request)
            if not service.generative:
                self.wake(service)

    def wake(self, service):
        idle = [r for r in service.replicas if r.doing == "idle" and not r.due]
        if not service.queue:
            return
        if service.watcher is not None:
            if len(service.queue) >= service.plan.max_batch:
                service.watcher.due = True
        elif idle:
            idle[0].due = True

    def arrive_at_replica(self, service, request, replica):
        idle = replica.doing == "idle" and not replica.due
        if idle and service.plan.max_queue_delay == 0:
            self.take(replica, request)
        elif service.plan.queue_limit is not None and len(service.waiting()) >= service.plan.queue_limit:
            self.finish(request, "rejected")
        else:
            request.replica = replica.number
            replica.queue.append(request)
            full = len(replica.queue) >= service.plan.max_batch
            if not service.generative and (idle or (replica.doing == "holding" and full)):
                replica.due = True

    # --- what begins ---

    def dispatch(self, replica):
        if replica.service.generative:
            self.admit(replica)
            if replica.prefilling:
                self.begin_prefill(replica)
            elif replica.batch:
                self.begin_iteration(replica)
            else:
                self.rest(replica)
        else:
            self.dispatch_pass(replica)

    def admit(self, replica):
        service, tokens = replica.service, 0
        for queue in (replica.queue, service.queue):
            while queue:
                head = queue[0]
                full = len(replica.held) >= service.plan.max_batch
                no_memory = replica.reserved() + service.blocks(head) > service.plan.replica.kv_capacity
                over_budget = tokens > 0 and tokens + head.prompt > service.plan.max_batched_tokens
                if full or no_memory or over_budget:
                    return
                replica.prefilling.append(self.start(replica, queue.popleft()))
                tokens += head.prompt

    def start(self, replica, request):
        request.start, request.replica, request.status = self.now, replica.number, "running"
        return request

    def begin_prefill(self, replica):
        law = replica.service.plan.replica.prefill
        tokens = float(sum(r.prompt for r in replica.prefilling))
        squares = float(sum(r.prompt * r.prompt for r in replica.prefilling))
        reading = law.memory_fixed + law.memory_per_token * tokens
        computing = law.compute_per_token * tokens + law.compute_per_square * squares
        seconds = max(reading, computing) + law.overhead + law.overhead_per_token * tokens
        joules = law.power_base * seconds + law.energy_fixed + law.energy_per_token * tokens
        joules += law.energy_per_square * squares
        replica.doing, replica.ends = "prefill", self.now + seconds
        replica.busy += seconds
        replica.joules += min(law.power_limit * seconds, joules)

    def begin_iteration(self, replica):
        table, n = replica.service.plan.replica.iteration, len(replica.batch)
        if replica.changed or replica.doing != "decode" or replica.tokens >= table.until[n, replica.piece]:
            replica.anchor, replica.base, replica.iteration, replica.changed = self.now, replica.tokens, 0, False
            replica.piece = next(p for p in range(4) if replica.tokens < table.until[n, p])
        replica.doing = "decode"
        p, k = replica.piece, float(replica.tokens)
        replica.joules += table.energy_fixed[n, p] + table.energy_per_token[n, p] * k
        replica.iteration += 1
        m, base = replica.iteration, float(replica.base)
        read = m * base + float(n) * (m * (m - 1.0) * 0.5)
        replica.ends = replica.anchor + (m * table.time_fixed[n, p] + table.time_per_token[n, p] * read)
        replica.busy += replica.ends - self.now

    def dispatch_pass(self, replica):
        service, plan = replica.service, replica.service.plan
        queue = replica.queue or service.queue
        if not queue:
            self.rest(replica)
            return
        deadline = queue[0].arrival + plan.max_queue_delay
        if plan.max_queue_delay == 0 or len(queue) >= plan.max_batch or deadline <= self.now:
            if service.watcher is replica:
                service.watcher = None
            self.begin_pass(replica)
            self.wake(service)
        elif queue is service.queue and service.watcher not in (None, replica):
            self.rest(replica)
        else:
            replica.doing, replica.ends = "holding", deadline
            if queue is service.queue:
                service.watcher = replica

    def begin_pass(self, replica):
        plan, work = replica.service.plan, 0.0
        for queue in (replica.queue, replica.service.queue):
            share = 0.0
            while queue and len(replica.batch) < plan.max_batch:
                request = self.start(replica, queue.popleft())
                share += request.work
                replica.batch.append(request)
            work += share
        n = len(replica.batch)
        seconds = plan.replica.latency[n] * (work / n)
        replica.doing, replica.ends = "pass", self.now + seconds
        replica.busy += seconds
        replica.joules += plan.replica.energy[n] * (work / n)
