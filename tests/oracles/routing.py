"""Which replica takes a request, looked for among all of them."""

WORD = 2**64 - 1


def draw(key, counter, below):
    """SplitMix64's finalizer over key and counter, its upper half scaled to [0, below)."""
    word = (key + (counter + 1) * 0x9E3779B97F4A7C15) & WORD
    word = ((word ^ (word >> 30)) * 0xBF58476D1CE4E5B9) & WORD
    word = ((word ^ (word >> 27)) * 0x94D049BB133111EB) & WORD
    word ^= word >> 31
    return ((word >> 32) * below) >> 32


def route(service, request):
    """The replica that a rule binds an arriving request to."""
    count, rule = len(service.replicas), service.plan.routing
    if rule == "round_robin":
        chosen, service.cursor = service.cursor, (service.cursor + 1) % count
    elif rule == "random":
        chosen = draw(service.plan.routing_key, request.index + 1, count)
    elif rule == "least_outstanding":
        rotation = [(service.cursor + i) % count for i in range(count)]
        chosen = min(rotation, key=lambda i: service.replicas[i].outstanding)
        service.cursor = (chosen + 1) % count
    elif count == 1:
        chosen = 0
    else:
        first = draw(service.plan.routing_key, 2 * (request.index + 1), count)
        second = draw(service.plan.routing_key, 2 * (request.index + 1) + 1, count - 1)
        second += second >= first
        chosen = first if service.replicas[first].outstanding <= service.replicas[second].outstanding else second
    return service.replicas[chosen]
