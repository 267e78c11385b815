"""Batches of single-pass models in plain Python."""

from sim.serving.layout import READY


class SinglePass:
    """The part of the oracle that serves models that answer in one pass."""

    def end_pass(self, replica):
        for request in replica.batch:
            self.finish(request, "completed")
        replica.batch = []

    def dispatch_pass(self, replica):
        service, plan = replica.service, replica.service.plan
        queue = replica.queue or (service.queue if replica.life == READY else ())
        if not queue:
            self.rest(replica)
            return
        deadline = min(r.since for r in queue) + plan.max_queue_delay
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
        for queue in (replica.queue, replica.service.queue if replica.life == READY else ()):
            share = 0.0
            while queue and len(replica.batch) < plan.max_batch:
                request = self.start(replica, queue.popleft())
                share += request.work
                replica.batch.append(request)
            work += share
        n = len(replica.batch)
        seconds = replica.laws.latency[n] * (work / n)
        replica.doing, replica.ends = "pass", self.now + seconds
        replica.busy += seconds
        self.count_joules(replica, replica.laws.energy[n] * (work / n))

    def wake(self, service):
        idle = [r for r in service.ready if r.doing == "idle" and not r.due]
        if not service.queue:
            return
        if service.watcher is not None:
            if len(service.queue) >= service.plan.max_batch:
                service.watcher.due = True
        elif idle:
            idle[0].due = True
