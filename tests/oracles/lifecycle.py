"""Replicas that come and go, in plain Python."""

import math

from oracles.routing import route

from sim.serving.layout import ABSENT, DRAINING, READY

GRID = 2.0**20


class Lifecycle:
    """The part of the oracle in which replicas become ready, drain and die.

    `changes` are (instant, function) pairs, in order of time: what whoever decides does there.
    """

    def make_changes(self):
        while self.change_is_due():
            _, change = self.changes.pop(0)
            change(self)

    def change_is_due(self):
        return bool(self.changes) and self.changes[0][0] == self.now

    def at(self, instant, change):
        """Have something done at an instant, after all that is done there already."""
        place = sum(due <= instant for due, _ in self.changes)
        self.changes.insert(place, (instant, change))

    # --- whoever decides is told at the next instant that decisions fall on ---

    def ask(self, service, reason):
        if getattr(service, f"asks_when_{reason}"):
            setattr(service, f"asks_when_{reason}", False)
            service.asks.add(reason)
            self.at(math.ceil(self.now * GRID) / GRID, Lifecycle.tell)

    def tell(self):
        for service in self.services:
            asks, service.asks = service.asks, set()
            for reason in ("none", "idle"):
                if reason in asks:
                    getattr(self.controller, f"on_{reason}")(service.number, self.now)
        gone = [replica for replica in self.draining if replica.life == ABSENT]
        self.draining = [replica for replica in self.draining if replica not in gone]
        for replica in gone if self.controller else ():
            self.controller.on_drained(replica.service.number, replica.service.replicas.index(replica), self.now)

    # --- what whoever decides does ---

    def replica_of(self, service, number):
        return self.services[service].replicas[number]

    def make_ready(self, service, number):
        replica = self.replica_of(service, number)
        if replica.life == ABSENT:
            replica.loaded = 0
        replica.life = READY
        self.forget(replica)
        self.serve_central(self.services[service])

    def drain(self, service, number):
        replica = self.replica_of(service, number)
        replica.life = DRAINING
        if not replica.held and not replica.queue:
            self.vanish(replica)
        else:
            self.draining.append(replica)
        self.serve_central(self.services[service])

    def die(self, service, number):
        replica = self.replica_of(service, number)
        self.break_off(replica)
        requests = sorted([*replica.held, *replica.queue], key=lambda request: (request.since, request.index))
        self.vanish(replica)
        self.forget(replica)
        for request in requests:
            request.taken, request.moves = False, request.moves + 1
            request.status = "waiting" if math.isnan(request.start) else "preempted"
            if self.services[service].plan.on_death == "lose":
                self.finish(request, "lost")
            else:
                self.send_back(self.services[service], request)
        self.serve_central(self.services[service])

    def forget(self, replica):
        """Nobody is to be told any more when it has drained."""
        self.draining = [each for each in self.draining if each is not replica]

    def vanish(self, replica):
        replica.queue.clear()
        replica.batch, replica.prefilling, replica.swapping, replica.partial = [], [], [], None
        replica.life, replica.doing, replica.ends, replica.due = ABSENT, "idle", math.inf, False
        replica.free_at = 0.0
        replica.kept.clear()
        if replica.service.watcher is replica:
            replica.service.watcher = None

    def leave_drained(self, replica):
        if replica.life == DRAINING and not replica.held and not replica.queue:
            self.vanish(replica)
            self.at(math.ceil(self.now * GRID) / GRID, Lifecycle.tell)

    # --- what a dying replica leaves ---

    def count_joules(self, replica, joules):
        """Of the step that begins, whose end is known later."""
        replica.began, replica.step_joules = self.now, joules
        replica.joules += joules

    def break_off(self, replica):
        """Of the step under way count what it has taken up to now."""
        if replica.doing in ("prefill", "decode", "swap", "pass", "switch") and replica.ends < math.inf:
            replica.busy -= replica.ends - self.now
            replica.joules -= replica.step_joules * (replica.ends - self.now) / (replica.ends - replica.began)

    # --- back to the router ---

    def send_back(self, service, request):
        if not service.ready:
            self.ask(service, "none")
        request.replica = -1
        if service.central or not service.ready:
            idle = [r for r in service.ready if r.doing == "idle" and not r.due]
            if idle and not service.queue and self.starts_at_once(service):
                self.take(idle[0], request)
                return
            line_up_by_arrival(service.queue, request)
            if service.watcher:
                service.watcher.due = True
            elif idle:
                idle[0].due = True
        else:
            self.send_to_replica(service, request)

    def send_to_replica(self, service, request):
        replica = route(service, request, self.now)
        if replica.doing == "idle" and not replica.due and self.starts_at_once(service):
            self.take(replica, request)
            return
        self.bind(replica, request)
        line_up_by_arrival(replica.queue, request)
        if not service.generative and replica.doing in ("idle", "holding"):
            replica.due = True

    def serve_central(self, service):
        """Have somebody look at those who wait for no one in particular."""
        if not service.central:
            while service.ready and service.queue:
                self.send_to_replica(service, service.queue.popleft())
        elif not service.generative:
            self.wake(service)
        elif service.queue:
            for replica in [r for r in service.ready if r.doing == "idle" and not r.due][:1]:
                replica.due = True


def line_up_by_arrival(queue, request):
    """Ahead of those of its priority that arrived later, but for one that a replica is about to start."""
    mine = (-request.priority, request.since, request.index)
    behind = [not other.taken and (-other.priority, other.since, other.index) > mine for other in queue]
    queue.insert(behind.index(True) if True in behind else len(queue), request)
