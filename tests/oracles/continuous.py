"""Continuous batching in plain Python, an event for each iteration, a token for each sequence."""

from sim.serving.layout import READY

CACHED = ("swapped", "handed_over", "transferring", "received")


class Continuous:
    """The part of the oracle that serves token models."""

    def end_continuous(self, replica):
        if replica.doing == "decode" or replica.service.plan.chunked:
            self.emit_decoded(replica)
        if replica.doing == "prefill":
            for request in replica.prefilling:
                self.emit_prefilled(replica, request)
            self.keep_prompts(replica)
            if replica.service.stage:
                self.hand_over(replica)
            replica.batch += replica.prefilling
            replica.prefilling, replica.changed = [], True
        elif replica.doing == "swap":
            replica.batch += replica.swapping
            replica.swapping, replica.changed = [], True
        for request in [r for r in replica.batch if r.tokens_left == 0]:
            replica.batch.remove(request)
            replica.changed = True
            self.finish(request, "completed")

    def emit_decoded(self, replica):
        if replica.doing == "swap" or not replica.batch:
            return
        self.iterations += 1
        for request in replica.batch:
            request.tokens_left -= 1
            if replica.doing == "decode" and (replica.iteration > 1 or request.last_token == replica.anchor):
                self.count_gap(replica, request, replica.seconds)
            else:
                self.count_gap(replica, request, self.now - request.last_token)

    def emit_prefilled(self, replica, request):
        if request.generated == 0:
            request.first_token = self.now
        else:
            self.count_gap(replica, request, self.now - request.last_token)
        request.last_token = self.now
        request.tokens_left -= 1

    def count_gap(self, replica, request, gap):
        limit = replica.service.plan.slo_itl
        request.late = request.late or (limit is not None and gap > limit)
        request.last_token = self.now
        replica.service.gaps.append((request.index, gap))

    def dispatch_continuous(self, replica):
        moved = self.preempt(replica)
        if not moved:
            self.join_received(replica)
        swapped = [] if moved or replica.partial else self.admit_swapped(replica)
        if moved or swapped:
            self.begin_swap(replica, moved or sum(r.context for r in swapped))
            return
        chunks = self.continue_partial(replica) + self.admit(replica)
        if chunks:
            self.begin_prefill(replica, chunks)
        elif replica.batch:
            self.begin_iteration(replica)
        else:
            self.rest(replica)

    # --- the KV cache, in blocks ---

    def capacity(self, replica):
        return replica.laws.kv_capacity // replica.laws.block_size

    def blocks(self, replica, request):
        """Blocks that a request needs in its next iteration; with its whole output where nothing is preempted."""
        plan = replica.service.plan
        cached = request in replica.batch or request in replica.swapping or request.status in CACHED
        tokens = request.context + (not cached)
        if plan.preemption == "none" and not plan.decode:
            tokens = request.prompt + request.output
        return -(-tokens // plan.replica.block_size)

    def blocks_held(self, replica):
        kept = sum(-(-(r.prompt + 1) // replica.service.plan.replica.block_size) for r in replica.keeping)
        return kept + sum(self.blocks(replica, r) for r in replica.held)

    def tokens_held(self, replica):
        """Tokens in the cache of a replica: of requests in its batch, and of those whose prompts are computed.

        Room that is reserved counts in whole blocks.
        """
        plan = replica.service.plan
        if plan.preemption == "none":
            return plan.replica.block_size * sum(self.blocks(replica, r) for r in replica.held)
        return sum(r.context + (r not in replica.batch and r not in replica.swapping) for r in replica.held)

    def has_room(self, replica, request):
        plan = replica.service.plan
        needed = self.blocks_held(replica) + self.blocks(replica, request)
        return len(replica.held) < plan.max_batch and needed <= self.capacity(replica)

    def preempt(self, replica):
        """Suspend the last admitted until the batch has the blocks it needs; gives tokens to be moved to the host."""
        plan, moved = replica.service.plan, 0
        while plan.preemption != "none" and self.blocks_held(replica) > self.capacity(replica):
            running = replica.batch + ([replica.partial] if replica.partial else [])
            request = max(running, key=lambda r: (-r.priority, r.order))
            self.preemptions += 1
            if request is replica.partial:
                replica.partial, request.status = None, "preempted"
            else:
                replica.batch.remove(request)
                replica.changed = True
                request.status = "swapped" if plan.preemption == "swap" else "preempted"
                moved += request.context
            replica.queue.insert(sum(other.priority > request.priority for other in replica.queue), request)
        return moved if plan.preemption == "swap" else 0

    # --- what a replica takes ---

    def take_head(self, replica, queue):
        request = self.start(replica, queue.popleft())
        request.order = replica.admissions
        replica.admissions += 1
        return request

    def next_queue(self, replica):
        """The replica's own queue, unless somebody of higher priority heads the central one."""
        own, central = replica.queue, replica.service.queue
        if replica.life != READY:
            return own
        if own and central and not own[0].taken and central[0].priority > own[0].priority:
            return central
        return own or central

    def admit_swapped(self, replica):
        while (queue := self.next_queue(replica)) and queue[0].status in ("swapped", "handed_over"):
            if not self.has_room(replica, queue[0]):
                break
            if queue[0].status == "handed_over":
                self.begin_transfer(replica, queue)
            else:
                replica.swapping.append(self.take_head(replica, queue))
        return replica.swapping

    def admit(self, replica):
        """Take waiting requests; gives the pieces of prompts that are computed, as (begin, end)."""
        service, chunks = replica.service, []
        while queue := self.next_queue(replica):
            head = queue[0]
            if head.status == "handed_over" and self.has_room(replica, head):
                self.begin_transfer(replica, queue)
                continue
            left = self.budget(replica)
            cached = self.cached(replica, head)
            length = head.context - cached
            over_budget = left <= 0 if service.plan.chunked else replica.computing > 0 and length > left
            if head.status in CACHED or over_budget or not self.has_room(replica, head):
                break
            self.count_skipped(head, cached)
            request = self.take_head(replica, queue)
            request.computed = cached
            chunks.append(self.compute(replica, request))
        return chunks

    def cached(self, replica, request):
        plan = replica.service.plan
        if plan.prefix_blocks:
            return self.kept(replica, request)
        size, rate = plan.replica.block_size, plan.prefix_hit_rate
        return min(int(rate * request.prompt / size), (request.prompt - 1) // size) * size

    def budget(self, replica):
        plan = replica.service.plan
        return plan.max_batched_tokens - replica.computing - (len(replica.batch) if plan.chunked else 0)

    def continue_partial(self, replica):
        replica.computing = 0
        request, replica.partial = replica.partial, None
        return [self.compute(replica, request)] if request else []

    def compute(self, replica, request):
        """Compute what the budget allows of a prompt, all of it where prompts are not chunked."""
        begin, end = request.computed, request.context
        if replica.service.plan.chunked:
            end = min(end, begin + self.budget(replica))
        request.computed = end
        replica.computing += end - begin
        if end == request.context:
            replica.prefilling.append(request)
        else:
            replica.partial = request
        return begin, end

    # --- what begins ---

    def begin_swap(self, replica, tokens):
        seconds = replica.laws.swap_per_token * float(tokens)
        replica.doing, replica.anchor, replica.ends = "swap", self.now, self.now + seconds
        replica.busy += seconds
        self.count_joules(replica, replica.laws.prefill.power_base * seconds)

    def begin_prefill(self, replica, chunks):
        plan = replica.service.plan
        law, n, k = replica.laws.prefill, 0, 0
        if plan.chunked:
            n, k = len(replica.batch), replica.tokens
        tokens = float(n + sum(end - begin for begin, end in chunks))
        read = float(k + sum(end for _, end in chunks))
        squares = float(2 * k + sum(end * end - begin * begin for begin, end in chunks))
        reading = law.memory_fixed + law.memory_per_token * read
        computing = law.compute_per_token * tokens + law.compute_per_square * squares
        seconds = max(reading, computing) + law.overhead + law.overhead_per_token * tokens
        joules = law.power_base * seconds + law.energy_fixed + law.energy_per_token * tokens
        joules += law.energy_per_square * squares + law.energy_per_read * read
        replica.doing, replica.anchor, replica.ends = "prefill", self.now, self.now + seconds
        replica.busy += seconds
        self.count_joules(replica, min(law.power_limit * seconds, joules))

    def begin_iteration(self, replica):
        table, n = replica.laws.iteration, len(replica.batch)
        if replica.changed or replica.doing != "decode" or replica.tokens >= table.until[n, replica.piece]:
            replica.anchor, replica.base, replica.iteration, replica.changed = self.now, replica.tokens, 0, False
            replica.piece = next(p for p in range(4) if replica.tokens < table.until[n, p])
        replica.doing = "decode"
        p, k = replica.piece, float(replica.tokens)
        self.count_joules(replica, table.energy_fixed[n, p] + table.energy_per_token[n, p] * k)
        replica.seconds = table.time_fixed[n, p] + table.time_per_token[n, p] * k
        replica.iteration += 1
        m, base = replica.iteration, float(replica.base)
        read = m * base + float(n) * (m * (m - 1.0) * 0.5)
        replica.ends = replica.anchor + (m * table.time_fixed[n, p] + table.time_per_token[n, p] * read)
        replica.busy += replica.ends - self.now
