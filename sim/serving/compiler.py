"""Compiles the kernels, and keeps their machine code where it can never be stale.

numba's own cache does not see that a helper in another file changed. So the folder that holds the machine code is
named by a hash of every file of this room, numba's version and the processor: another source, another folder.
"""

import hashlib
import os
import platform
import stat
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
import numpy as np
from numba import types
from numba.core.registry import cpu_target
from numba.extending import overload

from sim.serving.inner_code import ApartCompiler, InnerCompiler

_njit: Any = numba.njit
"""Its stubs do not know all options."""
Function = TypeVar("Function", bound=Callable[..., Any])
OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy", "_nrt": False}
"""Kernels make no arrays, so numba's counting of references is off: it would cost more than the work."""
INNER: dict[str, Any] = {
    **OPTIONS,
    "no_cpython_wrapper": True,
    "no_cfunc_wrapper": True,
    "pipeline_class": InnerCompiler,
}
"""Of functions that only kernels call: without the ways in from elsewhere."""
OPTIMIZATION = 2
"""LLVM's level. The first makes code that is up to a tenth slower, the third compiles longer for no faster code."""


@contextmanager
def _optimization() -> Iterator[None]:
    """Compile at the kernels' level of optimization, and not others' code."""
    config: Any = numba.config
    usual, config.OPT = config.OPT, type(config.OPT)(OPTIMIZATION)
    try:
        yield
    finally:
        config.OPT = usual


with _optimization():
    _ = cpu_target.target_context  # numba's back end, which takes the level of whoever has it made


def _user_cache() -> Path:
    """The user's cache folder, or a temporary one where that cannot be written."""
    home = os.environ.get("XDG_CACHE_HOME")
    folder = (Path(home) if home else Path.home() / ".cache") / "fleetsim"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except OSError:
        return _temporary_cache()


def _temporary_cache() -> Path:
    """A folder of this user's own: machine code from anybody else's would be run as one's own."""
    user = os.getuid() if hasattr(os, "getuid") else 0
    folder = Path(tempfile.gettempdir()) / f"fleetsim-{user}"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        status = folder.stat(follow_symlinks=False)
    except OSError:
        return Path(tempfile.mkdtemp(prefix="fleetsim-"))
    own = stat.S_ISDIR(status.st_mode) and status.st_uid == user and not status.st_mode & 0o022
    return folder if own or not hasattr(os, "getuid") else Path(tempfile.mkdtemp(prefix="fleetsim-"))


@cache
def cache_folder() -> Path:
    """Where this version of the kernels keeps its machine code."""
    digest = hashlib.sha256()
    for source in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(f"{source} {source.stat().st_mtime_ns}".encode())
        digest.update(source.read_bytes())
    processor = (platform.machine(), platform.processor(), _processor_features())
    digest.update(repr((numba.__version__, sys.version_info[:2], processor)).encode())
    return _user_cache() / digest.hexdigest()[:20]


def _processor_features() -> str:
    import llvmlite.binding as llvm

    return f"{llvm.get_host_cpu_name()} {sorted(llvm.get_host_cpu_features().items())}"


def _inner(function: Function, **options: Any) -> Any:
    """Compile a function that only kernels call, once for all constants that it is called with.

    numba would compile it anew for each: `has_room(..., 0)` beside `has_room(..., ahead)`.
    """
    compiled = _njit(**{**INNER, **options})(function)
    typed = compiled.get_call_template

    def get_call_template(arguments: Any, named: Any) -> Any:
        return typed(tuple(map(types.unliteral, arguments)), named)

    compiled.get_call_template = get_call_template
    return compiled


def helper(function: Function) -> Function:
    """Compile a function that only other kernels call. It is inlined: not to would cost nine tenths of the speed."""
    return cast("Function", _inner(function, forceinline=True))


def rare(function: Function) -> Function:
    """Compile a helper that is seldom called: not inlined, so that it costs machine code once, and a call its time."""
    return cast("Function", _inner(function))


def apart(function: Function) -> Function:
    """Compile the function to which a kernel hands its work, with a reference to the plane: it is never inlined."""
    return cast("Function", _inner(function, pipeline_class=ApartCompiler))


@helper
def entry(array: Any, index: int) -> Any:
    """What stands at an index that is never negative: Python's indices from the end would cost a fifth of all time."""
    return array[np.uint64(index)]


@helper
def is_full(plane: Any) -> bool:
    """Whether a plane has services that need more than the least; known when a kernel is compiled."""
    return plane.full is not None


def full_helper(*, otherwise: Any = None, inlined: bool = False) -> Callable[[Function], Function]:
    """Compile a function that only full planes need; for a plain one it is the constant `otherwise`.

    So what a plain plane does not need costs it neither machine code nor time to compile. Its first argument is the
    plane. It is called, not inlined, because most of what is not plain is not frequent either.
    """
    options: Any = {**INNER, "forceinline": inlined}

    def nothing(_plane: Any, *_arguments: Any) -> Any:
        return otherwise

    def decorate(function: Function) -> Function:
        def stand_in(*_arguments: Any) -> Any:
            raise NotImplementedError(f"`{function.__name__}` runs in kernels only")

        @overload(stand_in, jit_options=options, strict=False)
        def choose(plane: Any, *_arguments: Any) -> Any:
            return nothing if isinstance(plane.plane.types[0], types.NoneType) else function

        stand_in.__doc__, stand_in.__name__ = function.__doc__, function.__name__
        return cast("Function", stand_in)

    return decorate


def kernel(function: Function) -> Function:
    """Compile a function that Python calls; its machine code is kept between runs, and compiling says so on stderr."""
    folder = cache_folder()
    config: Any = numba.config
    before, config.CACHE_DIR = config.CACHE_DIR, str(folder)
    try:
        compiled = _njit(**OPTIONS, no_cfunc_wrapper=True, cache=True)(function)
    finally:
        config.CACHE_DIR = before
    mark = folder / f"{function.__name__}.compiled"

    def call(*arguments: Any) -> Any:
        first = not compiled.overloads and not mark.exists()
        if first:
            sys.stderr.write(f"fleetsim: compiling `{function.__name__}` (once for this version and machine) ...\n")
            sys.stderr.flush()
        with _optimization():
            result = compiled(*arguments)
        if first:
            folder.mkdir(parents=True, exist_ok=True)
            mark.touch()
        return result

    call.__doc__ = function.__doc__
    call.__name__ = function.__name__
    return cast("Function", call)
