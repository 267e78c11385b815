"""Continuous batching as a SimPy model is usually written: a process per replica, an event per iteration.

Prefill first or in chunks, requests in rotation over replicas, and the same accounts as the request plane keeps. The
laws are those of a `GenerativeReplica`, and the end of an iteration is evaluated from the anchor, the instant at which
the batch last changed. Events are scheduled at absolute times, because a delay added to the clock would round.
"""

from collections import Counter, deque
from heapq import heappush
from math import log

import simpy
from simpy.events import NORMAL


class Environment(simpy.Environment):
    def at(self, time):
        """An event at an instant."""
        event = simpy.Event(self)
        event._ok, event._value = True, None
        heappush(self._queue, (time, NORMAL, next(self._eid), event))
        return event


class Request:
    def __init__(self, arrival, prompt, output):
        self.arrival, self.prompt, self.output = arrival, prompt, output
        self.tokens_left, self.computed = output, 0
        self.start = self.first_token = self.end = self.last_token = None

    @property
    def context(self):
        return self.prompt + self.output - self.tokens_left


class Accounts:
    """Time integrals of how many requests wait and run and of the KV cache they reserve; work, busy time and energy."""

    def __init__(self, environment):
        self.environment, self.changed = environment, environment.now
        self.waiting = self.running = self.kv = 0
        self.waiting_area = self.running_area = self.kv_area = 0.0
        self.batches = self.batched = self.preemptions = 0
        self.gaps = Counter()
        self.busy = self.joules = 0.0

    def count_gaps(self, gap, number):
        """Times between tokens, in buckets of 0.5 %."""
        self.gaps[int(log(gap) * 200)] += number

    def change(self, waiting=0, running=0, kv=0):
        elapsed = self.environment.now - self.changed
        self.waiting_area += self.waiting * elapsed
        self.running_area += self.running * elapsed
        self.kv_area += self.kv * elapsed
        self.changed = self.environment.now
        self.waiting += waiting
        self.running += running
        self.kv += kv


