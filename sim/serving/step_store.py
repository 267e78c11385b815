"""The steps of a run in a temporary file, so that what is held in memory does not grow with them."""

from collections import defaultdict
from collections.abc import Iterator
from tempfile import TemporaryFile
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.serving import layout


class StepStore:
    """Takes blocks of steps as they come, and gives those of each replica in order."""

    def __init__(self) -> None:
        self._file = TemporaryFile()  # noqa: SIM115  it is needed as long as the store
        self._runs: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)
        self._length = 0

    def __call__(self, steps: NDArray[Any]) -> None:
        """Take the next steps, records of `layout.STEP`; those of one replica come in order."""
        steps = steps[np.argsort(steps["replica"], kind="stable")]
        replicas, firsts, counts = np.unique(steps["replica"], return_index=True, return_counts=True)
        for replica, first, count in zip(replicas.tolist(), firsts.tolist(), counts.tolist(), strict=True):
            self._runs[replica].append((self._length + first, count))
        self._file.seek(self._length * layout.STEP.itemsize)
        self._file.write(steps.tobytes())
        self._length += len(steps)

    def of(self, replica: int) -> Iterator[NDArray[Any]]:
        """The steps of a replica, a block at a time."""
        size = layout.STEP.itemsize
        for first, count in self._runs[replica]:
            self._file.seek(first * size)
            yield np.frombuffer(self._file.read(count * size), layout.STEP)
