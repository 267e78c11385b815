"""Groups of replicas for prefill and decode in plain Python."""

from oracles.routing import route


class Disaggregated:
    """The part of the oracle that hands prefilled requests over and sends their caches."""

    def hand_over(self, replica):
        """Those that have just been prefilled leave; the replica keeps their caches until they have been sent."""
        stage, leaving, replica.prefilling = replica.service.stage, replica.prefilling, []
        for request in leaving:
            if request.tokens_left == 0:
                self.finish(request, "completed")
                continue
            replica.keeping.append(request)
            request.sender, request.status = replica, "handed_over"
            stage.sent = request.index + 1
            receiver = route(stage, request, self.now)
            request.replica = receiver.number
            receiver.queue.insert(sum(r.priority >= request.priority for r in receiver.queue), request)
            if receiver.doing == "idle":
                receiver.due = True

    def begin_transfer(self, replica, queue):
        plan, request = replica.service.plan, self.take_head(replica, queue)
        begins = max(self.now, replica.link_free, request.sender.link_free)
        ends = begins + (plan.transfer_latency + plan.transfer_per_token * float(request.prompt))
        replica.link_free = request.sender.link_free = ends
        request.status = "transferring"
        replica.receiving.append(request)
        self.return_at(ends, request)

    def end_transfer(self, request):
        request.status = "received"
        sender, replica = request.sender, self.replicas[request.replica]
        sender.keeping.remove(request)
        if sender.doing == "idle" and sender.queue:
            sender.due = True
        replica.receiving.remove(request)
        replica.received.append(request)
        if replica.doing == "idle":
            replica.due = True

    def join_received(self, replica):
        for request in replica.received:
            request.status = "running"
            replica.batch.append(request)
            replica.changed = True
        replica.received = []
