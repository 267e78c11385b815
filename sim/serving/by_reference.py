"""The plane as kernels pass it from function to function: by reference.

numba passes a tuple by value: seven arguments a call for each of its 35 arrays, so that compiling did little else than
pack and unpack them. A kernel puts its plane into memory and hands a reference to it to a function that is not inlined;
all below pass that on, and see the fields as before.
"""

from typing import Any

import numba
from llvmlite import ir
from numba import extending, types

_types: Any = types
_core: Any = numba.core
_extending: Any = extending


class PlaneReference(_types.Type):  # type: ignore[misc]
    """The type of a reference to a plane of a type."""

    def __init__(self, plane: Any) -> None:
        self.plane = plane
        super().__init__(name=f"reference({plane.name})")

    @property
    def key(self) -> Any:
        """What tells it from others."""
        return self.plane


@_extending.register_model(PlaneReference)
class _PlaneReferenceModel(_extending.models.PrimitiveModel):  # type: ignore[misc]
    """A pointer."""

    def __init__(self, manager: Any, reference: PlaneReference) -> None:
        super().__init__(manager, reference, manager.lookup(reference.plane).get_data_type().as_pointer())


@_core.typing.templates.infer_getattr
class _Fields(_core.typing.templates.AttributeTemplate):  # type: ignore[misc]
    """A reference has the fields of its plane."""

    key = PlaneReference

    def generic_resolve(self, reference: PlaneReference, name: str) -> Any:
        """Give the type of a field; None where there is no such field."""
        fields = reference.plane.fields
        return reference.plane.types[fields.index(name)] if name in fields else None


def _field(context: Any, builder: Any, reference: PlaneReference, value: Any, name: str) -> Any:
    index = reference.plane.fields.index(name)
    loaded = _loaded(builder, _core.cgutils.gep_inbounds(builder, value, 0, index))
    return context.data_model_manager[reference.plane.types[index]].from_data(builder, loaded)


def _loaded(builder: Any, place: Any) -> Any:
    """What is at a place, each part by itself, as LLVM forgets of a whole that it does not change.

    Where the arrays lie does not change as long as somebody has the reference; what is in them does.
    """
    kind = place.type.pointee
    if isinstance(kind, ir.Aggregate):
        whole = kind(ir.Undefined)
        for number in range(len(kind)):
            part = _loaded(builder, _core.cgutils.gep_inbounds(builder, place, 0, number))
            whole = builder.insert_value(whole, part, number)
        return whole
    loaded = builder.load(place)
    loaded.set_metadata("invariant.load", builder.module.add_metadata([]))
    return loaded


_extending.lower_getattr_generic(PlaneReference)(_field)


def _reference(typing: Any, plane: Any) -> Any:  # noqa: ARG001
    def code(context: Any, builder: Any, _: Any, arguments: Any) -> Any:
        stored = context.data_model_manager[plane].as_data(builder, arguments[0])
        place = _core.cgutils.alloca_once(builder, stored.type)
        builder.store(stored, place)
        return place

    return PlaneReference(plane)(plane), code


referred_to: Any = _extending.intrinsic(_reference)
"""Gives a reference to a plane, for as long as the kernel runs that calls it."""
