"""Continuous batching as a SimPy model is usually written: a process per replica, an event per iteration.

Prefill first, requests in rotation over replicas, and the same accounts as the request plane keeps. The laws are those
of a `GenerativeReplica`, and the end of an iteration is evaluated from the anchor, the instant at which the batch last
changed. Events are scheduled at absolute times, because a delay added to the clock would round.
"""

from collections import deque
from heapq import heappush

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
    def __init__(self, arrival, prompt, output, block_size):
        self.arrival, self.prompt, self.output = arrival, prompt, output
        self.tokens_left = output
        self.kv = -(-(prompt + output) // block_size) * block_size
        self.start = self.first_token = self.end = None


class Accounts:
    """Time integrals of how many requests wait and run and of the KV cache they reserve; work, busy time and energy."""

    def __init__(self, environment):
        self.environment, self.changed = environment, environment.now
        self.waiting = self.running = self.kv = 0
        self.waiting_area = self.running_area = self.kv_area = 0.0
        self.batches = self.batched = 0
        self.busy = self.joules = 0.0

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
        self.prefill, table = plan.replica.prefill, plan.replica.iteration
        columns = (table.until, table.time_fixed, table.time_per_token, table.energy_fixed, table.energy_per_token)
        rows = zip(*(column.tolist() for column in columns), strict=True)
        self.pieces = [list(zip(*row, strict=True)) for row in rows]
        self.queue, self.batch, self.kv, self.wake = deque(), [], 0, None

    def put(self, request):
        self.accounts.change(waiting=1)
        self.queue.append(request)
        if self.wake is not None:
            self.wake.succeed()
            self.wake = None

    def run(self):
        while True:
            if admitted := self.admit():
                yield from self.run_prefill(admitted)
            elif self.batch:
                yield from self.run_decode()
            else:
                self.wake = self.environment.event()
                yield self.wake

    def room_for(self, request):
        return len(self.batch) < self.plan.max_batch and self.kv + request.kv <= self.plan.replica.kv_capacity

    def admit(self):
        admitted, tokens = [], 0
        while self.queue and self.room_for(self.queue[0]):
            if tokens > 0 and tokens + self.queue[0].prompt > self.plan.max_batched_tokens:
                break
            request = self.queue.popleft()
            request.start = self.environment.now
            self.kv += request.kv
            self.accounts.change(waiting=-1, running=1, kv=request.kv)
            self.batch.append(request)
            admitted.append(request)
            tokens += request.prompt
        return admitted

    def run_prefill(self, admitted):
        law, tokens = self.prefill, float(sum(r.prompt for r in admitted))
        squares = float(sum(r.prompt * r.prompt for r in admitted))
        reading = law.memory_fixed + law.memory_per_token * tokens
        computing = law.compute_per_token * tokens + law.compute_per_square * squares
        seconds = max(reading, computing) + law.overhead + law.overhead_per_token * tokens
        joules = law.power_base * seconds + law.energy_fixed
        joules += law.energy_per_token * tokens + law.energy_per_square * squares + law.energy_per_read * tokens
        yield self.environment.at(self.environment.now + seconds)
        self.accounts.busy += seconds
        self.accounts.joules += min(law.power_limit * seconds, joules)
        for request in admitted:
            request.first_token = self.environment.now
        self.emit(admitted)

    def run_decode(self):
        """Iterate while the batch stays as it is, and one law holds for it."""
        n, anchor, iteration = len(self.batch), self.environment.now, 0
        base = sum(r.prompt + r.output - r.tokens_left for r in self.batch)
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
            changed = self.emit(self.batch) or (self.queue and self.room_for(self.queue[0]))

    def emit(self, requests):
        """A token for each request; whether one of them was the last."""
        for request in requests:
            request.tokens_left -= 1
        done = [request for request in requests if request.tokens_left == 0]
        for request in done:
            self.batch.remove(request)
            self.kv -= request.kv
            self.accounts.change(running=-1, kv=-request.kv)
            request.end = self.environment.now
        return bool(done)


def serve(plan, arrivals, prompts, outputs):
    """Serve requests given as columns on plan.replicas replicas that take turns; gives requests and accounts."""
    environment = Environment()
    accounts = Accounts(environment)
    replicas = [Replica(environment, plan, accounts) for _ in range(plan.replicas)]
    columns = (arrivals.tolist(), prompts.tolist(), outputs.tolist())
    requests = [Request(*row, plan.replica.block_size) for row in zip(*columns, strict=True)]

    def source():
        for number, request in enumerate(requests):
            yield environment.at(request.arrival)
            replicas[number % len(replicas)].put(request)

    environment.process(source())
    for replica in replicas:
        environment.process(replica.run())
    environment.run()
    return requests, accounts
