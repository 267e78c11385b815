"""One run: both planes on one clock, from the first arrival to the horizon."""

import time
from collections.abc import Callable, Mapping
from typing import Any

from sim.fleet.environment import FleetEnvironment, Phase, Process
from sim.fleet.ledger import UNASSIGNED, Ledger, State
from sim.policies.protocols import Ordering
from sim.preparation import Prepared, pool_power, prepare, queue_delay, seconds_into_week
from sim.results import Result, Run
from sim.scenario import Scenario, ScenarioError
from sim.serving.request_plane import RequestPlane, ServicePlan
from sim.serving.rows import RowWriter
from sim.telemetry import Meter, Totals
from sim.training.job_plane import JobPlane, Stream
from sim.workload.jobs import job_source
from sim.workload.request_traces import TraceError
from sim.workload.requests import request_source
from sim.workload.streams import stream_key

FOREVER = float("inf")
DRAIN_STEP = 3600.0
"""Seconds by which requests in flight are brought forward at a time once the horizon is passed."""


def run(
    scenario: Scenario,
    *,
    seed: int | None = None,
    policies: Mapping[str, Any] | None = None,
    progress: Callable[[float], None] | None = None,
    block_size: int | None = None,
) -> Result:
    """Run a scenario once.

    `seed` replaces the scenario's own; `policies` replaces policies by instances, by seam; `progress` is told the
    share of the horizon that is done; `block_size` is how many requests are drawn at a time, and changes nothing else.
    Raises ScenarioError for what is wrong with the input.
    """
    began = time.perf_counter()
    if seed is not None:
        scenario = scenario.with_({"seed": seed})
    simulation = Simulation(prepare(scenario, policies), progress=progress, block_size=block_size)
    simulation.run()
    return Result.of(simulation.finished(time.perf_counter() - began))


class Simulation:
    """A run that is built and not yet run: `environment` is its clock, on which one may put further processes."""

    def __init__(
        self,
        prepared: Prepared,
        *,
        progress: Callable[[float], None] | None = None,
        block_size: int | None = None,
    ) -> None:
        self.prepared = prepared
        self.scenario = prepared.scenario
        self.end = FOREVER if isinstance(self.scenario.horizon, str) else self.scenario.horizon
        self.samples: list[Totals] = []
        self.opening: Totals | None = None
        self.closing: Totals | None = None
        self.rows = RowWriter() if self.scenario.output.requests else None
        self._progress = progress
        self.ledger = self._ledger()
        self.plane = self._request_plane(block_size)
        self.environment = FleetEnvironment(self.plane)
        self.jobs = self._job_plane()
        self._meter = Meter(self.plane, self.jobs, self.ledger, prepared.holdings)

    def run(self) -> None:
        """Run to the horizon, and beyond it to the end of what is in flight where the scenario drains."""
        self.samples.append(self._meter.read(0.0))
        warmup = self.environment.at(self.scenario.warmup, Phase.BOUNDARY)
        warmup.callbacks.append(lambda _: self._open())
        self.environment.process(self._sampling())
        horizon = self.jobs.done if self.end == FOREVER else self.environment.at(self.end, Phase.BOUNDARY)
        self.environment.run(until=horizon)
        self._close()
        if self.scenario.drain:
            self._drain()
        if self.plane is not None:
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
            ended=self.environment.now,
            wall=wall,
            decisions=self.environment.decisions,
            rows=self.rows,
        )

    def _open(self) -> None:
        self.opening = self._meter.read(self.environment.now)

    def _close(self) -> None:
        now = self.environment.now
        self.closing = self._meter.read(now)
        if self.samples[-1].time < now:
            self.samples.append(self.closing)
        if self.plane is not None:
            self.plane.end_window()

    def _drain(self) -> None:
        """Run what has arrived to its end: no arrivals are left, they all came before the horizon."""
        if not self.jobs.done.processed:
            self.environment.run(until=self.jobs.done)
        while self.plane is not None and self.plane.in_flight:
            self.plane.advance(self.plane.now + DRAIN_STEP)

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

    def _ledger(self) -> Ledger:
        """The ledger at time zero: services hold theirs, the rest is free."""
        prepared = self.prepared
        pools = {name: pool_power(prepared, name) for name in self.scenario.pools}
        ledger = Ledger(pools, [*self.scenario.services, *self.scenario.training])
        for service, holdings in prepared.holdings.items():
            for holding in holdings:
                ledger.move(
                    0.0, holding.pool, holding.accelerators, (UNASSIGNED, State.IDLE), (service, State.RESIDENT)
                )
        return ledger

    def _request_plane(self, block_size: int | None) -> RequestPlane | None:
        if not self.scenario.services:
            return None
        problems, plans = [], []
        for name in self.scenario.services:
            try:
                plans.append(self._service_plan(name, block_size))
            except TraceError as error:
                problems.append(self.scenario.problem(f"services.{name}.requests.arrivals.path", str(error)))
            except ScenarioError as error:
                problems.extend(error.problems)
        if problems:
            raise ScenarioError(problems)
        return RequestPlane(plans, window_start=self.scenario.warmup, on_rows=self.rows)

    def _service_plan(self, name: str, block_size: int | None) -> ServicePlan:
        scenario, service = self.scenario, self.scenario.services[name]
        source = request_source(
            name,
            service.requests,
            seed=scenario.seed,
            folder=scenario.folder,
            start_of_day=seconds_into_week(scenario, service.pools[0]),
            until=self.end,
            block_size=block_size,
        )
        generative = scenario.model(service.model).kind == "generative"
        if generative and not source.has_lengths:
            path = f"services.{name}.requests.arrivals"
            raise ScenarioError([scenario.problem(path, "the trace has no prompt_tokens and output_tokens")])
        limits = service.slo.limits if service.slo else {}
        return ServicePlan(
            name=name,
            replica=self.prepared.replicas[name],
            replicas=service.replicas.initial,
            routing=service.routing,
            arrivals=source,
            routing_key=stream_key(scenario.seed, "services", name, "routing"),
            max_batch=service.batching.max_batch_size,
            max_batched_tokens=getattr(service.batching, "max_batched_tokens", 0),
            max_queue_delay=queue_delay(service),
            queue_limit=service.queue_limit,
            timeout=service.timeout,
            client_latency=service.client_latency,
            slo_ttft=limits.get("ttft"),
            slo_tpot=limits.get("tpot"),
            slo_e2e=limits.get("e2e"),
        )

    def _job_plane(self) -> JobPlane:
        ordering: Ordering = self.prepared.policies["scheduling"]
        streams, problems = [], []
        for name, spec in self.scenario.training.items():
            try:
                source = job_source(
                    name,
                    spec,
                    seed=self.scenario.seed,
                    folder=self.scenario.folder,
                    start_of_day=seconds_into_week(self.scenario, spec.pools[0]),
                    until=self.end,
                )
            except TraceError as error:
                problems.append(self.scenario.problem(f"training.{name}.trace.path", str(error)))
                continue
            checkpoint = spec.checkpoint
            streams.append(
                Stream(
                    name,
                    source,
                    spec.pools,
                    spec.queue_limit,
                    checkpoint.interval if checkpoint else None,
                    checkpoint.cost if checkpoint else 0.0,
                )
            )
        if problems:
            raise ScenarioError(problems)
        return JobPlane(self.environment, self.prepared.pools, self.ledger, ordering, streams)
