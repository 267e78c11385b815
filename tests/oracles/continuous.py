"""Continuous batching in plain Python, an event for each iteration."""


class Continuous:
    """The part of the oracle that serves token models."""

    def end_continuous(self, replica):
        if replica.doing == "prefill":
            for request in replica.prefilling:
                request.first_token, request.tokens_left = self.now, request.output - 1
            replica.batch += replica.prefilling
            replica.prefilling, replica.changed = [], True
        elif replica.doing == "decode":
            self.iterations += 1
            for request in replica.batch:
                request.tokens_left -= 1
        for request in [r for r in replica.batch if r.tokens_left == 0]:
            replica.batch.remove(request)
            replica.changed = True
            self.finish(request, "completed")

    def dispatch_continuous(self, replica):
        self.admit(replica)
        if replica.prefilling:
            self.begin_prefill(replica)
        elif replica.batch:
            self.begin_iteration(replica)
        else:
            self.rest(replica)

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

    def begin_prefill(self, replica):
        law = replica.service.plan.replica.prefill
        tokens = float(sum(r.prompt for r in replica.prefilling))
        squares = float(sum(r.prompt * r.prompt for r in replica.prefilling))
        reading = law.memory_fixed + law.memory_per_token * tokens
        computing = law.compute_per_token * tokens + law.compute_per_square * squares
        seconds = max(reading, computing) + law.overhead + law.overhead_per_token * tokens
        joules = law.power_base * seconds + law.energy_fixed + law.energy_per_token * tokens
        joules += law.energy_per_square * squares + law.energy_per_read * tokens
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
