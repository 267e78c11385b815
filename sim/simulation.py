"""One run: both planes on one clock, from the first arrival to the horizon."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sim.batches import Batches
from sim.fleet.environment import FleetEnvironment, Phase, Process, on_grid
from sim.fleet.failures import Failures
from sim.fleet.ledger import Ledger, State
from sim.fleet.pool import FleetError, Holding
from sim.pilot import pilot_of, warm_up
from sim.pools import pool_power
from sim.preparation import FOREVER, Prepared, prepare
from sim.replicas import FREE, Replicas, move_replica
from sim.results import Result, Run
from sim.scenario import Scenario
from sim.scenario.training import TrainingStream
from sim.service_plans import service_plan
from sim.serving.request_plane import RequestPlane
from sim.serving.rows import RowWriter
from sim.serving.step_store import StepStore
from sim.telemetry import Meter, Totals
from sim.training.job_plane import JobPlane, Stream
from sim.training.progress import Checkpoints
from sim.training.tenants import Tenant
from sim.workload.streams import stream

BATCHES = 64
"""Equal parts of the window: enough to see how they depend on one another."""
DRAIN_STEP = 3600.0
"""Seconds by which requests in flight are brought forward at a time once the horizon is passed."""


def run(
    scenario: Scenario,
    *,
    seed: int | None = None,
    policies: Mapping[str, Any] | None = None,
    limits: Mapping[str, Sequence[float]] | None = None,
    batches: int = BATCHES,
    progress: Callable[[float], None] | None = None,
    block_size: int | None = None,
) -> Result:
    """Run a scenario once.

    `seed` replaces the scenario's own; `policies` replaces policies by instances, by seam; `limits` names durations by
    the path of their block, such as `services.chat.ttft_s`, whose share over each is counted; `batches` is into how
    many equal parts the window is cut, from which its intervals are made (0: none); `progress` is told the share of
    the horizon that is done; `block_size` is how many requests are drawn at a time, and changes nothing else.
    Raises ScenarioError for what is wrong with the input.
    """
    if seed is not None:
        scenario = scenario.with_({"seed": seed})
    prepared = ready(scenario, policies, limits=limits, block_size=block_size)
    return simulate(prepared, batches=batches, progress=progress)


def ready(
    scenario: Scenario,
    policies: Mapping[str, Any] | None = None,
    *,
    limits: Mapping[str, Sequence[float]] | None = None,
    block_size: int | None = None,
) -> Prepared:
    """Prepare a scenario as `prepare` does, its warm-up found by a pilot run where it says `auto`."""
    if scenario.warmup != "auto":
        return prepare(scenario, policies, limits=limits, block_size=block_size)
    pilot = simulate(prepare(pilot_of(scenario), policies), batches=0)
    found = warm_up([pilot.telemetry])
    scenario = scenario.with_({"warmup": f"{found.seconds!r} s"})
    prepared = prepare(scenario, policies, limits=limits, block_size=block_size)
    prepared.warm_up = found
    return prepared


def simulate(prepared: Prepared, *, batches: int = BATCHES, progress: Callable[[float], None] | None = None) -> Result:
    """Run what is prepared, as `run` does. Raises FleetError."""
    began = time.perf_counter()
    simulation = Simulation(prepared, batches=batches, progress=progress)
    simulation.run()
    return Result.of(simulation.finished(time.perf_counter() - began))


class Simulation:
    """A run that is built and not yet run: `environment` is its clock, on which one may put further processes.

    They may have `replicas` come and go.
    """

    def __init__(
        self, prepared: Prepared, *, batches: int = 0, progress: Callable[[float], None] | None = None
    ) -> None:
        self.prepared = prepared
        self.scenario = prepared.scenario
        self.end = prepared.until
        self.samples: list[Totals] = []
        self.opening: Totals | None = None
        self.closing: Totals | None = None
        self.rows = RowWriter() if self.scenario.output.requests else None
        self.steps = StepStore() if self.scenario.output.timeline else None
        self._progress = progress
        self.ledger = self._ledger()
        self.plane = self._request_plane()
        self.environment = FleetEnvironment(self.plane)
        self.jobs = self._job_plane()
        self._meter = Meter(self.plane, self.jobs, self.ledger, prepared.slots, list(prepared.pools.values()))
        changing = {name: slots for (name, group), slots in prepared.slots.items() if not group}
        self.replicas = Replicas(self.environment, self.plane, self.ledger, prepared.pools, changing, prepared.restart)
        self._failures = Failures(
            self.environment,
            prepared.pools,
            self.ledger,
            prepared.failures,
            interrupted=self._interrupt,
            changed=self._change_room,
        )
        for pool in prepared.pools.values():
            pool.clock = lambda: self.environment.now
        self.batches = Batches(self.plane)
        self._cuts = batches if self.end < FOREVER else 0

    def run(self) -> None:
        """Run to the horizon, and beyond it to the end of what is in flight where the scenario drains."""
        self.samples.append(self._meter.read(0.0))
        warmup = self.environment.at(self.prepared.warmup, Phase.BOUNDARY)
        warmup.callbacks.append(lambda _: self._open())
        self.environment.process(self._sampling())
        self.environment.process(self._batching())
        horizon = self.jobs.done if self.end == FOREVER else self.environment.at(self.end, Phase.BOUNDARY)
        self.environment.run(until=horizon)
        self._close()
        if self.scenario.drain:
            self._drain()
        if self.plane is not None:
            self.plane.settle()
            self.plane.flush_rows()

    def finished(self, wall: float) -> Run:
        """What the run has left, for its results. `wall` in seconds."""
        if self.opening is None or self.closing is None:
            raise RuntimeError("the run has not been run")
        return Run(
            prepared=self.prepared,
            ledger=self.ledger,
            plane=self.plane,
            jobs=self.jobs,
            opening=self.opening,
            closing=self.closing,
            samples=self.samples,
            batches=self.batches,
            ended=self.environment.now,
            wall=wall,
            decisions=self.environment.decisions,
            rows=self.rows,
            steps=self.steps,
        )

    def _open(self) -> None:
        self.opening = self._meter.read(self.environment.now)

    def _close(self) -> None:
        now = self.environment.now
        if now <= self.prepared.warmup:
            raise FleetError(f"every job had ended at {now:g} s, within the warm-up: there is nothing to count")
        self.closing = self._meter.read(now)
        if self._cuts:
            self.batches.mark(self.closing)
        if self.samples[-1].time < now:
            self.samples.append(self.closing)
        if self.plane is not None:
            self.plane.end_window()

    def _drain(self) -> None:
        """Run what has arrived to its end: no arrivals are left, they all came before the horizon.

        Where replicas come and go, what is on the clock beside the jobs goes on meanwhile.
        """
        if not self.jobs.done.processed:
            self.environment.run(until=self.jobs.done)
        while self.plane is not None and self.plane.in_flight:
            if self._replicas_change and self.environment.peek() < FOREVER:
                self.environment.step()
            elif self.plane.stands_still:
                raise FleetError(f"requests wait at {self.plane.now:g} s for replicas that never come")
            else:
                self.plane.advance(self.plane.now + DRAIN_STEP)

    @property
    def _replicas_change(self) -> bool:
        return any(self.scenario.replicas_change(service) for service in self.scenario.services)

    def _interrupt(self, holding: Holding) -> None:
        """Something of this fails."""
        if not self.replicas.interrupt(holding):
            self.jobs.interrupt(holding)

    def _change_room(self, pool: str) -> None:
        """Accelerators of a pool have gone down or come up: replicas are before jobs."""
        self.replicas.start_anew(pool)
        self.jobs.call_pass()

    def _sampling(self) -> Process:
        interval, number = self.scenario.output.telemetry, 0
        while True:
            number += 1
            yield self.environment.at(number * interval, Phase.BOUNDARY)
            if self.closing is not None:
                return
            self.samples.append(self._meter.read(self.environment.now))
            if self._progress and self.end < FOREVER:
                self._progress(self.environment.now / self.end)

    def _batching(self) -> Process:
        """Cut the window into equal parts; the last ends with the window."""
        begin = self.prepared.warmup
        for number in range(self._cuts):
            yield self.environment.at(begin + (self.end - begin) * number / self._cuts, Phase.BOUNDARY)
            self.batches.mark(self._meter.read(self.environment.now))

    def _ledger(self) -> Ledger:
        """The ledger at time zero: services hold theirs, the rest is free."""
        prepared = self.prepared
        pools = {name: pool_power(self.scenario, name, prepared.replicas) for name in self.scenario.pools}
        ledger = Ledger(pools, [*self.scenario.services, *self.scenario.training])
        for (service, _), slots in prepared.slots.items():
            for slot in slots:
                if slot.holding is not None:
                    move_replica(ledger, 0.0, service, slot.holding, FREE, (service, State.RESIDENT))
        return ledger

    def _request_plane(self) -> RequestPlane | None:
        if not self.scenario.services:
            return None
        plans = [service_plan(self.prepared, name) for name in self.scenario.services]
        return RequestPlane(
            plans,
            window_start=on_grid(self.prepared.warmup),
            on_rows=self.rows,
            on_steps=self.steps,
            steps_within=self.scenario.output.steps_within(self.prepared.warmup),
        )

    def _job_plane(self) -> JobPlane:
        streams = [
            Stream(
                name,
                self.prepared.jobs[name],
                spec.pools,
                spec.queue_limit,
                _checkpoints(spec),
                spec.preemptible,
                _reserved(spec),
            )
            for name, spec in self.scenario.training.items()
        ]
        tenants = [Tenant(name, tenant.weight, tenant.quota) for name, tenant in self.scenario.tenants.items()]
        return JobPlane(
            self.environment,
            self.prepared.pools,
            self.ledger,
            self.prepared.policies["scheduling"],
            streams,
            tenants,
            stream(self.scenario.seed, "policies", "scheduling"),
            until_done=not self._replicas_change and (self.scenario.drain or self.end == FOREVER),
        )


def _reserved(spec: TrainingStream) -> tuple[int, float, float] | None:
    """How many accelerators are reserved for a stream, and from when to when (s)."""
    found = spec.reservation
    return None if found is None else (spec.reserved, found.from_, found.from_ + found.for_)


def _checkpoints(spec: TrainingStream) -> Checkpoints | None:
    found = spec.checkpoint
    return None if found is None else Checkpoints(found.interval, found.cost, found.restart)
