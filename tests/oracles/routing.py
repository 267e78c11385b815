"""Which replica takes a request, looked for among all of them."""

from sim.serving.layout import READY

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
    count, rule, ready = len(service.replicas), service.plan.routing, [r.life == READY for r in service.replicas]
    numbers = [number for number in range(count) if ready[number]]
    rotation = [(service.cursor + i) % count for i in range(count) if ready[(service.cursor + i) % count]]
    key, counter = service.plan.routing_key, request.index + 1 + 2**40 * request.moves
    if rule == "round_robin":
        chosen = rotation[0]
        service.cursor = (chosen + 1) % count
    elif rule == "random":
        chosen = numbers[draw(key, counter, len(numbers))]
    elif rule == "least_outstanding":
        chosen = min(rotation, key=lambda i: service.replicas[i].outstanding)
        service.cursor = (chosen + 1) % count
    elif rule in ("least_work", "weighted"):
        loads = [load(service, replica) for replica in service.replicas]
        least = min(loads[i] for i in numbers)
        bound = least if service.generative or rule == "weighted" else max(least, now)
        chosen = next(i for i in rotation if loads[i] <= bound)
        service.cursor = (chosen + 1) % count
    elif rule == "own":
        chosen = own_rule(service.replicas, request, key)
    elif len(numbers) == 1:
        chosen = numbers[0]
    else:
        first = draw(key, 2 * counter, len(numbers))
        second = draw(key, 2 * counter + 1, len(numbers) - 1)
        second += second >= first
        first, second = numbers[first], numbers[second]
        chosen = first if service.replicas[first].outstanding <= service.replicas[second].outstanding else second
    return service.replicas[chosen]


def own_rule(replicas, request, key):
    """A rule of a user's own, that runs compiled and in plain Python: long prompts have the first that is ready."""
    best, first = -1, -1
    for number in range(len(replicas)):
        if replicas[number].life == 0:
            if first < 0:
                first = number
            if best < 0 or replicas[number].outstanding < replicas[best].outstanding:
                best = number
    if request.prompt > 200 and request.output > 0:
        return first
    moved = (request.index + best) % len(replicas)
    return best if key % 2 == 0 or replicas[moved].life != 0 else moved