class Replica:
    def __init__(self, environment, plan, accounts):
        self.environment, self.plan, self.accounts = environment, plan, accounts
        self.size, self.grows = plan.replica.block_size, plan.preemption != "none"
        self.prefill, table = plan.replica.prefill, plan.replica.iteration
        columns = (table.until, table.time_fixed, table.time_per_token, table.energy_fixed, table.energy_per_token)
        rows = zip(*(column.tolist() for column in columns), strict=True)
        self.pieces = [list(zip(*row, strict=True)) for row in rows]
        self.queue, self.batch, self.partial, self.wake = deque(), [], None, None
        self.kv = self.running = 0

    def put(self, request):
        self.accounts.change(waiting=1)
        self.queue.append(request)
        if self.wake is not None:
            self.wake.succeed()
            self.wake = None

    def run(self):
        while True:
            self.preempt()
            if chunks := self.chunks():
                yield from self.run_prefill(chunks)
            elif self.batch:
                yield from self.run_decode()
            else:
                self.wake = self.environment.event()
                yield self.wake

    # --- the KV cache, in tokens of whole blocks ---

    def blocks(self, tokens):
        return -(-tokens // self.size) * self.size

    def needs(self, request):
        return self.blocks(request.context + 1 if self.grows else request.prompt + request.output)

    def room_for(self, request):
        return self.running < self.plan.max_batch and self.kv + self.needs(request) <= self.plan.replica.kv_capacity

    def hold(self, running, kv, waiting=0):
        self.running += running
        self.kv += kv
        self.accounts.change(waiting=waiting, running=running, kv=kv)

    def preempt(self):
        """Have those who came last wait again until all that run have their blocks; their cache is lost."""
        while self.grows and self.kv > self.plan.replica.kv_capacity:
            last = self.partial or self.batch[-1]
            self.hold(-1, -(self.needs(last) if last is self.partial else self.blocks(last.context)), waiting=1)
            if last is self.partial:
                self.partial = None
            else:
                self.batch.pop()
            self.accounts.preemptions += 1
            self.queue.appendleft(last)

    # --- prompts ---

    def chunks(self):
        """What the next iteration computes of prompts, as (request, begin, end)."""
        chunked, found, computed = self.plan.chunked, [], 0
        budget = self.plan.max_batched_tokens - (len(self.batch) if chunked else 0)
        candidates = [self.partial] if self.partial else []
        self.partial = None
        while candidates or (self.queue and self.room_for(self.queue[0])):
            request = candidates[0] if candidates else self.queue[0]
            begin = request.computed if candidates else self.cached(request)
            length = request.context - begin
            if computed >= budget if chunked else computed > 0 and computed + length > budget:
                break
            if not candidates:
                self.start(self.queue.popleft())
            candidates = []
            request.computed = begin + (min(length, budget - computed) if chunked else length)
            computed += request.computed - begin
            found.append((request, begin, request.computed))
            if request.computed < request.context:
                self.partial = request
        return found

    def cached(self, request):
        whole = int(self.plan.prefix_hit_rate * request.prompt / self.size)
        return min(whole, (request.prompt - 1) // self.size) * self.size

    def start(self, request):
        if request.start is None:
            request.start = self.environment.now
        self.hold(1, self.needs(request), waiting=-1)

    def run_prefill(self, chunks):
        law, began = self.prefill, self.environment.now
        decoding = list(self.batch) if self.plan.chunked else []
        context = sum(r.context for r in decoding)
        tokens = float(len(decoding) + sum(end - begin for _, begin, end in chunks))
        read = float(context + sum(end for _, _, end in chunks))
        squares = float(2 * context + sum(end * end - begin * begin for _, begin, end in chunks))
        reading = law.memory_fixed + law.memory_per_token * read
        computing = law.compute_per_token * tokens + law.compute_per_square * squares
        seconds = max(reading, computing) + law.overhead + law.overhead_per_token * tokens
        joules = law.power_base * seconds + law.energy_fixed
        joules += law.energy_per_token * tokens + law.energy_per_square * squares + law.energy_per_read * read
        yield self.environment.at(began + seconds)
        self.accounts.busy += seconds
        self.accounts.joules += min(law.power_limit * seconds, joules)
        if decoding:
            self.accounts.batches += 1
            self.accounts.batched += len(decoding)
        done = [request for request, _, end in chunks if end == request.context]
        for request in done:
            if request.first_token is None:
                request.first_token = request.last_token = self.environment.now
        self.batch += done
        self.emit(decoding, seconds)
        self.emit(done, seconds, grows=False)

    # --- tokens ---

    def run_decode(self):
        """Iterate while the batch stays as it is, and one law holds for it."""
        n, anchor, iteration = len(self.batch), self.environment.now, 0
        base = sum(r.context for r in self.batch)
        until, fixed, per_token, joules, joules_per_token = next(p for p in self.pieces[n] if base < p[0])
        changed = False
        while not changed and base + n * iteration < until:
            began, tokens = self.environment.now, base + n * iteration
            iteration += 1
            read = iteration * float(base) + float(n) * (iteration * (iteration - 1.0) * 0.5)
            yield self.environment.at(anchor + (iteration * fixed + per_token * read))
            self.accounts.batches += 1
            self.accounts.batched += n
            self.accounts.busy += self.environment.now - began
            self.accounts.joules += joules + joules_per_token * tokens
            changed = self.emit(self.batch, fixed + per_token * tokens)
            changed = changed or (self.queue and self.room_for(self.queue[0]))
            changed = changed or self.kv > self.plan.replica.kv_capacity

    def emit(self, requests, gap, *, grows=True):
        """A token for each request, which most had the last one `gap` ago; whether one of them was the last."""
        now, usual, grown = self.environment.now, 0, 0
        for request in requests:
            request.tokens_left -= 1
            since = now - request.last_token
            request.last_token = now
            if 0.0 < since < gap * 1.000001:
                usual += 1
            elif since > 0.0:
                self.accounts.count_gaps(since, 1)
            if grows and self.grows and (request.context - 1) % self.size == 0:
                grown += self.size
        if usual:
            self.accounts.count_gaps(gap, usual)
        if grown:
            self.hold(0, grown)
        done = [request for request in requests if request.tokens_left == 0]
        for request in done:
            self.batch.remove(request)
            self.hold(-1, -self.blocks(request.context))
            request.end = now
        return bool(done)


def serve(plan, arrivals, prompts, outputs):
    """Serve requests given as columns on plan.replicas replicas that take turns; gives requests and accounts."""
    environment = Environment()
    accounts = Accounts(environment)
    replicas = [Replica(environment, plan, accounts) for _ in range(plan.replicas)]
    columns = (arrivals.tolist(), prompts.tolist(), outputs.tolist())
    requests = [Request(*row) for row in zip(*columns, strict=True)]

    def source():
        for number, request in enumerate(requests):
            yield environment.at(request.arrival)
            replicas[number % len(replicas)].put(request)

    environment.process(source())
    for replica in replicas:
        environment.process(replica.run())
    environment.run()
    return requests, accounts
