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

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic
from numpy.typing import NDArray

from sim.policies.registry import PolicyError
from sim.serving import layout
from sim.serving.compiler import entry, full_helper
from sim.serving.layout import BAD_RULE, RAISED, READY
from sim.serving.ready_set import next_ready

_library: Any = numba
_types: Any = types
_REPLICA, _REQUEST = numba.from_dtype(layout.REPLICA), numba.from_dtype(layout.REQUEST)
SIGNATURE = types.int64(_types.CPointer(_REPLICA), types.int64, _types.CPointer(_REQUEST), types.int64)


class OwnRuleError(PolicyError):
    """A routing rule of a user's own does not compile, or names a replica that is not there."""


@dataclass(frozen=True)
class OwnRule:
    """A rule that is compiled, and the function that it was."""

    code: Any
    function: Callable[..., Any]

    @property
    def address(self) -> int:
        """Of the machine code, for as long as the rule is kept."""
        return int(self.code.address)

    def said(self, replicas: NDArray[Any], request: Any, key: int) -> str:
        """The exception of the function on some replicas and a request; compiled code cannot pass it on."""
        try:
            with np.errstate(divide="raise", invalid="raise"):  # as compiled code does
                self.function(replicas.view(np.recarray), request, key)
        except Exception as error:  # noqa: BLE001  whatever the rule raises
            return f": {type(error).__name__}: {error}" if str(error) else f": {type(error).__name__}"
        return ""


def compiled_rule(name: str, function: Callable[..., Any]) -> OwnRule:
    """Compile a rule to machine code. Raises OwnRuleError."""
    plain = getattr(function, "py_func", function)
    _check_parameters(name, plain)
    rule = numba.njit(nogil=True, boundscheck=True)(plain)

    def call(replicas: Any, count: int, request: Any, key: int) -> int:
        try:
            return int(rule(_library.carray(replicas, count), _library.carray(request, 1)[0], key))
        except Exception:  # noqa: BLE001  whatever it is, the kernel cannot pass it on
            return RAISED

    try:
        rule.compile((_types.Array(_REPLICA, 1, "C"), _REQUEST, types.int64))
        returned = rule.nopython_signatures[0].return_type
        code = numba.cfunc(SIGNATURE)(call) if isinstance(returned, types.Integer) else None
    except Exception as error:
        raise OwnRuleError(f"the routing rule `{name}` does not compile: {_reason(error)}") from error
    if code is None:
        kind = "none on some paths" if isinstance(returned, types.Optional) else str(returned)
        raise OwnRuleError(f"the routing rule `{name}` must return the number of a replica, not {kind}")
    return OwnRule(code, plain)


def _check_parameters(name: str, function: Callable[..., Any]) -> None:
    try:
        inspect.signature(function).bind("replicas", "request", "key")
    except (TypeError, ValueError):
        raise OwnRuleError(f"the routing rule `{name}` is not a function of (replicas, request, key)") from None
    if not inspect.isfunction(function):
        raise OwnRuleError(f"the routing rule `{name}` is not a function written in Python")


def _reason(error: Exception) -> str:
    """The first line that says something, without the long names of records."""
    if isinstance(error, KeyError):
        return f"a record has no field {error}"
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    said = next((line for line in lines if not line.startswith("Failed in")), type(error).__name__)
    return said.partition(" of type Record(")[0]


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
    clock.asked = request_index
    clock.stop = min(clock.stop, clock.now)
    return next_ready(plane, service, 0)
