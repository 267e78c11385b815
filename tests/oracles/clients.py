"""Clients that lose patience, try again, and think before they send another, in plain Python."""

import math
from dataclasses import replace


class Clients:
    """The part of the oracle that knows what clients do besides waiting for answers."""

    def clients_of(self, request):
        return self.services[request.service].plan.clients_of_classes[request.class_number]

    def return_at(self, due, request):
        self.returns.append((due, request.service, request.index, request))

    def seat_clients(self, service):
        """Clients in closed loops think until they send their first requests."""
        first = service.plan.first_sent
        for number, (class_number, due, last) in enumerate(first):
            thinking = self.kind(service.number, number - len(first), -math.inf, 0, 0, 0.0, turns=math.inf)
            thinking.class_number, thinking.status = class_number, "thinking"
            if due < last:
                self.return_at(due, thinking)

    def lose(self, request, status):
        """Turned away, or gone: perhaps to come back."""
        clients = self.clients_of(request)
        if clients and request.attempts < clients.attempts:
            request.attempts += 1
            request.moves += 1
            request.status, request.replica = "retrying", -1
            self.return_at(self.now + request.retry_delay, request)
            request.retry_delay *= clients.backoff
        else:
            self.finish(request, status)

    def think(self, request):
        clients = self.clients_of(request)
        if clients and request.turns > 1 and (request.status == "completed" or clients.first_sent):
            due = self.now + request.think_time
            if request.status == "completed":
                replica = self.replicas[request.replica]
                due += replica.service.plan.client_latency + getattr(replica.laws, "request_overhead", 0.0)
            if due < clients.last_send:
                self.return_at(due, request)

    def come_back(self):
        """All that returns at this instant, one after the other; what follows at once is part of it."""
        self.leave_impatient()
        while (due := sorted(t[:3] for t in self.returns if t[0] == self.now)) != []:
            request = next(t[3] for t in self.returns if t[:3] == due[0])
            self.returns = [t for t in self.returns if t[:3] != due[0]]
            if request.status == "transferring":
                self.end_transfer(request)
            elif request.status == "retrying":
                self.retries += 1
                request.status = "waiting"
                self.enter(self.services[request.service], request)
            else:
                self.send_next(self.services[request.service], request)
            self.leave_impatient()

    def send_next(self, service, before):
        clients = self.clients_of(before)
        drawn = next(service.further[before.class_number])
        history = before.prompt + before.output if clients.history else 0
        if history and history + drawn.prompt + drawn.output > service.longest:
            self.cut_sessions += 1
            return
        request = replace(drawn, arrival=self.now, turns=before.turns - 1, prompt=drawn.prompt + history)
        self.arrive(service, request)

    def ends_of_patience(self):
        return [(r.since + r.patience, r.service, r.index, r) for s in self.services for r in s.waiting()]

    def leave_impatient(self):
        for due, *_, request in sorted(self.ends_of_patience(), key=lambda each: each[:3]):
            if due <= self.now:
                self.give_up(self.services[request.service], request, "abandoned")
