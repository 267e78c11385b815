"""How functions that only kernels call are compiled: to code that kernels take in, and to none that runs by itself.

numba would optimize each of them and make it executable, with all that it calls, before it is taken in and optimized
once more: more than half of all compiling.
"""

import hashlib
from collections.abc import Sequence
from typing import Any

import numba
from numba._dynfunc import make_function

_core: Any = numba.core
_mangle: Any = numba.core.itanium_mangler.mangle


def short_name(name: str, types: Sequence[Any], *, abi_tags: Sequence[str] = (), uid: int | None = None) -> str:
    """A function's name in machine code, with a digest of its arguments' types: in full these take 16 kB."""
    digest = hashlib.sha256(",".join(map(str, types)).encode()).hexdigest()[:20]
    return str(_mangle(name, (), abi_tags=(*abi_tags, digest), uid=uid))


class InnerLibrary(_core.codegen.JITCodeLibrary):  # type: ignore[misc]
    """The code of one function and of those it calls, to be linked into others."""

    def _optimize_final_module(self) -> None:
        """Leave that to the kernel, which optimizes all that it takes in as a whole."""

    def _finalize_final_module(self) -> None:
        """Be done: numba would make it executable here."""
        self._finalize_dynamic_globals()
        self._verify_declare_only_symbols()
        self._finalized = True


class ApartLibrary(InnerLibrary):
    """The same of a function that is never inlined."""

    def add_ir_module(self, ir_module: Any) -> None:
        """Take in the code of the function itself."""
        for function in ir_module.functions:
            if not function.is_declaration:
                function.attributes.add("noinline")
        super().add_ir_module(ir_module)


@_core.compiler_machinery.register_pass(mutates_CFG=True, analysis_only=False)
class InnerLowering(_core.typed_passes.NativeLowering):  # type: ignore[misc]
    """numba's step from its own code to LLVM's, without making that executable."""

    _name = "inner_lowering"
    _library = InnerLibrary

    def run_pass(self, state: Any) -> bool:
        """Put the code into a library of its own, and say which function it is."""
        state.library = self._library(state.targetctx.codegen(), state.func_id.func_qualname)
        state.flags.no_compile = True
        state.targetctx = state.targetctx.subtarget(mangler=short_name)
        super().run_pass(state)
        lowered = state["cr"]
        function = lowered.fndesc
        nowhere = 0  # numba knows functions by the object with which Python would call them
        entry = make_function(function.lookup_module(), function.qualname, "", nowhere, lowered.env, (state.library,))
        state.targetctx.insert_user_function(entry, function, [state.library])
        state["cr"] = lowered._replace(cfunc=entry)
        return True


@_core.compiler_machinery.register_pass(mutates_CFG=True, analysis_only=False)
class ApartLowering(InnerLowering):
    """The same for a function that is never inlined."""

    _name = "apart_lowering"
    _library = ApartLibrary


class InnerCompiler(_core.compiler.CompilerBase):  # type: ignore[misc]
    """numba's usual steps, but for that one."""

    _lowering = InnerLowering

    def define_pipelines(self) -> list[Any]:
        """Give the steps."""
        steps, usual = _core.compiler_machinery.PassManager("inner"), _core.compiler.DefaultPassBuilder
        parts = (usual.define_untyped_pipeline, usual.define_typed_pipeline, usual.define_nopython_lowering_pipeline)
        every = [step for define in parts for step in define(self.state).passes]
        usual_lowering = _core.typed_passes.NativeLowering
        steps.passes = [(self._lowering if step is usual_lowering else step, why) for step, why in every]
        steps.finalize()
        return [steps]


class ApartCompiler(InnerCompiler):
    """The same for a function that is never inlined."""

    _lowering = ApartLowering
