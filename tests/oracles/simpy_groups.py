"""Prefill and decode on replicas of their own as a SimPy model: a process per replica, an event per iteration.

Whoever decodes takes a request when it has room, and only then its KV cache is sent; the link of each replica carries
one cache at a time. Requests go to the replicas of each group in rotation. The cache grows by the token.
"""

from itertools import cycle

from oracles.simpy_twin import Accounts, Environment, Replica, Request


class PrefillReplica(Replica):
    """Computes prompts, and keeps their caches until they have been sent."""

    link_free = 0.0

    def emit(self, requests, gap, *, grows=True):
        if grows:
            return
        for request in requests:
            request.tokens_left -= 1
            self.batch.remove(request)
            if request.tokens_left == 0:
                self.hold(-1, -self.blocks(request.context))
                request.end = self.environment.now
            else:
                self.hold(-1, 0)
                request.sender = self
                self.receivers[next(self.turns)].put(request)

    def release(self, request):
        self.hold(0, -self.blocks(request.prompt + 1))
        if self.wake is not None:
            self.wake.succeed()
            self.wake = None


class DecodeReplica(Replica):
    """Takes prefilled requests, and has them join its batch when their caches have come."""

    link_free = 0.0

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.received = []

    def chunks(self):
        """Whose cache has come joins; who has room is taken; nothing is ever computed here."""
        self.batch += self.received
        self.received = []
        self.take_all()
        return []

    def take_all(self):
        while self.queue and self.room_for(self.queue[0]):
            self.take(self.queue.popleft())

    def needs(self, request):
        return self.blocks(request.context)

    def take(self, request):
        self.hold(1, self.needs(request), waiting=-1)
        begins = max(self.environment.now, self.link_free, request.sender.link_free)
        ends = begins + (self.plan.transfer_latency + self.plan.transfer_per_token * float(request.prompt))
        self.link_free = request.sender.link_free = ends
        self.environment.at(ends).callbacks = [lambda _: self.receive(request)]

    def receive(self, request):
        self.received.append(request)
        request.sender.release(request)
        if self.wake is not None:
            self.wake.succeed()
            self.wake = None

    def emit(self, requests, gap, *, grows=True):
        """Those who are taken now do not change the batch yet."""
        done = super().emit(requests, gap, grows=grows)
        self.take_all()
        return done or bool(self.received)


def serve(plan, arrivals, prompts, outputs):
    """Serve requests given as columns; gives requests and accounts."""
    environment = Environment()
    accounts = Accounts(environment)
    senders = [PrefillReplica(environment, plan, accounts) for _ in range(plan.replicas)]
    receivers = [DecodeReplica(environment, plan.decode, accounts) for _ in range(plan.decode.replicas)]
    columns = (arrivals.tolist(), prompts.tolist(), outputs.tolist())
    requests = [Request(*row) for row in zip(*columns, strict=True)]
    turns = cycle(range(len(receivers)))

    def source():
        for number, request in enumerate(requests):
            yield environment.at(request.arrival)
            senders[number % len(senders)].put(request)

    for sender in senders:
        sender.receivers, sender.turns = receivers, turns
    environment.process(source())
    for replica in (*senders, *receivers):
        environment.process(replica.run())
    environment.run()
    return requests, accounts
