"""A routing rule of a user's own: a function that numba compiles, called by the kernel through its address.

    def shortest(replicas, request, key):
        best = 0
        for number in range(len(replicas)):
            if replicas[number].outstanding < replicas[best].outstanding:
                best = number
        return best

`replicas` are those of the service as records of `layout.REPLICA`: requests bound to each (`outstanding`), tokens of KV
cache in use (`kv_held`), sequences that run (`members`), and whether it is ready (`life` is 0). `request` is what
arrives (`prompt`, `output`, `work` and `index`). `sim.serving.routing.draw(key, request.index, n)` is a random number
below n. The kernel does not know the rule, so that only the rule itself is compiled anew.
"""

from collections.abc import Callable
from typing import Any

import numba
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from sim.policies.registry import PolicyError
from sim.serving import layout
from sim.serving.compiler import entry, full_helper
from sim.serving.layout import BAD_RULE, READY
from sim.serving.ready_set import next_ready

_library: Any = numba
_types: Any = types
REPLICAS = _types.CPointer(numba.from_dtype(layout.REPLICA))
REQUEST = _types.CPointer(numba.from_dtype(layout.REQUEST))
SIGNATURE = types.int64(REPLICAS, types.int64, REQUEST, types.int64)


class OwnRuleError(PolicyError):
    """A routing rule of a user's own does not compile, or names a replica that is not there."""


def compiled_rule(name: str, function: Callable[..., Any]) -> Any:
    """The machine code of a rule, at its `address` for as long as it is kept. Raises OwnRuleError."""
    plain = getattr(function, "py_func", function)
    rule = numba.njit(nogil=True, boundscheck=True)(plain)

    def call(replicas: Any, count: int, request: Any, key: int) -> int:
        try:
            return int(rule(_library.carray(replicas, count), _library.carray(request, 1)[0], key))
        except Exception:  # noqa: BLE001  whatever it is, the kernel cannot pass it on
            return layout.NONE

    try:
        return numba.cfunc(SIGNATURE)(call)
    except Exception as error:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        reason = next((line for line in lines if not line.startswith("Failed in")), type(error).__name__)
        raise OwnRuleError(
            f"the routing rule `{name}` does not compile: {reason.partition(' of type Record(')[0]}"
        ) from error


@intrinsic
def call_at(typing: Any, address: Any, replicas: Any, first: Any, count: Any, request: Any, key: Any) -> Any:  # noqa: ARG001
    """Call the machine code of a rule at an address: with replicas from `first` on, one request, a key."""
    signature = types.int64(address, replicas, types.int64, types.int64, request, types.int64)

    def code(context: Any, builder: Any, _: Any, arguments: Any) -> Any:
        where, records, begin, number, one, word = arguments
        data = context.make_array(replicas)(context, builder, records).data
        data = builder.gep(data, [begin])
        single = context.make_array(request)(context, builder, one).data
        kinds = [data.type, ir.IntType(64), single.type, ir.IntType(64)]
        function = builder.inttoptr(where, ir.FunctionType(ir.IntType(64), kinds).as_pointer())
        return builder.call(function, [data, number, single, word])

    return signature, code


_call_at: Any = call_at


@full_helper(otherwise=0)
def ask(plane: Any, service_index: int, request_index: int) -> int:
    """The replica that a service's own rule names, counted from its first; one that is not ready stops the plane."""
    clock = plane.clock[0]
    service = entry(plane.services, service_index)
    request = plane.requests[request_index : request_index + 1]
    chosen = _call_at(service.rule, plane.replicas, service.first_replica, service.replicas, request, service.key)
    if 0 <= chosen < service.replicas and entry(plane.replicas, service.first_replica + chosen).life == READY:
        return chosen
    clock.reason = BAD_RULE
    clock.asking = service_index
    clock.named = chosen
    clock.stop = min(clock.stop, clock.now)
    return next_ready(plane, service, 0)
