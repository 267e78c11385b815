"""Which replica takes a request, looked for among all of them."""

WORD = 2**64 - 1


def draw(key, counter, below):
    """SplitMix64's finalizer over key and counter, its upper half scaled to [0, below)."""
    word = (key + (counter + 1) * 0x9E3779B97F4A7C15) & WORD
    word = ((word ^ (word >> 30)) * 0xBF58476D1CE4E5B9) & WORD
    word = ((word ^ (word >> 27)) * 0x94D049BB133111EB) & WORD
    word ^= word >> 31
    return ((word >> 32) * below) >> 32


def load(service, replica):
    """What `least_work` and `weighted` compare."""
    if service.plan.routing == "weighted":
        return (replica.outstanding + 1) / replica.laws.speed
    if service.generative:
        return sum(request.prompt + request.output for request in [*replica.queue, *replica.held])
    return replica.free_at


def route(service, request, now):
    """The replica that a rule binds an arriving request to."""
    count, rule = len(service.replicas), service.plan.routing
    if rule == "round_robin":
        chosen, service.cursor = service.cursor, (service.cursor + 1) % count
    elif rule == "random":
        chosen = draw(service.plan.routing_key, service.sent, count)
    elif rule == "least_outstanding":
        rotation = [(service.cursor + i) % count for i in range(count)]
        chosen = min(rotation, key=lambda i: service.replicas[i].outstanding)
        service.cursor = (chosen + 1) % count
    elif rule in ("least_work", "weighted"):
        loads = [load(service, replica) for replica in service.replicas]
        bound = min(loads) if service.generative or rule == "weighted" else max(min(loads), now)
        chosen = next(i for i in [(service.cursor + i) % count for i in range(count)] if loads[i] <= bound)
        service.cursor = (chosen + 1) % count
    elif rule == "own":
        chosen = own_rule(service.replicas, request, service.plan.routing_key)
    elif count == 1:
        chosen = 0
    else:
        first = draw(service.plan.routing_key, 2 * service.sent, count)
        second = draw(service.plan.routing_key, 2 * service.sent + 1, count - 1)
        second += second >= first
        chosen = first if service.replicas[first].outstanding <= service.replicas[second].outstanding else second
    return service.replicas[chosen]


def own_rule(replicas, request, key):
    """A rule of a user's own, that runs compiled and in plain Python: long prompts have the first replica."""
    if request.prompt > 200 and request.output > 0:
        return 0
    best = 0
    for number in range(len(replicas)):
        if replicas[number].outstanding < replicas[best].outstanding:
            best = number
    return best if key % 2 == 0 else (request.index + best) % len(replicas)
