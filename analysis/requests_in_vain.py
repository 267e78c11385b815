"""Requests that are sent in vain: nobody is there, or prompt and answer together exceed the KV cache of a replica."""

from collections.abc import Iterator

from analysis.wording import share
from sim.hardware import GenerativeReplica
from sim.preparation import Prepared

NO_REPLICA = "there is no replica: every request waits"


def requests_in_vain(prepared: Prepared) -> Iterator[str]:
    """Say so of services, with file, line and key. Leaves the streams of requests as they are; reads traces anew."""
    from analysis.expectation import arriving_lengths, longest

    for name, service in prepared.scenario.services.items():
        if not service.replicas.initial:
            yield str(prepared.scenario.problem(f"services.{name}.replicas", NO_REPLICA))
        if isinstance(prepared.replicas[name][0].replica, GenerativeReplica):
            _, prompt, output, unsent = arriving_lengths(prepared, name, anew=True)
            too_long = float((prompt + output > longest(prepared, name)).mean()) if len(prompt) else 0.0
            for text in beyond_room(too_long, unsent):
                yield str(prepared.scenario.problem(f"services.{name}.requests", text))


def beyond_room(too_long: float, unsent: float) -> Iterator[str]:
    """Say what the shares of requests that are too long, and of turns that are not sent, come to."""
    if too_long:
        yield f"about {share(too_long)} of the requests exceed the KV cache of a replica and are rejected"
    if unsent:
        yield f"about {share(unsent)} of the turns are not sent, as their sessions outgrow the KV cache of a replica"
