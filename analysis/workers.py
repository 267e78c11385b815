"""Replications as tasks for an executor: one scenario and one seed go to a worker, and a draw comes back."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from analysis.histograms import Histograms
from analysis.sample import Sample, figures_of, stacked
from sim.scenario import Scenario

if TYPE_CHECKING:
    import pandas as pd

NO_LIMITS: Mapping[str, Sequence[float]] = {}


@dataclass(frozen=True)
class Draw:
    """What is kept of one replication."""

    seed: int
    summary: dict[str, Any]
    latency: "pd.DataFrame"
    telemetry: "pd.DataFrame | None" = None
    jobs: "pd.DataFrame | None" = None

    @property
    def broken(self) -> list[dict[str, Any]]:
        """The laws that the audit found broken."""
        return [law for law in self.summary["audit"] if not law["holds"]]


def draw(
    scenario: Scenario,
    seed: int,
    limits: Mapping[str, Sequence[float]] = NO_LIMITS,
    policies: Mapping[str, Any] | None = None,
    *,
    tables: bool = False,
) -> Draw:
    """Run one replication; `tables` keeps its telemetry and jobs. Raises ScenarioError and FleetError."""
    import sim

    result = sim.run(scenario, seed=seed, policies=policies, limits=limits, batches=0)
    kept = (result.telemetry, result.jobs) if tables else (None, None)
    return Draw(seed, result.summary, result.latency, *kept)


def sample_of(draws: Sequence[Draw]) -> Sample:
    """The sample that replications make."""
    figures = stacked(figures_of(each.summary) for each in draws)
    return Sample(figures, Histograms.of_each([each.latency for each in draws]), tuple(each.seed for each in draws))


class Here(Executor):
    """Runs each task at once in this process: for one worker, and for policies that live nowhere else."""

    def submit(self, task: Any, /, *arguments: Any, **options: Any) -> Future[Any]:
        """Run the task and return its future, which is done."""
        future: Future[Any] = Future()
        try:
            future.set_result(task(*arguments, **options))
        except Exception as error:  # noqa: BLE001  a future carries whatever its task raised
            future.set_exception(error)
        return future


@contextmanager
def worker_pool(jobs: int | None = None) -> Iterator[Executor]:
    """Give an executor of so many processes (default: one a processor), or of this process where it is one."""
    workers = jobs or os.cpu_count() or 1
    if workers == 1:
        yield Here()
        return
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["sim.simulation", "analysis.workers"])
    executor = ProcessPoolExecutor(workers, mp_context=context, initializer=_begin_worker)
    try:
        yield executor
    finally:
        executor.shutdown(wait=True, cancel_futures=True)


def _begin_worker() -> None:
    """Leave interrupts to the parent, and end with it: a worker that outlives its parent would wait for ever."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
