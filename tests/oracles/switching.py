"""Several single-pass models on the same replicas in plain Python."""

from sim.serving.layout import READY


class Switching:
    """The part of the oracle in which a replica loads another model before it serves that."""

    def dispatch_shared(self, replica):
        service = replica.service
        if replica.doing == "loaded":
            self.begin_pass_of_model(replica)
            return
        queue = replica.queue or (service.queue if replica.life == READY else ())
        central = queue is service.queue
        request = self.next_request(replica, queue)
        if request is None:
            self.wait_for_batch(replica, queue)
            return
        if service.watcher is replica:
            service.watcher = None
        elsewhere = [r for r in service.ready if r.doing == "idle" and not r.due and r.loaded == request.model]
        if request.model == replica.loaded:
            self.begin_pass_of_model(replica)
        elif central and elsewhere:
            elsewhere[0].due = True
            self.rest(replica)
            return
        else:
            self.begin_switch(replica, request.model)
        self.wake(service)

    def wait_for_batch(self, replica, queue):
        service = replica.service
        central = queue is service.queue
        if not queue or (central and service.watcher not in (None, replica)):
            self.rest(replica)
            return
        replica.doing, replica.ends = "holding", min(r.since for r in queue) + service.plan.max_queue_delay
        if central:
            service.watcher = replica

    def next_request(self, replica, queue):
        """The request whose model is served next; none if no model has a batch."""
        plan = replica.service.plan
        models = {r.model for r in queue if self.has_batch(plan, [q for q in queue if q.model == r.model])}
        candidates = [r for r in queue if r.model in models]
        candidates = [r for r in candidates if r.priority == max(q.priority for q in candidates)]
        if not candidates:
            return None
        oldest = min(candidates, key=lambda r: (r.since, r.index))
        own = [r for r in candidates if r.model == replica.loaded]
        if plan.switching.rule == "first_come" or not own:
            return oldest
        limit = plan.switching.max_wait
        overdue = limit is not None and any(
            r.model != replica.loaded and self.now - r.since > limit for r in candidates
        )
        return oldest if overdue else own[0]

    def has_batch(self, plan, requests):
        waited = any(r.since + plan.max_queue_delay <= self.now for r in requests)
        return waited or len(requests) >= plan.max_batch

    def begin_switch(self, replica, model):
        replica.loaded = model
        self.fill_with_model(replica)
        seconds = replica.law_of(model).load_time
        replica.doing, replica.ends = "switch", self.now + seconds
        replica.switches += 1
        replica.busy += seconds
        self.count_joules(replica, replica.laws.resident_power * seconds)

    def begin_pass_of_model(self, replica):
        self.fill_with_model(replica)
        n, work = len(replica.batch), 0.0
        for request in reversed(replica.batch):
            work += request.work
        law = replica.law_of(replica.loaded)
        seconds = law.latency[n] * (work / n)
        replica.doing, replica.ends = "pass", self.now + seconds
        replica.busy += seconds
        self.count_joules(replica, law.energy[n] * (work / n))

    def fill_with_model(self, replica):
        plan = replica.service.plan
        for queue in (replica.queue, replica.service.queue if replica.life == READY else ()):
            for request in [r for r in queue if r.model == replica.loaded]:
                if len(replica.batch) < plan.max_batch:
                    queue.remove(request)
                    replica.batch.append(self.start(replica, request))
